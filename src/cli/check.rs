//! `docspace-courier check`: prints what the check found, part by part.

use std::process::ExitCode;

use serde_json::json;

use crate::check::{self, CheckReport, Finding, Mark};
use crate::registration;

use super::paint::Paint;
use super::{Environment, NOT_FINE, say, wrong_usage};
use crate::text::clean;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit code 0: nothing is wrong, though there may be warnings; 1: something is wrong.\n\
                  Nothing is changed in the portal, nor in what the store keeps."
)]
pub struct Args {
    /// The service's public address, such as `https://your.host/webhook`; without it, what the
    /// portal's webhook says.
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

/// Columns of the text.
const WIDTH: usize = 100;

/// What stands before each of them: two spaces, the mark, a space.
const INDENT: usize = 4;

/// Checks the deployment; 1 when something is wrong.
pub async fn run(environment: &Environment, args: Args) -> anyhow::Result<ExitCode> {
    environment.log_if_asked();
    if let Some(Err(sentence)) = args.url.as_deref().map(registration::check_url) {
        return Ok(wrong_usage(&sentence));
    }
    let report = check::run(&environment.deployment(args.url)).await;
    let fine = report.count(Mark::Wrong) == 0;
    if args.json {
        let report = json!({ "fine": fine, "sections": report.sections });
        say(&format!("{report:#}\n"));
    } else {
        say(&render(&report, Paint::for_stdout()));
    }
    Ok(if fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_FINE)
    })
}

fn render(report: &CheckReport, paint: Paint) -> String {
    let mut lines = Vec::new();
    for section in &report.sections {
        lines.push(paint.strong(section.name));
        for finding in &section.findings {
            lines.extend(paragraph(finding, paint));
        }
        lines.push(String::new());
    }
    lines.push(conclusion(report, paint));
    lines.join("\n") + "\n"
}

/// The lines of a finding: its mark, what it is about, and the sentence, which goes on below.
fn paragraph(finding: &Finding, paint: Paint) -> Vec<String> {
    let mark = match finding.mark {
        Mark::Good => paint.good("✓"),
        Mark::Warning => paint.warn("!"),
        Mark::Wrong => paint.bad("✗"),
    };
    let subject = clean(&finding.subject);
    let whole = format!("{subject}: {}", clean(&finding.sentence));
    let wrapped = wrap(&whole, WIDTH - INDENT);
    wrapped
        .into_iter()
        .enumerate()
        .map(|(number, line)| match line.strip_prefix(&subject) {
            Some(rest) if number == 0 => format!("  {mark} {}{rest}", paint.accent(&subject)),
            None if number == 0 => format!("  {mark} {line}"),
            _ => format!("{:INDENT$}{line}", ""),
        })
        .collect()
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn conclusion(report: &CheckReport, paint: Paint) -> String {
    let count = |number: usize, one: &str, many: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    };
    let (wrong, warnings) = (report.count(Mark::Wrong), report.count(Mark::Warning));
    let things = count(wrong, "thing is wrong", "things are wrong");
    let warned = count(warnings, "warning", "warnings");
    match (wrong, warnings) {
        (0, 0) => paint.good("All is well."),
        (0, _) => format!(
            "{} See the {warned} above, marked !.",
            paint.good("It works.")
        ),
        (_, 0) => format!(
            "{} Mend it and check again.",
            paint.bad(&format!("{things}."))
        ),
        _ => format!(
            "{} Mend what is marked ✗ and check again.",
            paint.bad(&format!("{things} (and {warned})."))
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sentences_go_on_below() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
        assert_eq!(wrap("", 3), Vec::<String>::new());
    }
}
