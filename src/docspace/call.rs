//! One call to the portal: what is requested, and how large its response may be.

use reqwest::Method;

use super::path::ApiPath;

/// The most bytes that are read of a response about one thing. Such responses have a few KiB.
pub(super) const ENTRY_BYTES: usize = 1024 * 1024;

/// The most bytes that are read of a response with up to a hundred entries. A file takes 2 to 4 KiB, a row of the delivery
/// log as much as its body and the receiver's response to it.
const LIST_BYTES: usize = 16 * 1024 * 1024;

/// One call to the portal.
#[derive(Clone, Debug)]
pub(super) struct PortalCall<'a, B = ()> {
    pub(super) method: Method,
    pub(super) path: ApiPath,
    pub(super) body: Option<&'a B>,
    /// The most bytes of a successful response.
    pub(super) max_bytes: usize,
}

impl PortalCall<'_> {
    /// Reads one thing.
    pub(super) fn get(path: impl Into<ApiPath>) -> Self {
        Self::new(Method::GET, path, None)
    }

    /// Reads a list or a page of one.
    pub(super) fn list(path: impl Into<ApiPath>) -> Self {
        Self::get(path).returning_list()
    }

    pub(super) fn delete(path: impl Into<ApiPath>) -> Self {
        Self::new(Method::DELETE, path, None)
    }
}

impl<'a, B> PortalCall<'a, B> {
    pub(super) fn post(path: impl Into<ApiPath>, body: &'a B) -> Self {
        Self::new(Method::POST, path, Some(body))
    }

    pub(super) fn put(path: impl Into<ApiPath>, body: &'a B) -> Self {
        Self::new(Method::PUT, path, Some(body))
    }

    /// A deletion, for which the portal requires a body.
    pub(super) fn delete_with(path: impl Into<ApiPath>, body: &'a B) -> Self {
        Self::new(Method::DELETE, path, Some(body))
    }

    /// The response contains a list.
    pub(super) fn returning_list(self) -> Self {
        let max_bytes = LIST_BYTES;
        Self { max_bytes, ..self }
    }

    fn new(method: Method, path: impl Into<ApiPath>, body: Option<&'a B>) -> Self {
        Self {
            method,
            path: path.into(),
            body,
            max_bytes: ENTRY_BYTES,
        }
    }
}
