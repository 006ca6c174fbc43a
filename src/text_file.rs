//! Text files as people write them: some editors put a byte order mark at the beginning of UTF-8 text.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The most bytes of a file: settings are small, and a device or pipe may have no end. The certificates of all public
/// authorities have 220 KiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads a file of UTF-8 text, without a byte order mark.
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<String> {
    let bytes = read_bytes(path)?;
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Reads a file that contains mostly text, without a byte order mark.
pub(crate) fn read_bytes(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = MAX_BYTES + 1;
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == limit {
        let message = format!("it has more than {MAX_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        let check = |bytes: &[u8], expected: Option<&str>| {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read(&path).ok().as_deref(), expected, "{bytes:?}");
        };
        check(b"\xef\xbb\xbfA=1", Some("A=1"));
        check(b"A=1", Some("A=1"));
        check(b"\xef\xbb\xbf", Some(""));
        // UTF-16, which PowerShell writes.
        check(b"\xff\xfeA\0", None);
    }
}
