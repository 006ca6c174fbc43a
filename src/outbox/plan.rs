//! Plans the actions of a rule for one content state of a file, once.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::db::{Queue, Sql, SqlError, ZeroAsNone};
use crate::ids::{EventPosition, FolderId, InboxId};
use crate::rules::{ActionPlan, PlannedActions};
use crate::template::title::TitleValues;

use super::action::ActionId;
use super::collect;
use super::priority::Priority;
use super::retry::{start_over, start_over_with};
use super::title::target;

/// The result of planning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanOutcome {
    /// The actions are stored.
    Planned,
    /// They were planned for this earlier event; its dead letters are retried.
    AlreadyPlanned(InboxId),
}

const INSERT: &str = "
    INSERT INTO actions (event, rule, file_id, file_version, position, kind, file_work, waited_for, raises, destination,
                         plan, title, target, channel, state, happened_at, sequence, background, due_at, created_at)
    VALUES (:event, :rule, :file, :version, :position, :kind, :file_work, :waited_for, :raises, :destination,
            :plan, :title, :target, :channel, 'waiting', :happened_at, :sequence, :background,
            CASE WHEN EXISTS (SELECT 1 FROM paused_rules WHERE rule = :rule) THEN NULL ELSE CAST(:due_at AS BIGINT) END,
            :now)";

/// Stores the actions of one rule for one content state of a file, unless they have been planned before.
pub fn plan(
    sql: &Sql,
    event: EventPosition,
    rule: &str,
    planned: &PlannedActions,
    now: Timestamp,
) -> Result<PlanOutcome, SqlError> {
    plan_with(sql, event, rule, planned, Priority::Live, now)
}

/// The same for a backfill: other work comes before these actions.
pub fn plan_in_background(
    sql: &Sql,
    event: EventPosition,
    rule: &str,
    planned: &PlannedActions,
    now: Timestamp,
) -> Result<PlanOutcome, SqlError> {
    plan_with(sql, event, rule, planned, Priority::Background, now)
}

fn plan_with(
    sql: &Sql,
    event: EventPosition,
    rule: &str,
    planned: &PlannedActions,
    priority: Priority,
    now: Timestamp,
) -> Result<PlanOutcome, SqlError> {
    let version = planned.state.to_string();
    if let Some(earlier) = find_effect(sql, rule, planned)? {
        retry_dead(sql, earlier, Some(rule), now)?;
        if priority == Priority::Live {
            make_live(sql, earlier, rule, now)?;
        }
        return Ok(PlanOutcome::AlreadyPlanned(earlier));
    }
    // An action is due once those before it that it waits for are done.
    let mut is_free = true;
    let titles = titles(event, rule, planned);
    for ((position, action), title) in (0_i64..).zip(&planned.actions).zip(titles) {
        let new = NewAction {
            event,
            rule,
            version: Cow::Borrowed(&version),
            position,
            planned,
            action,
            title,
            priority,
        };
        let due_at = if action.properties.shares_calls {
            collect::due_at(priority, now)
        } else {
            now
        };
        new.insert(sql, is_free.then_some(due_at), now)?;
        is_free = is_free && !action.properties.is_waited_for;
    }
    sql.announce(Queue::Outbox);
    Ok(PlanOutcome::Planned)
}

/// The title that the file has before each action of a rule.
pub(super) fn titles(
    event: EventPosition,
    rule: &str,
    planned: &PlannedActions,
) -> impl Iterator<Item = String> {
    let mut next = planned.title.clone();
    planned.actions.iter().map(move |action| {
        let values = TitleValues {
            title: &next,
            happened_at: event.at,
            rule,
        };
        let after = action.properties.title_after(values);
        std::mem::replace(&mut next, after)
    })
}

/// An action to store.
#[derive(Debug)]
pub(super) struct NewAction<'a> {
    pub(super) event: EventPosition,
    pub(super) rule: &'a str,
    pub(super) version: Cow<'a, str>,
    pub(super) position: i64,
    pub(super) planned: &'a PlannedActions,
    pub(super) action: &'a ActionPlan,
    /// The title that the file has before it.
    pub(super) title: String,
    pub(super) priority: Priority,
}

