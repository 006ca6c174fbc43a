//! Where a reading is in a list of the portal, so that a list that changes between two pages hides nothing.
//!
//! Catch-up and backfill read lists in runs, and store the position. A list has folders and then files, each
//! sorted by a time, without a second sort key: entries with one time can swap places between two calls
//! (docs/DOCSPACE.md A11.1). What is added or changed moves to the front or the end, which repeats entries; what
//! is removed moves the rest forward, which would skip some. So each page begins with entries that were read
//! before, and all entries of one time are read on one page if they fit.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::docspace::{FolderContent, Page};

/// Entries that a page repeats from the page before, so that a few that leave the list in between cost no page.
const OVERLAP: usize = 10;

/// How far a listing goes back first after entries were skipped; the next time in a row, twice as far.
const FIRST_SETBACK: u64 = 100;

/// Setbacks without progress after which a page counts although entries before it may have been skipped: the
/// portal does not sort the list.
const MAX_SETBACKS: u32 = 20;

/// The order in which the portal returns a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOrder {
    /// By the time of the last change, descending.
    LastChangedFirst,
    /// By the time of the creation, ascending.
    FirstCreatedFirst,
}

/// What the portal sorts a list by: folders before files, each by time. The stored name is that of earlier
/// versions; ascending times are negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct SortKey {
    is_file: bool,
    #[serde(rename = "changed_ms")]
    time_ms: Reverse<i64>,
}

/// An entry of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ListEntry<'a> {
    key: SortKey,
    id: &'a str,
}

/// A position in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPosition {
    /// The first entry of the next page.
    start: u64,
    /// Up to where the list was read; `None` at its beginning.
    read: Option<ReadUpTo>,
    /// Setbacks since the listing was last further than before.
    setbacks: u32,
    /// The furthest start of a page that followed on what was read.
    furthest: u64,
}

/// The end of what was read of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ReadUpTo {
    /// The key of the last entry: all entries before those with this key were read. `None` if the portal does not
    /// sort the folder.
    key: Option<SortKey>,
    /// The ids of the last entries, if entries with this key may follow.
    ids: Vec<String>,
    /// The length of the list.
    total: Option<u64>,
}

/// What follows a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextPage {
    /// Entries before the page may have been skipped: read from here first.
    Back(ListPosition),
    /// The folder goes on here.
    On(ListPosition),
    /// The folder was read to its end.
    End,
}

impl ListPosition {
    /// What follows the page that begins at this position.
    pub fn after(&self, page: &Page<FolderContent>, order: ListOrder) -> NextPage {
        self.step(&entries(&page.content, order), page.total(), page.is_last())
    }

    /// The first entry of the next page.
    pub fn start(&self) -> u64 {
        self.start
    }

