//! The chart of the last day: one bar per hour, with the dead events at its bottom.

use jiff::Timestamp;

use crate::journal::overview::Hour;

/// The height in the SVG's own units; the width is 10 units per hour.
const HEIGHT: u64 = 100;

/// The smallest height of a bar for at least one event.
const MIN_BAR: u64 = 3;

/// The chart, ready to be rendered.
pub(super) struct Chart {
    /// The bars, oldest first.
    pub(super) bars: Vec<Bar>,
    /// Its content as text.
    pub(super) summary: String,
    /// The hour at the left end.
    pub(super) from: String,
    /// Events in the highest bar.
    pub(super) most: u64,
}

/// One hour.
pub(super) struct Bar {
    /// The left edge.
    pub(super) x: usize,
    /// The upper edge and the height for all events.
    pub(super) events: (u64, u64),
    /// The same for the dead ones, which are drawn on top.
    pub(super) dead: (u64, u64),
    /// Its content as text.
    pub(super) description: String,
}

impl Chart {
    pub(super) fn new(hours: &[Hour]) -> Self {
        let most = hours.iter().map(|hour| hour.events).max().unwrap_or(0);
        let height = |count: u64| match count {
            0 => 0,
            count => (count * HEIGHT / most.max(1)).max(MIN_BAR),
        };
        let span = |count: u64| (HEIGHT - height(count), height(count));
        let bars = hours.iter().enumerate().map(|(position, hour)| Bar {
            x: position * 10 + 1,
            events: span(hour.events),
            dead: span(hour.dead),
            description: format!(
                "from {} UTC: {}",
                clock(hour.from),
                describe(hour.events, hour.dead)
            ),
        });
        let total = hours.iter().map(|hour| hour.events).sum();
        let dead = hours.iter().map(|hour| hour.dead).sum();
        Self {
            bars: bars.collect(),
            summary: describe(total, dead),
            from: hours
                .first()
                .map_or_else(String::new, |hour| clock(hour.from)),
            most,
        }
    }
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M").to_string()
}

fn describe(events: u64, dead: u64) -> String {
    let events = match events {
        0 => return "no events".to_owned(),
        1 => "1 event".to_owned(),
        many => format!("{many} events"),
    };
    match dead {
        0 => events,
        some => format!("{events}, {some} dead"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_and_words() {
        let hour = |events, dead| Hour {
            from: "2026-03-02T09:00:00Z".parse().unwrap(),
            events,
            dead,
        };
        let chart = Chart::new(&[hour(0, 0), hour(1, 0), hour(200, 50)]);
        let heights: Vec<_> = chart
            .bars
            .iter()
            .map(|bar| (bar.events.1, bar.dead))
            .collect();
        assert_eq!(heights, [(0, (100, 0)), (3, (100, 0)), (100, (75, 25))]);
        assert_eq!(chart.bars[1].description, "from 09:00 UTC: 1 event");
        assert_eq!(chart.summary, "201 events, 50 dead");
        assert_eq!(Chart::new(&[hour(0, 0)]).summary, "no events");
    }
}
