//! Everything about one event, as text.

use std::fmt::Write as _;

use crate::cli::output::{Table, terminal_width};
use crate::journal::{ActionView, DecisionView, EventDetails, EventState, EventView};
use crate::text::{clean, shell_word, time};

pub(super) fn render(details: &EventDetails) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, details);
    page
}

fn write_page(page: &mut String, details: &EventDetails) -> std::fmt::Result {
    write_event(page, &details.event, &details.replay_changes)?;
    write_decisions(page, &details.event, &details.decisions)?;
    write_actions(page, &details.actions)?;
    if details.event.state == EventState::Unreadable {
        let body = clean(&String::from_utf8_lossy(&details.body));
        writeln!(page, "\nBody as received\n  {body}")?;
    }
    write_next_steps(page, details)
}

fn write_event(
    page: &mut String,
    event: &EventView,
    replay_changes: &[String],
) -> std::fmt::Result {
    writeln!(page, "Event {}: {}", event.id, event.state.as_str())?;
    if let Some(reason) = &event.reason {
        writeln!(page, "{}", clean(reason))?;
    }
    writeln!(page)?;
    let times = match event.deliveries {
        1 => String::new(),
        many => format!(", delivered {many} times"),
    };
    let source = event.source_text();
    writeln!(
        page,
        "  received  {} UTC, {source}{times}",
        time(event.received_at)
    )?;
    writeln!(page, "  happened  {} UTC", time(event.happened_at))?;
    let mut line = |name: &str, value: Option<String>| match value {
        Some(value) => writeln!(page, "  {name:8}  {}", clean(&value)),
        None => Ok(()),
    };
    line("replayed", event.replay_text())?;
    for change in replay_changes {
        line("", Some(change.clone()))?;
    }
    line("trigger", event.trigger.clone())?;
    line("title", event.title.clone())?;
    line("file", event.file_id.clone())?;
    line("folder", event.folder_id.clone())?;
    line("room", event.room_id.clone())?;
    line("person", event.actor.clone())?;
    line("DocSpace", event.docspace_numbers())
}

fn write_decisions(
    page: &mut String,
    event: &EventView,
    decisions: &[DecisionView],
) -> std::fmt::Result {
    if decisions.is_empty() && event.due_at.is_none() {
        return Ok(());
    }
    writeln!(page, "\nDecisions")?;
    if let Some(due_at) = event.due_at {
        writeln!(page, "  not evaluated yet, due {} UTC", time(due_at))?;
    }
    let mut table = Table::new().indented(2);
    for decision in decisions {
        let DecisionView {
            rule,
            outcome,
            reason,
        } = decision;
        table.row([rule.clone(), outcome.to_string(), reason.clone()]);
    }
    for line in table.lines(terminal_width()) {
        writeln!(page, "{line}")?;
    }
    Ok(())
}

fn write_actions(page: &mut String, actions: &[ActionView]) -> std::fmt::Result {
    if actions.is_empty() {
        return Ok(());
    }
    writeln!(page, "\nActions")?;
    for action in actions {
        writeln!(
            page,
            "  {}, action {} of rule {}: {}",
            clean(&action.what),
            action.id,
            clean(&action.rule),
            clean(&action.state_in_words(actions))
        )?;
        if let Some(reason) = &action.reason {
            writeln!(page, "      {}", clean(reason))?;
        }
    }
    Ok(())
}

fn write_next_steps(page: &mut String, details: &EventDetails) -> std::fmt::Result {
    let id = details.event.id;
    match details.event.state {
        EventState::Dead => {
            writeln!(page, "\nWhat you can do")?;
            writeln!(
                page,
                "  docspace-courier events replay {id}    evaluates the current rules again; what is done is not repeated"
            )?;
            writeln!(
                page,
                "  docspace-courier events discard {id}   discards its dead letters; a replay can still bring them back"
            )
        }
        _ if details.has_ended() => {
            writeln!(page, "\nWhat you can do")?;
            writeln!(
                page,
                "  docspace-courier events replay {id}    evaluates the current rules again, for use after a change of them"
            )
        }
        EventState::Waiting | EventState::Working => writeln!(
            page,
            "\nA running service continues by itself. If this takes long, `docspace-courier check` shows what to fix."
        ),
        EventState::Held => {
            let rule = details.actions.iter().find(|action| action.held);
            let rule = rule.map_or("NAME", |action| &action.rule);
            writeln!(
                page,
                "\nA rule is paused. `docspace-courier rules resume {}` resumes it, and carries out or drops what is held.",
                clean(&shell_word(rule))
            )
        }
        EventState::Unreadable => writeln!(
            page,
            "\nThere is nothing to do here: the delivery was signed, but it is not an event. It is kept \
             because nothing signed is dropped."
        ),
        EventState::Ignored | EventState::Done | EventState::Discarded => Ok(()),
    }
}
