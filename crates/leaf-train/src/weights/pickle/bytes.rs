//! Bytes that are taken from the front.

use super::super::refusal::{Refusal, Result};

/// What is left of a file.
#[derive(Clone, Debug)]
pub(in super::super) struct Bytes<'a> {
    rest: &'a [u8],
    taken: usize,
}

impl<'a> Bytes<'a> {
    pub(in super::super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            taken: 0,
        }
    }

    /// How many bytes were taken.
    pub(in super::super) fn taken(&self) -> usize {
        self.taken
    }

    /// The next `count` bytes.
    pub(in super::super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let Some((front, rest)) = self.rest.split_at_checked(count) else {
            let (left, at) = (self.rest.len(), self.taken);
            return Err(Refusal::new(
                format!("{left} bytes from byte {at} on"),
                format!("{count} more"),
            ));
        };
        self.rest = rest;
        self.taken += count;
        Ok(front)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    pub(super) fn f64_big_endian(&mut self) -> Result<f64> {
        Ok(f64::from_be_bytes(self.array()?))
    }

    /// A length of 8 bytes.
    pub(in super::super) fn length(&mut self) -> Result<usize> {
        let length = u64::from_le_bytes(self.array()?);
        usize::try_from(length)
            .map_err(|_| Refusal::new(format!("a length of {length}"), "one that fits the file"))
    }

    /// A two's complement integer of that many bytes; none if it does not fit 64 bits.
    pub(super) fn long(&mut self, count: usize) -> Result<Option<i64>> {
        let bytes = self.take(count)?;
        if count > 8 {
            return Ok(None);
        }
        let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut whole = if negative { [0xff; 8] } else { [0; 8] };
        whole[..count].copy_from_slice(bytes);
        Ok(Some(i64::from_le_bytes(whole)))
    }

    /// Text up to the next line break, which is taken too.
    pub(super) fn line(&mut self) -> Result<String> {
        let end = self.rest.iter().position(|&byte| byte == b'\n');
        let Some(end) = end else {
            let at = self.taken;
            return Err(Refusal::new(
                format!("no line break after byte {at}"),
                "a name and a line break",
            ));
        };
        let line = self.take(end + 1)?;
        Ok(String::from_utf8_lossy(&line[..end]).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_any_length_keep_their_sign() -> Result<()> {
        for (bytes, value) in [
            (&[][..], Some(0)),
            (&[0xff], Some(-1)),
            (&[0xff, 0], Some(255)),
            (&[0, 0, 0, 0, 0, 0, 0, 0x80], Some(i64::MIN)),
            (&[0; 10], None),
        ] {
            assert_eq!(Bytes::new(bytes).long(bytes.len())?, value, "{bytes:?}");
        }
        Ok(())
    }

    #[test]
    fn the_end_is_an_error() {
        let mut bytes = Bytes::new(&[1, 2, 3]);
        assert_eq!(bytes.u16(), Ok(0x201));
        assert!(bytes.u32().is_err() && bytes.line().is_err());
        assert_eq!((bytes.u8(), bytes.taken()), (Ok(3), 3));
    }
}
