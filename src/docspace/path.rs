//! API paths: what each segment is, so that metrics get the same path without ids.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is encoded in a path segment: all but the unreserved characters of RFC 3986.
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The path of a call, below `/api/2.0/` if it is one of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiPath {
    /// As it is requested, with its query.
    requested: String,
    /// With its ids replaced, such as `files/file/{id}`, and without its query.
    route: String,
    /// Whether it is below `/api/2.0/`, and not at the root of the portal.
    is_of_api: bool,
}

impl ApiPath {
    /// A path that a rule names, which is encoded already. Metrics do not tell such paths apart, since they contain ids.
    pub(super) fn of_rule(encoded: &str) -> Self {
        Self {
            requested: encoded.to_owned(),
            route: "(rule)".to_owned(),
            is_of_api: true,
        }
    }

    /// Appends a segment that is an id.
    #[must_use]
    pub(super) fn id(self, id: &str) -> Self {
        Self {
            requested: format!("{}/{}", self.requested, segment(id)),
            route: format!("{}/{{id}}", self.route),
            ..self
        }
    }

    /// Appends a segment that is a word of the API.
    #[must_use]
    pub(super) fn word(self, word: &'static str) -> Self {
        Self {
            requested: format!("{}/{word}", self.requested),
            route: format!("{}/{word}", self.route),
            ..self
        }
    }

    /// Appends the query, which is encoded already.
    #[must_use]
    pub(super) fn query(self, query: &str) -> Self {
        let requested = format!("{}?{query}", self.requested);
        Self { requested, ..self }
    }

    /// The address of the path on a portal.
    pub(super) fn address(&self, host: &str) -> String {
        let below = if self.is_of_api { "/api/2.0/" } else { "/" };
        format!("{host}{below}{}", self.requested)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.requested
    }

    /// The path without ids and query, for metrics.
    pub(super) fn route(&self) -> &str {
        &self.route
    }
}

/// A path, or the beginning of one, that consists of words of the API. A path with an id in it is no constant, so it
/// is not accepted here.
impl From<&'static str> for ApiPath {
    fn from(words: &'static str) -> Self {
        Self {
            requested: words.to_owned(),
            route: words.to_owned(),
            is_of_api: true,
        }
    }
}

/// The beginning of paths about files, folders and rooms.
pub(super) fn files() -> ApiPath {
    ApiPath::from("files")
}

/// The path of a file.
pub(super) fn file(id: &str) -> ApiPath {
    files().word("file").id(id)
}

/// The path of a file's content, which is not part of the API (docs/DOCSPACE.md A9.6).
pub(super) fn content(file: &str) -> ApiPath {
    let handler = ApiPath {
        is_of_api: false,
        ..ApiPath::from("filehandler.ashx")
    };
    handler.query(&format!("action=stream&fileid={}", segment(file)))
}

/// The path of a folder or room.
pub(super) fn folder(id: &str) -> ApiPath {
    files().word("folder").id(id)
}

/// The path of the list of rooms.
pub(super) fn rooms() -> ApiPath {
    files().word("rooms")
}

/// Encodes an id as a path segment. Third-party ids contain `|` and more (docs/DOCSPACE.md 2.3).
pub(super) fn segment(id: &str) -> String {
    utf8_percent_encode(id, NOT_UNRESERVED).to_string()
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
    fn routes_contain_neither_ids_nor_queries() {
        let check = |path: ApiPath, requested: &str, route: &str| {
            assert_eq!((path.as_str(), path.route()), (requested, route));
        };
        check("people/@self".into(), "people/@self", "people/@self");
        check(file("9001"), "files/file/9001", "files/file/{id}");
        check(
            folder("drive-1|2").word("path"),
            "files/folder/drive-1%7C2/path",
            "files/folder/{id}/path",
        );
        check(
            files().id("77").query("count=100&startIndex=0"),
            "files/77?count=100&startIndex=0",
            "files/{id}",
        );
        // An id that reads like a word of the API is an id.
        check(
            file("copy").word("star"),
            "files/file/copy/star",
            "files/file/{id}/star",
        );
        check(
            ApiPath::from("settings/webhooks/log").query("configId=4"),
            "settings/webhooks/log?configId=4",
            "settings/webhooks/log",
        );
        assert_eq!(
            file("9").address("https://a"),
            "https://a/api/2.0/files/file/9"
        );
        let content = content("drive-1|2");
        let address = "https://a/filehandler.ashx?action=stream&fileid=drive-1%7C2";
        assert_eq!(content.address("https://a"), address);
        assert_eq!(content.route(), "filehandler.ashx");
    }
}
