//! The one table that a run prints.

use std::fmt;

/// Rows of what was measured beside what was promised.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

struct Row {
    what: String,
    measured: String,
    budget: String,
    verdict: &'static str,
}

impl Table {
    /// Adds a row with its verdict.
    pub fn judge(
        &mut self,
        what: &str,
        measured: impl Into<String>,
        budget: impl Into<String>,
        is_met: bool,
    ) {
        self.add(Row {
            what: what.to_owned(),
            measured: measured.into(),
            budget: budget.into(),
            verdict: if is_met { "met" } else { "MISSED" },
        });
    }

    /// Adds a row about a ratio that must reach this one.
    pub fn at_least(&mut self, what: &str, ratio: f64, budget: f64) {
        self.judge(
            what,
            format!("{ratio:.2}"),
            format!("at least {budget}"),
            ratio >= budget,
        );
    }

    /// Adds a row about a ratio that must not exceed this one.
    pub fn at_most(&mut self, what: &str, ratio: f64, budget: f64) {
        self.judge(
            what,
            format!("{ratio:.3}"),
            format!("at most {budget}"),
            ratio <= budget,
        );
    }

    /// Adds a row that nothing was promised about.
    pub fn note(&mut self, what: &str, measured: impl Into<String>) {
        self.add(Row {
            what: what.to_owned(),
            measured: measured.into(),
            budget: String::new(),
            verdict: "",
        });
    }

    /// Shows a row while the others are still being measured.
    fn add(&mut self, row: Row) {
        eprintln!("  {}: {} {}", row.what, row.measured, row.verdict);
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "| what | measured | budget | |\n|---|---|---|---|"
        )?;
        for row in &self.rows {
            let Row {
                what,
                measured,
                budget,
                verdict,
            } = row;
            writeln!(formatter, "| {what} | {measured} | {budget} | {verdict} |")?;
        }
        write!(formatter, "\n{}", setting())
    }
}

/// The machine it was measured on.
fn setting() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let load = read("/proc/loadavg");
    let load: Vec<&str> = load.split(' ').take(2).collect();
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{cores} cores ({model}), Linux {}, load average at the end {}.",
        kernel.trim(),
        load.join(" and ")
    )
}
