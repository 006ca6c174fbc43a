//! Routes: an API path with its ids taken out, so that calls can be counted by what they ask.

/// The words of the portal's API paths that we call; anything else in a path is an id.
const WORDS: [&str; 18] = [
    "@self", "comment", "copy", "enable", "file", "fileops", "files", "folder", "keys", "log",
    "move", "path", "people", "rooms", "settings", "triggers", "webhook", "webhooks",
];

/// The route of a path, such as `files/file/{id}`.
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
    fn ids_are_taken_out() {
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
