//! Reading a list page by page.

use futures_util::Stream;
use futures_util::stream::try_unfold;

use super::error::Error;

/// Entries requested per page; the portal answers 400 to more (docs/DOCSPACE.md 5.3).
pub(super) const PAGE_SIZE: u64 = 100;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub content: T,
    start: u64,
    len: u64,
    total: Option<u64>,
}

impl<T> Page<T> {
    /// A page with `len` entries, the first of which is entry `start` of the list. `total` is the length of the
    /// list, if the portal gives it.
    pub(super) fn new(content: T, start: u64, len: usize, total: Option<u64>) -> Self {
        Self {
            content,
            start,
            len: len as u64,
            total,
        }
    }

    /// The position of the entry after this page.
    pub fn end(&self) -> u64 {
        self.start + self.len
    }

    /// The length of the list, if the portal gives it.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Whether no page follows.
    pub fn is_last(&self) -> bool {
        match self.total {
            Some(total) => self.len == 0 || self.end() >= total,
            None => self.len < PAGE_SIZE,
        }
    }
}

/// Reads the pages of a list, given how to read the page that starts at a position.
pub(super) fn pages<T, F>(read: impl Fn(u64) -> F) -> impl Stream<Item = Result<Page<T>, Error>>
where
    F: Future<Output = Result<Page<T>, Error>>,
{
    try_unfold(Some(0), move |start| {
        let page = start.map(|start| (start, read(start)));
        async move {
            let Some((start, page)) = page else {
                return Ok(None);
            };
            let page = page.await?;
            let next = (!page.is_last()).then_some(page.end().max(start + 1));
            Ok(Some((page, next)))
        }
    })
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, TryStreamExt as _};

    use super::*;

    /// The first and the last entry of each page read from a list of this length.
    fn read(length: u64, with_total: bool) -> Vec<(u64, u64)> {
        let pages = pages(async |start| {
            let len = length.saturating_sub(start).min(PAGE_SIZE);
            let total = with_total.then_some(length);
            let len = usize::try_from(len).unwrap();
            Ok(Page::new((), start, len, total))
        });
        let bounds = pages.map_ok(|page| (page.start, page.end()));
        let read = bounds.try_collect().now_or_never();
        read.expect("nothing is waited for").unwrap()
    }

    #[test]
    fn pages_are_read_until_the_last() {
        for (with_total, length, expected) in [
            (true, 0, vec![(0, 0)]),
            (true, 100, vec![(0, 100)]),
            (true, 250, vec![(0, 100), (100, 200), (200, 250)]),
            (false, 0, vec![(0, 0)]),
            (false, 100, vec![(0, 100), (100, 100)]),
            (false, 250, vec![(0, 100), (100, 200), (200, 250)]),
        ] {
            assert_eq!(read(length, with_total), expected, "{length}");
        }
    }
}
