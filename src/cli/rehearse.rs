//! `docspace-courier rehearse`: compares a real portal with what the service expects of it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{IsTerminal as _, Write as _, stdin, stdout};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::clock::Clock;
use crate::config::Settings;
use crate::ids::FolderId;
use crate::rehearsal::{Options, Outcome, ReceiverOptions, Rehearsal, Verdict};
use crate::text::clean;

use super::exit::{success_if, usage_error};
use super::output::{
    ERROR, OK, STRONG, Table, WARNING, count, print, print_json, print_lines, styled,
    terminal_width,
};
use super::signal::shutdown_signal;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Works on the portal of DOCSPACE_API_HOST, with the key of DOCSPACE_API_KEY. Everything happens in a room \
                  that it creates and removes, or with --room in a folder of that room. It says beforehand what it will \
                  do, and stops at the first sign that it touches anything it did not create. If it was killed, the next \
                  run of the same account removes what it left, so do not run two at a time.\n\n\
                  The key needs the scope *:write, and its account the right to create rooms. Rules for all rooms of a \
                  running service apply to the files of the rehearsal, too.\n\n\
                  Exit code 0: no claim differs, and nothing is left behind; else 1."
)]
pub struct Args {
    /// Public URL at which the portal reaches this command, to try the claims about deliveries as well.
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// Where this command listens while it runs; the URL must lead there. Stop the service before, or use another port.
    #[arg(long, value_name = "ADDR", default_value = "[::]:3000")]
    listen: SocketAddr,

    /// Work in a folder of this room instead of creating a room.
    #[arg(long, value_name = "ID")]
    room: Option<FolderId>,

    /// Start without asking.
    #[arg(long)]
    yes: bool,

    /// Write a report without ids, names and secrets to this file, for bug reports.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Print the result as JSON, with the evidence; what will be done is printed to standard error.
    #[arg(long)]
    json: bool,
}

/// Rehearses.
pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    if let Some(url) = args.url.as_deref().filter(|url| !is_web_address(url)) {
        return Ok(usage_error(&format!(
            "{url} is not a valid address such as https://your.host/webhook"
        )));
    }
    let config = settings.portal()?;
    let client = config.client(Clock::system())?;
    let receiver = args.url.map(|url| ReceiverOptions {
        url,
        listen: args.listen,
    });
    let options = Options {
        room: args.room,
        receiver,
    };
    let rehearsal = Rehearsal::prepare(&client, options).await;
    let rehearsal = rehearsal.context("the rehearsal cannot start")?;
    let mut plan = format!("On {} this will:\n", clean(client.host()));
    for sentence in rehearsal.plan() {
        let _ = writeln!(plan, "  • {}", clean(&sentence));
    }
    if args.json {
        let _ = std::io::Write::write_all(&mut anstream::stderr().lock(), plan.as_bytes());
    } else {
        print(&plan);
    }
    if !args.yes {
        if !stdin().is_terminal() || !stdout().is_terminal() {
            return Ok(usage_error(
                "nothing was done; give --yes to start without a terminal",
            ));
        }
        print("Start? [y/N] ");
        let mut answer = String::new();
        stdin().read_line(&mut answer)?;
        if !["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
            print_lines(["Nothing was done."]);
            return Ok(success_if(false));
        }
    }
    // A file that cannot be written is reported before anything is done.
    let report_file = match &args.report {
        Some(path) => Some((path, create(path)?)),
        None => None,
    };
    let outcome = rehearsal.run(shutdown_signal()).await;
    if args.json {
        print_json(&outcome)?;
    } else {
        print_lines(render(&outcome));
    }
    if let Some((path, mut file)) = report_file {
        let written = file.write_all(report(&outcome)?.as_bytes());
        written.with_context(|| format!("cannot write {}", path.display()))?;
        if !args.json {
            print_lines([format!("The report is in {}.", path.display())]);
        }
    }
    Ok(success_if(outcome.is_success()))
}

/// Whether it is an address at which anything can be received. Its path does not matter here.
fn is_web_address(url: &str) -> bool {
    let parsed = reqwest::Url::parse(url);
    parsed.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn render(outcome: &Outcome) -> Vec<String> {
    let mut table = Table::with_header(["SECTION", "CLAIM", "RESULT"]);
    for (claim, verdict) in &outcome.verdicts {
        let (section, sentence) = claim.text();
        table.row([section.to_owned(), sentence.to_owned(), words(verdict)]);
    }
    let mut lines = vec![String::new()];
    lines.extend(table.lines(terminal_width()));
    lines.push(String::new());
    lines.extend(conclusion(outcome));
    lines
}

fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Agreed => "agreed".to_owned(),
        Verdict::Differs(instead) => format!("DIFFERS: {instead}"),
        Verdict::NotTried(reason) => format!("could not be tried: {reason}"),
    }
}

fn conclusion(outcome: &Outcome) -> Vec<String> {
    let agreed = outcome.count(|verdict| *verdict == Verdict::Agreed);
    let differing = outcome.count(|verdict| matches!(verdict, Verdict::Differs(_)));
    let untried = outcome.verdicts.len() - agreed - differing;
    let version = outcome
        .version
        .as_deref()
        .unwrap_or("of an unknown version");
    let style = match (differing, untried) {
        (0, 0) => OK,
        (0, _) => WARNING,
        _ => ERROR,
    };
    let sentence = format!(
        "DocSpace {}: {} agreed, {differing} differ, {untried} could not be tried.",
        clean(version),
        count(agreed, "claim")
    );
    let mut lines = vec![styled(style, &sentence)];
    if let Some(reason) = &outcome.stopped {
        lines.push(styled(
            ERROR,
            &format!("It stopped early: {}.", clean(reason)),
        ));
    }
    match &outcome.left[..] {
        [] => lines.push("Nothing is left on the portal.".to_owned()),
        left => {
            lines.push(styled(STRONG, "Left on the portal; remove it by hand:"));
            lines.extend(left.iter().map(|it| format!("  {}", clean(it))));
        }
    }
    lines
}

fn create(path: &Path) -> anyhow::Result<File> {
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

/// The report in Markdown.
fn report(outcome: &Outcome) -> serde_json::Result<String> {
    let mut text = format!(
        "# Rehearsal\n\ndocspace-courier {}, DocSpace {}\n\n",
        env!("CARGO_PKG_VERSION"),
        outcome
            .version
            .as_deref()
            .unwrap_or("of an unknown version")
    );
    for line in conclusion(outcome) {
        let _ = writeln!(text, "{}\n", anstream::adapter::strip_str(&line));
    }
    text.push_str("| Section | Claim | Result |\n|---|---|---|\n");
    for (claim, verdict) in &outcome.verdicts {
        let (section, sentence) = claim.text();
        let _ = writeln!(text, "| {section} | {sentence} | {} |", words(verdict));
    }
    text.push_str(
        "\nThe sections are those of docs/DOCSPACE.md.\n\n## Evidence\n\nIds, names and addresses are replaced.\n",
    );
    for (number, record) in outcome.evidence.iter().enumerate() {
        let _ = writeln!(
            text,
            "\n### {}. {}: {}\n",
            number + 1,
            record.what,
            record.status
        );
        for body in [&record.request, &record.response] {
            if !body.is_null() {
                let body = serde_json::to_string_pretty(body)?;
                let _ = writeln!(text, "```json\n{body}\n```");
            }
        }
    }
    Ok(text)
}
