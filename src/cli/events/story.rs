//! Everything about one event, as a page to read.

use std::fmt::Write as _;

use crate::inbox::journal::{ActionView, DecisionView, EventStory, EventView, State};

use crate::cli::printable::{clean, time};

/// The page.
pub(super) fn tell(story: &EventStory) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, story);
    page
}

fn write_page(page: &mut String, story: &EventStory) -> std::fmt::Result {
    write_arrival(page, &story.event)?;
    write_decisions(page, &story.event, &story.decisions)?;
    write_actions(page, &story.actions)?;
    if story.event.state == State::Unreadable {
        let body = clean(&String::from_utf8_lossy(&story.body));
        writeln!(page, "\nThe body as it came\n  {body}")?;
    }
    write_advice(page, story)
}

fn write_arrival(page: &mut String, event: &EventView) -> std::fmt::Result {
    writeln!(page, "Event {}: {}", event.id, event.state.as_str())?;
    if let Some(reason) = &event.reason {
        writeln!(page, "{}", clean(reason))?;
    }
    writeln!(page)?;
    let times = match event.deliveries {
        1 => String::new(),
        many => format!(", delivered {many} times"),
    };
    let source = match event.source.as_str() {
        "log" => "read from the portal's delivery log",
        "listing" => "found in a watched room",
        _ => "delivered by DocSpace",
    };
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
    line("trigger", event.trigger.clone())?;
    line("title", event.title.clone())?;
    line("file", event.file_id.clone())?;
    line("DocSpace", docspace_numbers(event))
}

fn docspace_numbers(event: &EventView) -> Option<String> {
    match (event.event_id, event.webhook_id) {
        (Some(event), Some(webhook)) => Some(format!("event {event} of webhook {webhook}")),
        (Some(event), None) => Some(format!("event {event}")),
        (None, Some(webhook)) => Some(format!("webhook {webhook}, which named no event id")),
        (None, None) => None,
    }
}

fn write_decisions(
    page: &mut String,
    event: &EventView,
    decisions: &[DecisionView],
) -> std::fmt::Result {
    if decisions.is_empty() && event.due_at.is_none() {
        return Ok(());
    }
    writeln!(page, "\nWhat the rules said")?;
    if let Some(due_at) = event.due_at {
        writeln!(page, "  waits for its decision, due {} UTC", time(due_at))?;
    }
    let width = widest(decisions.iter().map(|decision| decision.rule.as_str()));
    for DecisionView {
        rule,
        outcome,
        reason,
    } in decisions
    {
        let (rule, reason) = (clean(rule), clean(reason));
        writeln!(page, "  {rule:width$}  {outcome:9}  {reason}")?;
    }
    Ok(())
}

fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

fn write_actions(page: &mut String, actions: &[ActionView]) -> std::fmt::Result {
    if actions.is_empty() {
        return Ok(());
    }
    writeln!(page, "\nWhat was done")?;
    for (place, action) in actions.iter().enumerate() {
        let before = actions[..place].iter().rfind(|before| {
            before.rule == action.rule && before.state != "done" && before.kind != "notify"
        });
        writeln!(
            page,
            "  {}, action {} of rule {}: {}",
            clean(&what(action)),
            action.id,
            clean(&action.rule),
            standing(action, before)
        )?;
        if let Some(reason) = &action.reason {
            writeln!(page, "      {}", clean(reason))?;
        }
    }
    Ok(())
}

fn what(action: &ActionView) -> String {
    match (action.kind.as_str(), &action.to) {
        ("copy" | "move", Some(to)) => format!("{} to folder {to}", action.kind),
        (kind, Some(to)) => format!("{kind} {to}"),
        (kind, None) => kind.to_owned(),
    }
}

fn standing(action: &ActionView, before: Option<&ActionView>) -> String {
    let attempts = match action.attempt {
        0 => "not tried yet".to_owned(),
        1 => "1 attempt".to_owned(),
        many => format!("{many} attempts"),
    };
    let at = |prefix: &str| {
        action
            .finished_at
            .map_or_else(String::new, |at| format!("{prefix}{} UTC", time(at)))
    };
    match (action.state.as_str(), before) {
        ("done", _) => format!("done{}, {attempts}{}", at(" "), result(action)),
        ("dead", _) => {
            let code = action.reason_code.as_deref().unwrap_or("no code");
            format!("dead{}, {attempts} ({code})", at(" since "))
        }
        ("discarded", _) => format!("discarded{}, {attempts}", at(" ")),
        ("running", _) => format!("running, attempt {}", action.attempt),
        (_, Some(before)) => format!(
            "waits for the {} (action {}), which is {}",
            before.kind, before.id, before.state
        ),
        (_, None) => {
            let due = action
                .due_at
                .map_or_else(String::new, |due| format!(", due {} UTC", time(due)));
            match action.attempt {
                0 => format!("waiting{due}, {attempts}"),
                _ => format!("waiting{due}, {attempts}, {} failed", action.failures),
            }
        }
    }
}

fn result(action: &ActionView) -> String {
    match (&action.result_file, &action.result_folder) {
        (Some(file), Some(folder)) => clean(&format!("; file {file} in folder {folder}")),
        (Some(file), None) => clean(&format!("; file {file}")),
        _ => String::new(),
    }
}

fn write_advice(page: &mut String, story: &EventStory) -> std::fmt::Result {
    let id = story.event.id;
    let has_ignored = story.decisions.is_empty()
        || story
            .decisions
            .iter()
            .any(|decision| decision.outcome == "ignored");
    match story.event.state {
        State::Dead => {
            writeln!(page, "\nWhat you can do")?;
            writeln!(
                page,
                "  docspace-courier events replay {id}    puts what is dead back to work, with all attempts"
            )?;
            writeln!(
                page,
                "  docspace-courier events discard {id}   gives it up for good"
            )
        }
        State::Ignored | State::Done | State::Discarded if has_ignored => {
            writeln!(page, "\nWhat you can do")?;
            writeln!(
                page,
                "  docspace-courier events replay {id}    asks the rules again, after you changed them"
            )
        }
        State::Waiting | State::Working => writeln!(
            page,
            "\nNothing is needed of you: the service goes on by itself while it runs."
        ),
        State::Unreadable => writeln!(
            page,
            "\nNothing can be done about it here: it was signed, but it is no event. It is kept so that \
             nothing signed is lost."
        ),
        State::Ignored | State::Done | State::Discarded => Ok(()),
    }
}
