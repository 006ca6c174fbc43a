//! `rules pause` and `rules resume`.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use crate::cli::events;
use crate::cli::exit::{FAILED, usage_error};
use crate::cli::output::{count, print, print_error, print_lines};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Db;
use crate::outbox::{self, Held, PausedRule};
use crate::rule_pause;
use crate::rules::Rule;
use crate::text::clean;

#[derive(Debug, clap::Args)]
pub(super) struct PauseArgs {
    /// The rule's name.
    name: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct ResumeArgs {
    /// The rule's name.
    name: String,

    /// What becomes of the actions that are held: carry them out, discard them, or ask.
    #[arg(long, value_name = "WHAT", default_value = "ask")]
    held: HeldArg,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum HeldArg {
    Do,
    Drop,
    Ask,
}

/// The paused rules; none if the store does not exist.
pub(super) async fn paused_rules(settings: &Settings) -> anyhow::Result<Vec<PausedRule>> {
    let location = settings.database()?;
    if location.file().is_some_and(|path| !path.exists()) {
        return Ok(Vec::new());
    }
    let db = events::open_existing(&location)?;
    Ok(db.read(outbox::paused_rules).await?)
}

/// Pauses a rule.
pub(super) async fn pause(
    settings: &Settings,
    rules: &[Rule],
    args: PauseArgs,
) -> anyhow::Result<ExitCode> {
    let name = args.name;
    if !rules.iter().any(|rule| rule.name == name) {
        let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
        print_error(&format!(
            "there is no rule “{name}”; the rules are: {}",
            names.join(", ")
        ));
        return Ok(ExitCode::from(FAILED));
    }
    let db = events::open_existing(&settings.database()?)?;
    let is_new = rule_pause::pause(&db, &name, Clock::system().now()).await?;
    let shown = clean(&name);
    let held = held_actions(&db, &name).await?.unwrap_or(0);
    print_lines([
        if is_new {
            format!("Rule {shown} is paused. It still matches; what it plans is held.")
        } else {
            format!("Rule {shown} was paused already.")
        },
        format!(
            "Held now: {}. `docspace-courier rules resume` ends the pause.",
            actions(held)
        ),
    ]);
    Ok(ExitCode::SUCCESS)
}

/// Resumes a rule.
pub(super) async fn resume(settings: &Settings, args: ResumeArgs) -> anyhow::Result<ExitCode> {
    let db = events::open_existing(&settings.database()?)?;
    let name = args.name;
    let Some(held) = held_actions(&db, &name).await? else {
        print_error(&format!("the rule “{name}” is not paused"));
        return Ok(ExitCode::from(FAILED));
    };
    let shown = clean(&name);
    let choice = match args.held {
        HeldArg::Do => Held::Do,
        HeldArg::Drop => Held::Drop,
        HeldArg::Ask if held == 0 => Held::Do,
        HeldArg::Ask => match ask(&shown, held)? {
            Some(choice) => choice,
            None => {
                return Ok(usage_error(&format!(
                    "nothing was changed: the rule holds {}; add --held do or --held drop",
                    actions(held)
                )));
            }
        },
    };
    rule_pause::resume(&db, &name, choice, Clock::system().now()).await?;
    print_lines([match (choice, held) {
        (_, 0) => format!("Rule {shown} is resumed. It held nothing."),
        (Held::Do, _) => format!(
            "Rule {shown} is resumed. The running service carries out {}.",
            actions(held)
        ),
        (Held::Drop, _) => format!("Rule {shown} is resumed. Discarded: {}.", actions(held)),
    }]);
    Ok(ExitCode::SUCCESS)
}

fn actions(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "action")
}

/// How many actions a rule holds; `None` if it is not paused.
async fn held_actions(db: &Db, name: &str) -> anyhow::Result<Option<u64>> {
    let paused = db.read(outbox::paused_rules).await?;
    let mut paused = paused.into_iter();
    Ok(paused
        .find(|paused| paused.rule == name)
        .map(|paused| paused.held))
}

/// Asks the person; `None` if there is none, or the answer is another.
fn ask(name: &str, held: u64) -> std::io::Result<Option<Held>> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    print(&format!(
        "Rule {name} holds {}. Carry them out (do) or discard them (drop)? ",
        actions(held)
    ));
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(match answer.trim() {
        "do" => Some(Held::Do),
        "drop" => Some(Held::Drop),
        _ => None,
    })
}
