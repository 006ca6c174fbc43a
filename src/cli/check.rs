//! `docspace-courier check`: prints the findings of the check.

use std::process::ExitCode;

use serde_json::json;

use crate::check::{self, CheckReport, Deployment};
use crate::clock::Clock;
use crate::config::Settings;
use crate::finding::{Finding, Severity};
use crate::registration;
use crate::text::clean;

use super::exit::{success_if, usage_error};
use super::output::{
    ACCENT, ERROR, OK, STRONG, WARNING, count, print_json, print_lines, styled, terminal_width,
    wrap,
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Nothing is changed in the portal or in the contents of the store.\n\
                  Exit code 0: no problems, possibly warnings; 1: problems."
)]
pub struct Args {
    /// The service's public URL, such as `https://your.host/webhook` [default: that of the portal's
    /// webhook].
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

/// Width of the text, if the terminal is not narrower.
const MAX_WIDTH: u16 = 100;

/// Columns before the text: two spaces, the mark, a space.
const INDENT: usize = 4;

/// Checks the deployment.
pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    if let Some(Err(reason)) = args.url.as_deref().map(registration::check_url) {
        return Ok(usage_error(&reason));
    }
    let deployment = Deployment::new(settings, args.url, Clock::system());
    let report = check::run(&deployment).await;
    let fine = report.count(Severity::Error) == 0;
    if args.json {
        print_json(&json!({ "fine": fine, "sections": report.sections }))?;
    } else {
        print_lines(render(&report));
    }
    Ok(success_if(fine))
}

fn render(report: &CheckReport) -> Vec<String> {
    let width = terminal_width().map_or(MAX_WIDTH, |width| width.min(MAX_WIDTH));
    let width = usize::from(width).saturating_sub(INDENT);
    let mut lines = Vec::new();
    for section in &report.sections {
        lines.push(styled(STRONG, section.name));
        for finding in &section.findings {
            lines.extend(paragraph(finding, width));
        }
        lines.push(String::new());
    }
    lines.push(conclusion(report));
    lines
}

/// The lines of a finding: its mark, its subject and its message.
fn paragraph(finding: &Finding, width: usize) -> Vec<String> {
    let mark = match finding.severity {
        Severity::Ok => styled(OK, "✓"),
        Severity::Warning => styled(WARNING, "!"),
        Severity::Error => styled(ERROR, "✗"),
    };
    let subject = clean(&finding.subject);
    let text = format!("{subject}: {}", clean(&finding.message));
    let wrapped = wrap(&text, width).into_iter();
    let lines = wrapped.enumerate().map(|(number, line)| {
        if number > 0 {
            return format!("{:INDENT$}{line}", "");
        }
        match line.strip_prefix(&subject) {
            Some(rest) => format!("  {mark} {}{rest}", styled(ACCENT, &subject)),
            None => format!("  {mark} {line}"),
        }
    });
    lines.collect()
}

fn conclusion(report: &CheckReport) -> String {
    let (errors, warnings) = (
        report.count(Severity::Error),
        report.count(Severity::Warning),
    );
    let problems = count(errors, "problem");
    let warned = count(warnings, "warning");
    match (errors, warnings) {
        (0, 0) => styled(OK, "No problems found."),
        (0, _) => format!(
            "{} See the {warned} above, marked with !.",
            styled(OK, "No problems found.")
        ),
        (_, 0) => format!(
            "{} Fix what is marked with ✗ and check again.",
            styled(ERROR, &format!("{problems} found."))
        ),
        _ => format!(
            "{} Fix what is marked with ✗ and check again.",
            styled(ERROR, &format!("{problems} and {warned} found."))
        ),
    }
}