impl NewAction<'_> {
    fn channel(&self) -> Option<String> {
        let channel = self.action.properties.channel.as_ref();
        channel.map(ToString::to_string)
    }

    fn destination(&self) -> Option<&str> {
        let destination = self.action.properties.destination();
        destination.map(FolderId::as_str)
    }

    /// The folder and the title under which the action creates or replaces a file.
    fn target(&self) -> Option<String> {
        let placement = self.action.properties.placement.as_ref()?;
        let values = TitleValues {
            title: &self.title,
            happened_at: self.event.at,
            rule: self.rule,
        };
        let title = placement.written_title(values)?;
        Some(target(placement.to.folder(), &title))
    }

    pub(super) fn insert(
        &self,
        sql: &Sql,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), SqlError> {
        let sequence = self.event.sequence.map(|id| id.0);
        sql.execute(
            INSERT,
            &[
                (":event", self.event.event.0.into()),
                (":rule", self.rule.into()),
                (":file", self.planned.file.as_str().into()),
                (":version", (&*self.version).into()),
                (":position", self.position.into()),
                (":kind", self.action.kind.into()),
                (":file_work", self.action.properties.is_file_work.into()),
                (":waited_for", self.action.properties.is_waited_for.into()),
                (":raises", self.action.properties.raises.into()),
                (":destination", self.destination().into()),
                (":plan", self.action.stored.as_str().into()),
                (":title", (&self.title).into()),
                (":target", self.target().as_deref().into()),
                (":channel", self.channel().as_deref().into()),
                (":happened_at", self.event.at.into()),
                (":sequence", ZeroAsNone(sequence).into()),
                (
                    ":background",
                    (self.priority == Priority::Background).into(),
                ),
                (":due_at", due_at.into()),
                (":now", now.into()),
            ],
        )?;
        Ok(())
    }

    /// Stores it in place of an action of the same rule that had no effect.
    pub(super) fn replace(&self, sql: &Sql, id: ActionId) -> Result<(), SqlError> {
        let statement = start_over_with(
            "kind = :kind, file_work = :file_work, waited_for = :waited_for, raises = :raises, final_target = NULL,
             destination = :destination, plan = :plan, title = :title, target = :target, channel = :channel,
             position = :position, operation_id = NULL,
             progress = CASE WHEN kind = :kind AND plan = :plan THEN progress END,",
            "id = :id AND state IN ('waiting', 'dead', 'discarded') AND intent_at IS NULL",
        );
        sql.execute(
            &statement,
            &[
                (":id", id.0.into()),
                (":due_at", None::<Timestamp>.into()),
                (":position", self.position.into()),
                (":kind", self.action.kind.into()),
                (":file_work", self.action.properties.is_file_work.into()),
                (":waited_for", self.action.properties.is_waited_for.into()),
                (":raises", self.action.properties.raises.into()),
                (":destination", self.destination().into()),
                (":plan", self.action.stored.as_str().into()),
                (":title", (&self.title).into()),
                (":target", self.target().as_deref().into()),
                (":channel", self.channel().as_deref().into()),
            ],
        )?;
        Ok(())
    }

    /// Takes over an action of another rule that does the same.
    pub(super) fn adopt(&self, sql: &Sql, id: ActionId) -> Result<(), SqlError> {
        sql.execute(
            "UPDATE actions SET rule = :rule, file_version = :version, position = :position
             WHERE id = :id",
            &[
                (":id", id.0.into()),
                (":rule", self.rule.into()),
                (":version", (&*self.version).into()),
                (":position", self.position.into()),
            ],
        )?;
        Ok(())
    }
}

/// The event for which a rule's actions for this content state of a file are planned: an event about this state, or
/// a backfill, which found the file in this state or a later one.
pub(super) fn find_effect(
    sql: &Sql,
    rule: &str,
    planned: &PlannedActions,
) -> Result<Option<InboxId>, SqlError> {
    let effects: Vec<(InboxId, String, i64)> = sql.query(
        "SELECT DISTINCT actions.event, actions.file_version, coalesce(events.backfilled, 0)
         FROM actions LEFT JOIN events ON events.id = actions.event
         WHERE rule = :rule AND actions.file_id = :file",
        &[
            (":rule", rule.into()),
            (":file", planned.file.as_str().into()),
        ],
        |row| Ok((InboxId(row.get(0)?), row.get(1)?, row.get(2)?)),
    )?;
    let states = same_states(sql, planned)?;
    let includes = |(_, known, backfilled): &&(InboxId, String, i64)| {
        states.contains(known) || *backfilled != 0 && planned.state.is_not_after(known)
    };
    Ok(effects.iter().find(includes).map(|(event, ..)| *event))
}

/// The state of a file, and those of which actions have made it by changing something about the file that is not its
/// content, such as its title: a rule that has handled the content before does not handle it again.
fn same_states(sql: &Sql, planned: &PlannedActions) -> Result<Vec<String>, SqlError> {
    let mut states = vec![planned.state.to_string()];
    let changes: Vec<(String, String)> = sql.query(
        "SELECT file_version, changed_at FROM actions
         WHERE file_id = :file AND changed_at IS NOT NULL AND changed_at <> file_version
           AND (raises IS NULL OR raises <> 'file.created')
         ORDER BY id DESC",
        &[(":file", planned.file.as_str().into())],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (before, after) in changes {
        if states.contains(&after) {
            states.push(before);
        }
    }
    Ok(states)
}

/// Makes an event's dead letters due again, with all their attempts; those of one rule, if it is given.
pub fn retry_dead(
    sql: &Sql,
    event: InboxId,
    rule: Option<&str>,
    now: Timestamp,
) -> Result<usize, SqlError> {
    let dead = "event = :event AND (:rule IS NULL OR rule = :rule) AND state = 'dead'";
    sql.execute(
        &start_over(dead),
        &[
            (":event", event.0.into()),
            (":rule", rule.into()),
            (":due_at", now.into()),
        ],
    )
}

/// Ends the low priority of what a backfill planned: the event itself is reported now.
fn make_live(sql: &Sql, event: InboxId, rule: &str, now: Timestamp) -> Result<(), SqlError> {
    sql.execute(
        "UPDATE actions
         SET background = 0,
             due_at = CASE WHEN attempt = 0 AND due_at > :now THEN CAST(:now AS BIGINT) ELSE due_at END
         WHERE event = :event AND rule = :rule AND background = 1 AND state = 'waiting'",
        &[
            (":event", event.0.into()),
            (":rule", rule.into()),
            (":now", now.into()),
        ],
    )?;
    Ok(())
}
