//! Tests of the budget.

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Reserves calls one after the other, each at the start of the one before; returns when each starts.
fn reserve_in_turn(
    budget: &Budget,
    call: CallKind,
    mut now: Timestamp,
    count: usize,
) -> Vec<Timestamp> {
    let mut starts = Vec::new();
    for _ in 0..count {
        now = loop {
            match budget.reserve(call, now) {
                Ok(start) => break start,
                Err(wait) => now += wait,
            }
        };
        starts.push(now);
    }
    starts
}

fn most_in_a_minute(starts: &[Timestamp]) -> usize {
    let within = |first: &Timestamp| {
        let later = starts.iter().filter(|start| **start >= *first);
        later
            .filter(|start| start.duration_since(*first) < SignedDuration::from_mins(1))
            .count()
    };
    starts.iter().map(within).max().unwrap_or(0)
}

#[test]
fn a_burst_is_free_and_what_follows_flows_evenly() {
    let now = at("2026-03-02T09:00:00Z");
    let budget = Budget::default();
    let starts = reserve_in_turn(&budget, CallKind::Read, now, 3_000);
    assert!(starts[..BURST as usize].iter().all(|start| *start == now));
    let most = most_in_a_minute(&starts);
    assert!((1_300..=1_400).contains(&most), "{most}");
    assert_eq!(budget.calls_left(starts[2_999]), 0);
    let later = starts[2_999] + SignedDuration::from_mins(5);
    assert_eq!(budget.calls_left(later), BURST);
}

#[test]
fn calls_side_by_side_get_their_turns_one_after_the_other() {
    let now = at("2026-03-02T09:00:00Z");
    let budget = Budget::default();
    for _ in 0..BURST {
        assert_eq!(budget.reserve(CallKind::Read, now), Ok(now));
    }
    let mut last = now;
    let refused = loop {
        match budget.reserve(CallKind::Read, now) {
            Ok(start) => {
                assert!(start > last);
                last = start;
            }
            Err(wait) => break wait,
        }
    };
    assert!(refused > Duration::from_secs(5));
    assert!(last.duration_since(now) <= MAX_WAIT);
}

#[test]
fn instances_together_stay_within_the_limit() {
    let now = at("2026-03-02T09:00:00Z");
    let mut starts = Vec::new();
    for _ in 0..3 {
        let budget = Budget::default();
        budget.share_among(3);
        starts.extend(reserve_in_turn(&budget, CallKind::Read, now, 1_000));
    }
    let most = most_in_a_minute(&starts);
    assert!((1_300..=1_400).contains(&most), "{most}");
}

#[test]
fn each_of_several_instances_has_spare_calls_until_half_of_its_own_are_used() {
    let now = at("2026-03-02T09:00:00Z");
    for instances in [1, 2, 3, 10] {
        let budget = Budget::default();
        budget.share_among(instances);
        let half = BURST / instances / 2;
        for _ in 0..half {
            assert!(budget.has_spare_calls(now), "{instances} instances");
            budget.reserve(CallKind::Read, now).unwrap();
        }
        assert!(!budget.has_spare_calls(now), "{instances} instances");
        let later = now + SignedDuration::from_mins(1);
        assert!(budget.has_spare_calls(later), "{instances} instances");
    }
}

#[test]
fn the_writes_of_yesterday_are_forgotten() {
    let evening = at("2026-03-02T23:59:59Z");
    let budget = Budget::default();
    assert_eq!(budget.writes_left_today(evening), WRITES_A_DAY);
    for _ in 0..3 {
        budget.reserve(CallKind::Write, evening).unwrap();
    }
    budget.reserve(CallKind::Read, evening).unwrap();
    budget.reserve(CallKind::Delete, evening).unwrap();
    assert_eq!(budget.writes_left_today(evening), WRITES_A_DAY - 3);
    let midnight = at("2026-03-03T00:00:00Z");
    assert_eq!(budget.writes_left_today(midnight), WRITES_A_DAY);
    budget.set_writes_today(100, midnight);
    budget.reserve(CallKind::Write, midnight).unwrap();
    assert_eq!(budget.writes_left_today(midnight), WRITES_A_DAY - 101);
}

#[test]
fn writes_that_run_out_are_spread_over_the_rest_of_the_day() {
    let noon = at("2026-03-02T12:00:00Z");
    let budget = Budget::default();
    budget.set_writes_today(WRITES_A_DAY - 1_640, noon);
    assert_eq!(budget.no_write_before(noon), None);
    let starts = reserve_in_turn(&budget, CallKind::Write, noon, 1_440);
    // 43,200 s for 1,440 writes.
    let distances = starts
        .windows(2)
        .map(|pair| pair[1].duration_since(pair[0]));
    for distance in distances {
        assert!((29..=31).contains(&distance.as_secs()), "{distance}");
    }
    let night = starts[1_439];
    assert_eq!(budget.writes_left_today(night), RESERVED_WRITES);
    let midnight = at("2026-03-03T00:00:00Z");
    assert_eq!(budget.no_write_before(night), Some(midnight));
    assert!(budget.reserve(CallKind::Read, night).is_ok());
    assert_eq!(budget.reserve(CallKind::Write, midnight), Ok(midnight));
}

#[test]
fn a_write_that_must_wait_long_is_announced() {
    let noon = at("2026-03-02T12:00:00Z");
    let budget = Budget::default();
    budget.set_writes_today(WRITES_A_DAY - 1_640, noon);
    budget.reserve(CallKind::Write, noon).unwrap();
    let next = budget.no_write_before(noon).unwrap();
    assert_eq!(next.duration_since(noon).as_secs(), 30);
    assert_eq!(
        budget.reserve(CallKind::Write, noon),
        Err(Duration::try_from(next.duration_since(noon)).unwrap())
    );
    assert_eq!(budget.writes_left_today(noon), 1_639);
}

proptest! {
    #[test]
    fn no_day_takes_more_than_its_writes(
        used in 0_u64..11_000,
        instances in 1_u32..4,
        hour in 0_i64..24,
    ) {
        let now = at("2026-03-02T00:00:00Z") + SignedDuration::from_hours(hour);
        let budget = Budget::default();
        budget.share_among(instances);
        budget.set_writes_today(used, now);
        let starts = reserve_in_turn(&budget, CallKind::Write, now, 300);
        let today = starts.iter().filter(|start| day_of(**start) == day_of(now)).count() as u64;
        prop_assert!(today <= (WRITES_A_DAY - RESERVED_WRITES).saturating_sub(used));
    }
}
