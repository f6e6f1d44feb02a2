//! Messages in the wire format of protocol buffers.
//!
//! Source: "Encoding", protobuf.dev/programming-guides/encoding. A field is its number and wire type in
//! one varint, then its value.

/// Wire types.
const VARINT: u64 = 0;
const EIGHT_BYTES: u64 = 1;
const LENGTH: u64 = 2;
const FOUR_BYTES: u64 = 5;

/// A message that grows field by field.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// An `int64` that is not negative, or an enumeration.
    pub(super) fn integer(mut self, field: u64, value: u64) -> Self {
        self.key(field, VARINT);
        self.varint(value);
        self
    }

    pub(super) fn float(mut self, field: u64, value: f32) -> Self {
        self.key(field, FOUR_BYTES);
        self.bytes.extend(value.to_le_bytes());
        self
    }

    pub(super) fn double(mut self, field: u64, value: f64) -> Self {
        self.key(field, EIGHT_BYTES);
        self.bytes.extend(value.to_le_bytes());
        self
    }

    pub(super) fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub(super) fn message(self, field: u64, message: Self) -> Self {
        self.bytes(field, &message.bytes)
    }

    /// Doubles in one packed field.
    pub(super) fn doubles(self, field: u64, values: &[f64]) -> Self {
        let packed: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.bytes(field, &packed)
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.key(field, LENGTH);
        self.varint(bytes.len() as u64);
        self.bytes.extend(bytes);
        self
    }

    fn key(&mut self, field: u64, wire_type: u64) {
        self.varint(field << 3 | wire_type);
    }

    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the format's own page.
    #[test]
    fn bytes_are_those_of_the_specification() {
        let integer = Message::default().integer(1, 150);
        assert_eq!(integer.clone().into_bytes(), [0x08, 0x96, 0x01]);
        let text = Message::default().text(2, "testing");
        assert_eq!(text.into_bytes(), b"\x12\x07testing");
        let inner = Message::default().message(3, integer);
        assert_eq!(inner.into_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
    }

    #[test]
    fn numbers_have_their_width() {
        let float = Message::default().float(2, 1.);
        assert_eq!(float.into_bytes(), [0x15, 0, 0, 0x80, 0x3f]);
        let double = Message::default().double(1, 1.);
        assert_eq!(double.into_bytes(), [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        let doubles = Message::default().doubles(6, &[1., 1.]).into_bytes();
        assert_eq!(doubles[..2], [0x32, 16]);
        assert_eq!(doubles.len(), 18);
    }
}
