//! `rules pause` and `rules resume`.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use crate::cli::author::author;
use crate::cli::existing_store::{open_existing, open_if_exists};
use crate::cli::exit::{FAILED, usage_error};
use crate::cli::names::no_such_rule;
use crate::cli::output::{count, print, print_error, print_lines};
use crate::clock::Clock;
use crate::config::{Rules, Settings};
use crate::db::Db;
use crate::inbox;
use crate::outbox::{self, Held, PausedRule};
use crate::rule_pause;
use crate::text::{clean, shell_word};

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
    match open_if_exists(settings)? {
        Some(db) => Ok(db.read(outbox::paused_rules).await?),
        None => Ok(Vec::new()),
    }
}

/// Pauses a rule, also if the rules cannot be read: it is how an operator stops one in an emergency.
pub(super) async fn pause(settings: &Settings, args: PauseArgs) -> anyhow::Result<ExitCode> {
    let name = args.name;
    let db = open_existing(settings)?;
    match settings.rules() {
        Ok(Rules { rules, .. }) => {
            let is_configured = rules.iter().any(|rule| rule.name == name);
            if !is_configured && !is_known(&db, &name).await? {
                print_error(&no_such_rule(&name, &rules));
                return Ok(ExitCode::from(FAILED));
            }
        }
        Err(_) => print_error(
            "the rules cannot be read (`docspace-courier check` says why), so whether there is a rule of this name is \
             not known",
        ),
    }
    let is_new = rule_pause::pause(&db, &name, &author(settings), Clock::system().now()).await?;
    let shown = clean(&name);
    let held = held_actions(&db, &name).await?.unwrap_or(0);
    print_lines([
        if is_new {
            format!("Rule {shown} is paused. It still matches; what it plans is held.")
        } else {
            format!("Rule {shown} was paused already.")
        },
        format!(
            "Held now: {}. `docspace-courier rules resume {}` ends the pause.",
            actions(held),
            clean(&shell_word(&name))
        ),
    ]);
    Ok(ExitCode::SUCCESS)
}

/// Resumes a rule.
pub(super) async fn resume(settings: &Settings, args: ResumeArgs) -> anyhow::Result<ExitCode> {
    let db = open_existing(settings)?;
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
    let now = Clock::system().now();
    rule_pause::resume(&db, &name, choice, &author(settings), now).await?;
    print_lines([match (choice, held) {
        (_, 0) => format!("Rule {shown} is resumed. It held nothing."),
        (Held::Do, _) => format!(
            "Rule {shown} is resumed. A running service carries out {} at once; otherwise it does when it starts.",
            actions(held)
        ),
        (Held::Drop, _) => format!("Rule {shown} is resumed. Discarded: {}.", actions(held)),
    }]);
    Ok(ExitCode::SUCCESS)
}

/// Whether the store knows a rule of this name, perhaps one that the service has and this configuration has not.
async fn is_known(db: &Db, name: &str) -> anyhow::Result<bool> {
    let name = name.to_owned();
    Ok(db.read(move |sql| inbox::has_rule(sql, &name)).await?)
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