    fn step(&self, entries: &[ListEntry<'_>], total: Option<u64>, is_last: bool) -> NextPage {
        if !self.is_connected(entries, total) && self.setbacks < MAX_SETBACKS {
            return NextPage::Back(self.set_back(total));
        }
        if entries.is_empty() || is_last {
            NextPage::End
        } else {
            NextPage::On(self.advance(entries, total))
        }
    }

    /// Whether everything before a page was read.
    fn is_connected(&self, entries: &[ListEntry<'_>], total: Option<u64>) -> bool {
        let Some(read) = self.read.as_ref().filter(|_| self.start > 0) else {
            return true;
        };
        let Some(first) = entries.first() else {
            // The list did not shrink, so its end was reached.
            return total == read.total;
        };
        read.key.is_some_and(|key| first.key < key)
            || entries
                .iter()
                .any(|entry| read.ids.iter().any(|id| id == entry.id))
    }

    fn set_back(&self, total: Option<u64>) -> Self {
        let distance = FIRST_SETBACK << self.setbacks;
        let read = self.read.clone().map(|read| ReadUpTo { total, ..read });
        Self {
            start: self.start.saturating_sub(distance),
            read,
            setbacks: self.setbacks + 1,
            furthest: self.furthest,
        }
    }

    fn advance(&self, entries: &[ListEntry<'_>], total: Option<u64>) -> Self {
        let last = entries.last().map(|entry| entry.key);
        let key = last.filter(|_| entries.is_sorted_by_key(|entry| entry.key));
        let group = entries.iter().position(|entry| Some(entry.key) == key);
        let (offset, ids) = match group {
            // The next page begins before the entries that have the last key, so it shows all of them.
            Some(group) if group > OVERLAP => (group - OVERLAP, Vec::new()),
            _ => {
                let offset = entries.len().saturating_sub(OVERLAP).max(1);
                let ids = entries.iter().skip(offset);
                (offset, ids.map(|entry| entry.id.to_owned()).collect())
            }
        };
        let is_further = self.start >= self.furthest;
        Self {
            start: self.start + offset as u64,
            read: Some(ReadUpTo { key, ids, total }),
            setbacks: if is_further { 0 } else { self.setbacks },
            furthest: self.furthest.max(self.start),
        }
    }
}

impl ListOrder {
    fn sort_key(self, time_ms: i64) -> Reverse<i64> {
        match self {
            Self::LastChangedFirst => Reverse(time_ms),
            Self::FirstCreatedFirst => Reverse(-time_ms),
        }
    }
}

fn entries(content: &FolderContent, order: ListOrder) -> Vec<ListEntry<'_>> {
    let folders = content.folders.iter().map(|folder| ListEntry {
        key: SortKey {
            is_file: false,
            time_ms: order.sort_key(folder.updated.map_or(0, Timestamp::as_millisecond)),
        },
        id: folder.id.as_str(),
    });
    let files = content.files.iter().map(|file| ListEntry {
        key: SortKey {
            is_file: true,
            time_ms: order.sort_key(match order {
                ListOrder::LastChangedFirst => file.updated.as_millisecond(),
                ListOrder::FirstCreatedFirst => file.created.as_millisecond(),
            }),
        },
        id: file.id.as_str(),
    });
    folders.chain(files).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Entries of a page of the simulated portal.
    const PAGE: usize = 100;

    /// A folder whose files have times, and whose files of one time have no order.
    struct SimulatedFolder {
        files: Vec<(String, i64)>,
        random: fastrand::Rng,
    }

    impl SimulatedFolder {
        fn new(seed: u64, seconds: i64) -> Self {
            let mut random = fastrand::Rng::with_seed(seed);
            let files = (0..700).map(|id: u32| (id.to_string(), random.i64(0..seconds)));
            let files = files.collect();
            Self { files, random }
        }

        /// The entries from this position on.
        fn page(&mut self, start: u64) -> Vec<(SortKey, String)> {
            self.random.shuffle(&mut self.files);
            self.files.sort_by_key(|(_, changed)| Reverse(*changed));
            let start = usize::try_from(start).unwrap();
            let page = self.files.iter().skip(start).take(PAGE);
            page.map(|(id, changed)| {
                let time_ms = Reverse(*changed);
                let is_file = true;
                (SortKey { is_file, time_ms }, id.clone())
            })
            .collect()
        }

        /// Removes, changes and adds files.
        fn change(&mut self, now: i64, removed: &mut HashSet<String>) {
            for _ in 0..self.random.usize(0..40) {
                if self.files.is_empty() {
                    return;
                }
                let chosen = self.random.usize(0..self.files.len());
                if self.random.bool() {
                    removed.insert(self.files.swap_remove(chosen).0);
                } else {
                    self.files[chosen].1 = now;
                    removed.insert(self.files[chosen].0.clone());
                }
            }
            self.files.push((format!("added at {now}"), now));
        }
    }

    #[test]
    fn no_file_is_skipped_while_a_folder_changes() {
        for seed in 0..100 {
            let mut folder = SimulatedFolder::new(seed, if seed % 2 == 0 { 10_000 } else { 70 });
            let all: HashSet<String> = folder.files.iter().map(|(id, _)| id.clone()).collect();
            let (mut read, mut removed) = (HashSet::new(), HashSet::new());
            let mut position = ListPosition::default();
            for page_number in 0.. {
                assert!(page_number < 500, "seed {seed}: the listing does not end");
                let page = folder.page(position.start);
                let entries: Vec<ListEntry<'_>> = page
                    .iter()
                    .map(|(key, id)| ListEntry { key: *key, id })
                    .collect();
                let total = folder.files.len() as u64;
                let is_last = position.start + entries.len() as u64 >= total;
                read.extend(page.iter().map(|(_, id)| id.clone()));
                position = match position.step(&entries, Some(total), is_last) {
                    NextPage::Back(position) | NextPage::On(position) => position,
                    NextPage::End => break,
                };
                folder.change(20_000 + page_number, &mut removed);
            }
            let missed: Vec<&String> = all
                .difference(&read)
                .filter(|id| !removed.contains(*id))
                .collect();
            assert!(missed.is_empty(), "seed {seed}: {missed:?}");
        }
    }

    #[test]
    fn a_list_without_an_order_is_read_to_its_end() {
        let ids: Vec<String> = (0..350).map(|id| id.to_string()).collect();
        let mut position = ListPosition::default();
        let mut pages = Vec::new();
        loop {
            pages.push(position.start);
            let start = usize::try_from(position.start).unwrap();
            let entries: Vec<ListEntry<'_>> = (start..350)
                .take(PAGE)
                .map(|number| ListEntry {
                    key: SortKey {
                        is_file: true,
                        time_ms: Reverse(i64::try_from(number * 7 % 350).unwrap()),
                    },
                    id: &ids[number],
                })
                .collect();
            let is_last = start + entries.len() >= 350;
            position = match position.step(&entries, Some(350), is_last) {
                NextPage::On(position) => position,
                NextPage::Back(position) => panic!("{position:?}"),
                NextPage::End => break,
            };
        }
        assert_eq!(pages, [0, 90, 180, 270]);
    }
}
