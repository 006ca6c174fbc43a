//! How much of a TLS record has been received that is not complete: nothing of it can be used, and rustls keeps it.

/// The size of a record's head: its type, its version, and the length of what follows.
const HEAD_BYTES: usize = 5;

/// Follows the records of one direction of a TLS connection.
#[derive(Debug, Default)]
pub(super) struct RecordMeter {
    /// The head of the current record, as far as it has been received.
    head: [u8; HEAD_BYTES],
    /// How much of the current record has been received, its head included.
    received: usize,
}

impl RecordMeter {
    /// Takes the next bytes. What is no TLS at all is measured as something, too; rustls closes such a connection.
    pub(super) fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.received < HEAD_BYTES {
                let taken = bytes.len().min(HEAD_BYTES - self.received);
                let (head, rest) = bytes.split_at(taken);
                self.head[self.received..][..taken].copy_from_slice(head);
                self.received += taken;
                bytes = rest;
            }
            if self.received >= HEAD_BYTES {
                let [_, _, _, high, low] = self.head;
                let size = HEAD_BYTES + usize::from(u16::from_be_bytes([high, low]));
                let taken = bytes.len().min(size - self.received);
                bytes = &bytes[taken..];
                self.received = (self.received + taken) % size;
            }
        }
    }

    /// The size of what has been received of the record that is not complete.
    pub(super) fn incomplete_bytes(&self) -> usize {
        self.received
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head and the content of a record of this size.
    fn record(size: u16) -> Vec<u8> {
        let mut record = vec![23, 3, 3];
        record.extend(size.to_be_bytes());
        record.resize(HEAD_BYTES + usize::from(size), 0);
        record
    }

    #[test]
    fn only_the_last_record_is_incomplete_however_it_is_received() {
        let bytes = [record(100), record(0), record(16_384)].concat();
        for cut in [1, 4, 5, 6, 105, 107, 110, 111, bytes.len() - 1, bytes.len()] {
            let expected = match cut {
                0..105 => cut,
                105..110 => cut - 105,
                110.. => (cut - 110) % (HEAD_BYTES + 16_384),
            };
            for chunk in [1, 3, 7, 4096, bytes.len()] {
                let mut meter = RecordMeter::default();
                bytes[..cut]
                    .chunks(chunk)
                    .for_each(|bytes| meter.add(bytes));
                assert_eq!(meter.incomplete_bytes(), expected, "{cut} bytes by {chunk}");
            }
        }
    }
}
