//! Converts `OpenMetrics`, the output of the metrics library, to Prometheus' text format 0.0.4.
//!
//! `promtool check metrics` and older scrapers accept only the latter. The formats differ in one relevant
//! point: here a counter is described under the name of its samples, with `_total`. There are no units and
//! no end mark.

use std::fmt::Write as _;

/// Converts the metrics to the text format 0.0.4.
pub(super) fn for_prometheus(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len() + 512);
    let mut help = "";
    for line in open_metrics.lines() {
        if let Some(words) = line.strip_prefix("# HELP ") {
            help = words.split_once(' ').map_or("", |(_, help)| help);
        } else if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|words| words.split_once(' '))
        {
            let total = if kind == "counter" { "_total" } else { "" };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name}{total} {help}");
            let _ = writeln!(text, "# TYPE {name}{total} {kind}");
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_described_under_the_name_of_their_samples() {
        let open_metrics = "\
# HELP a_delay_seconds Time.
# TYPE a_delay_seconds histogram
# UNIT a_delay_seconds seconds
a_delay_seconds_sum 1.0
# HELP a_calls Calls.
# TYPE a_calls counter
a_calls_total{status=\"200\"} 3
# EOF
";
        let expected = "\
# HELP a_delay_seconds Time.
# TYPE a_delay_seconds histogram
a_delay_seconds_sum 1.0
# HELP a_calls_total Calls.
# TYPE a_calls_total counter
a_calls_total{status=\"200\"} 3
";
        assert_eq!(for_prometheus(open_metrics), expected);
    }
}
