//! API paths: ids in them, and the same path without ids for metrics.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is encoded in a path segment: all but the unreserved characters of RFC 3986.
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The words of the API paths that are called; any other segment is an id.
const WORDS: [&str; 22] = [
    "@self", "build", "comment", "copy", "delete", "enable", "file", "fileops", "files", "folder",
    "keys", "log", "move", "path", "people", "rooms", "settings", "triggers", "upload", "version",
    "webhook", "webhooks",
];

/// Encodes an id as a path segment. Third-party ids contain `|` and more (docs/DOCSPACE.md 2.3).
pub(super) fn segment(id: &str) -> String {
    utf8_percent_encode(id, NOT_UNRESERVED).to_string()
}

/// The path with its ids replaced, such as `files/file/{id}`, and without its query.
pub(super) fn route(path: &str) -> String {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let segments = path.split('/').map(|segment| {
        if WORDS.contains(&segment) {
            segment
        } else {
            "{id}"
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_encoded() {
        assert_eq!(segment("1482901"), "1482901");
        assert_eq!(segment("drive-12-|1Zk/ü"), "drive-12-%7C1Zk%2F%C3%BC");
        assert_eq!(segment("a_b.c~d %"), "a_b.c~d%20%25");
    }

    #[test]
    fn ids_are_replaced() {
        let check = |path: &str, expected: &str| assert_eq!(route(path), expected, "{path}");
        check("people/@self", "people/@self");
        check("files/file/9001", "files/file/{id}");
        check("files/folder/drive-1%7C2/path", "files/folder/{id}/path");
        check("files/77?count=100&startIndex=0", "files/{id}");
        check("files/file/9001/comment", "files/file/{id}/comment");
        check("files/fileops?id=ab-cd", "files/fileops");
        check("settings/webhooks/log?configId=4", "settings/webhooks/log");
    }
}
