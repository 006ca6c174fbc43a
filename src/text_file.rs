//! Text files as people write them: some editors put a byte order mark at the beginning of UTF-8 text.

use std::io;
use std::path::Path;

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a file of UTF-8 text, without a byte order mark.
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<String> {
    let bytes = read_bytes(path)?;
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Reads a file that contains mostly text, without a byte order mark.
pub(crate) fn read_bytes(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut bytes = std::fs::read(path)?;
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
