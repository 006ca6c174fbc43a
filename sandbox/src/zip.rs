//! Zip archives without compression.

use bytes::Bytes;

/// The flag that says that names are in UTF-8.
const UTF_8: u16 = 1 << 11;

/// An archive of files with their paths.
pub(super) fn archive(files: &[(String, Bytes)]) -> Bytes {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in files {
        let offset = number(archive.len());
        let mut entry = Vec::new();
        for field in [20, UTF_8, 0, 0, 0x21] {
            entry.extend(field.to_le_bytes());
        }
        for field in [crc32(content), number(content.len()), number(content.len())] {
            entry.extend(field.to_le_bytes());
        }
        entry.extend(number(name.len()).to_le_bytes());
        archive.extend(b"PK\x03\x04");
        archive.extend(&entry);
        archive.extend(name.as_bytes());
        archive.extend_from_slice(content);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&entry);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = number(archive.len());
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\x00\x00\x00\x00");
    let [low, high, ..] = number(files.len()).to_le_bytes();
    archive.extend([low, high, low, high]);
    archive.extend(number(directory.len()).to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0; 2]);
    archive.into()
}

/// A length as the format states it. The sandbox has no larger files.
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_format() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
