//! The limit of API calls per minute (docs/DOCSPACE.md 7).

use jiff::Timestamp;

/// A limit in a window of one minute. The portal's window slides; this one starts with the first call.
#[derive(Debug, Default)]
pub(super) struct RateLimit {
    /// The most calls; none for no limit.
    pub(super) per_minute: Option<u32>,
    window: Option<Timestamp>,
    calls: u32,
}

impl RateLimit {
    /// Counts a call. `false` if it is one too many.
    pub(super) fn admits(&mut self, now: Timestamp) -> bool {
        let Some(most) = self.per_minute else {
            return true;
        };
        let is_over = |start: Timestamp| (now.as_second() - start.as_second()).abs() >= 60;
        if self.window.is_none_or(is_over) {
            self.window = Some(now);
            self.calls = 0;
        }
        self.calls += 1;
        self.calls <= most
    }
}
