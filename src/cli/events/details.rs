//! Everything about one event, as a page to read.

use std::fmt::Write as _;

use crate::journal::{ActionView, DecisionView, EventDetails, EventState, EventView};

use crate::text::{clean, time};

/// The page.
pub(super) fn tell(story: &EventDetails) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, story);
    page
}

fn write_page(page: &mut String, story: &EventDetails) -> std::fmt::Result {
    write_arrival(page, &story.event)?;
    write_decisions(page, &story.event, &story.decisions)?;
    write_actions(page, &story.actions)?;
    if story.event.state == EventState::Unreadable {
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
    let source = event.source_words();
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
    for action in actions {
        writeln!(
            page,
            "  {}, action {} of rule {}: {}",
            clean(&action.what()),
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

fn write_advice(page: &mut String, story: &EventDetails) -> std::fmt::Result {
    let id = story.event.id;
    match story.event.state {
        EventState::Dead => {
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
        _ if story.can_reevaluate() => {
            writeln!(page, "\nWhat you can do")?;
            writeln!(
                page,
                "  docspace-courier events replay {id}    asks the rules again, after you changed them"
            )
        }
        EventState::Waiting | EventState::Working => writeln!(
            page,
            "\nNothing is needed of you: the service goes on by itself while it runs."
        ),
        EventState::Unreadable => writeln!(
            page,
            "\nNothing can be done about it here: it was signed, but it is no event. It is kept so that \
             nothing signed is lost."
        ),
        EventState::Ignored | EventState::Done | EventState::Discarded => Ok(()),
    }
}
