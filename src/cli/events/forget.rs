//! `events forget`: erases personal data.

use std::process::ExitCode;

use jiff::Timestamp;

use crate::audit::Author;
use crate::cli::exit::usage_error;
use crate::cli::output::{count, print_lines};
use crate::clock::Clock;
use crate::db::Db;
use crate::forget::{self, Subject};
use crate::journal::start_of;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Titles, names, reasons, bodies and links are erased, also those of dead letters. Ids, times and \
                  states stay, so that nothing is done twice. Backups and the log are not changed."
)]
pub(super) struct ForgetArgs {
    /// Every event that mentions this person, by the id or the address that deliveries contain.
    #[arg(long, value_name = "ID", conflicts_with_all = ["file", "before"])]
    person: Option<String>,

    /// Every event about this file.
    #[arg(long, value_name = "FILE_ID", conflicts_with = "before")]
    file: Option<String>,

    /// Every event received before this day (UTC), or before a time.
    #[arg(long, value_name = "DATE", value_parser = start_of)]
    before: Option<Timestamp>,

    /// Erase. Without this, only the number of events is shown.
    #[arg(long)]
    yes: bool,
}

impl ForgetArgs {
    fn subject(self) -> Option<Subject> {
        match (self.person, self.file, self.before) {
            (Some(person), ..) => Some(Subject::Person(person)),
            (_, Some(file), _) => Some(Subject::File(file)),
            (_, _, Some(before)) => Some(Subject::Before(before)),
            (None, None, None) => None,
        }
    }
}

/// Shows how many events are meant; if that is confirmed, erases their personal data.
pub(super) async fn run(
    db: &Db,
    args: ForgetArgs,
    author: &Author,
    clock: &Clock,
) -> anyhow::Result<ExitCode> {
    let is_confirmed = args.yes;
    let Some(subject) = args.subject() else {
        return Ok(usage_error(
            "say whose data to erase: --person, --file or --before",
        ));
    };
    let events = forget::select(db, &subject).await?;
    if events.is_empty() {
        print_lines(["No such events."]);
        return Ok(ExitCode::SUCCESS);
    }
    if !is_confirmed {
        let events = count(events.len(), "event");
        print_lines([format!(
            "This erases the personal data of {events}. Nothing was changed; add --yes to erase it."
        )]);
        return Ok(ExitCode::SUCCESS);
    }
    let forgotten = forget::forget(db, &events, author, clock.now()).await?;
    print_lines([format!(
        "Erased the personal data of {}.",
        count(forgotten.events, "event")
    )]);
    if forgotten.open > 0 {
        print_lines([format!(
            "{} still wait or run and keep theirs; repeat this once they have ended.",
            count(forgotten.open, "event")
        )]);
    }
    Ok(ExitCode::SUCCESS)
}
