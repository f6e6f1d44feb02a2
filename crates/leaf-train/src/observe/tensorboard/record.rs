//! The framing of TensorFlow's record files.

use crc::{CRC_32_ISCSI, Crc};

/// CRC-32C.
static CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// A record: its length (8 bytes, the lowest first), the length's checksum, the data and theirs.
///
/// Source: TensorFlow, "TFRecord and tf.train.Example". The checksum is CRC-32C, turned right by 15 bits,
/// plus a constant.
pub(super) fn framed(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend(length);
    record.extend(masked(&length).to_le_bytes());
    record.extend(data);
    record.extend(masked(data).to_le_bytes());
    record
}

fn masked(data: &[u8]) -> u32 {
    CHECKSUM
        .checksum(data)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_its_length_and_two_checksums() {
        let record = framed(b"leaf");
        assert_eq!(record[..8], [4, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&record[12..16], b"leaf");
        assert_eq!(record.len(), 20);
        // CRC-32C's test vector.
        assert_eq!(CHECKSUM.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(
            masked(b"123456789"),
            0xe306_9283u32.rotate_right(15).wrapping_add(0xa282_ead8)
        );
    }
}
