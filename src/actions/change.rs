//! Changes of something about a file that the file itself shows, such as its comment or its title.
//!
//! The file is read first, and a change that it shows counts as made, even if a person made it. So an attempt after a
//! crash changes nothing and raises no second event. The intent is stored nevertheless: while it is open, an event
//! about the file may be the change's own, and waits until the time of the change is known (`inbox/origin.rs`).

use jiff::Timestamp;

use crate::db::StoreError;
use crate::docspace::{Error, FileInfo, Files};
use crate::outbox::{Action, ActionResult};

use super::attempt::{AttemptOutcome, Context, Outcomes};
use super::current_file::current_file;
use super::failpoint::Failpoint;
use super::intent::{self, Unconfirmed};
use super::portal_error::{failed_call, refused_without_cause, unreadable_file};

/// A change of a file. To repeat the call is harmless.
pub(super) trait FileChange {
    /// What the key's user is not allowed to do if the portal refuses it, such as "rename it".
    const VERB: &'static str;

    /// Whether the file shows it.
    fn is_made(&self, file: &FileInfo) -> bool;

    /// What a person should know about a file that shows it.
    fn note(&self, _: &FileInfo) -> Option<String> {
        None
    }

    /// Whether the key's user may make it, if the portal says so.
    fn is_allowed(&self, file: &FileInfo) -> Option<bool>;

    /// Why it cannot be made at present.
    fn obstacle(&self, file: &FileInfo) -> Option<AttemptOutcome>;

    /// Makes it, and returns the file as it is afterwards.
    fn make(
        &self,
        files: Files<'_>,
        file: FileInfo,
        may_send: impl Future<Output = bool> + Send,
    ) -> impl Future<Output = Result<FileInfo, Error>> + Send;
}

/// Makes an attempt at a change of an action's file. The change may depend on the file.
pub(super) async fn change_file<C: FileChange>(
    context: &Context<'_>,
    action: &Action,
    change: impl FnOnce(&FileInfo) -> C,
) -> Result<AttemptOutcome, StoreError> {
    let began_at = context.portal.portal_time();
    let id = current_file(context, action).await?;
    let file = match context.portal.files().file(&id).await {
        Ok(file) => file,
        Err(error) => {
            let outcome = unreadable_file(context, &error).await;
            return Ok(outcome.keeping(action.intent.clone()));
        }
    };
    let change = change(&file);
    if change.is_made(&file) {
        return Ok(made_before(context, action, &change, file).await);
    }
    if let Some(obstacle) = change.obstacle(&file) {
        let earlier = action.intent.clone();
        let in_flight = earlier.filter(|intent| began_at < intent.in_flight_until);
        return Ok(match in_flight {
            Some(intent) => {
                let reason = "the portal may still be processing a call whose response was lost";
                let unconfirmed = Unconfirmed { action, intent };
                unconfirmed.search_again(context, began_at, reason).1
            }
            None => obstacle,
        });
    }
    make(context, action, &change, file).await
}

/// The outcome for a file that shows the change. If a call of an earlier attempt may have made it, the file's last
/// change is ours, unless somebody else has changed the file since.
async fn made_before<C: FileChange>(
    context: &Context<'_>,
    action: &Action,
    change: &C,
    file: FileInfo,
) -> AttemptOutcome {
    let mut changed_at = None;
    if let Some(intent) = &action.intent {
        let user = match context.portal.account().current_user().await {
            Ok(user) => user.id,
            Err(error) => return failed_call(context, &error, Some(intent.clone())),
        };
        let is_ours = file.people.last().is_none_or(|person| person.id == user);
        // Not every change moves this time.
        let is_as_before = file.updated <= intent.at;
        changed_at = (is_ours || is_as_before).then_some(file.updated);
    }
    done(action, change, &file, changed_at)
}

async fn make<C: FileChange>(
    context: &Context<'_>,
    action: &Action,
    change: &C,
    file: FileInfo,
) -> Result<AttemptOutcome, StoreError> {
    let intent = intent::new(context);
    let mut ended = Outcomes::new();
    let held = intent::store(context, [action], &intent, &mut ended).await?;
    let Some(unconfirmed) = held.into_iter().next() else {
        return Ok(AttemptOutcome::ClaimLost);
    };
    context.failpoints.pass(Failpoint::BeforeCall).await;
    let id = file.id.clone();
    let may_send = context.holds_claims(vec![action.claim]);
    let made = change.make(context.portal.files(), file, may_send).await;
    context.failpoints.pass(Failpoint::AfterResponse).await;
    Ok(match made {
        Ok(file) => {
            context.failpoints.pass(Failpoint::BeforeFinish).await;
            done(action, change, &file, Some(file.updated))
        }
        Err(error @ Error::NotFound) => unreadable_file(context, &error).await,
        Err(Error::Forbidden) => {
            // 403 means "no right" as well as "locked", so the state of the file decides.
            match context.portal.files().file(&id).await {
                Ok(file) => change
                    .obstacle(&file)
                    .unwrap_or_else(|| refused(action, change, &file)),
                Err(error) => unreadable_file(context, &error).await,
            }
        }
        Err(error) => unconfirmed.call_failed(context, &error).1,
    })
}

/// The outcome for a change that was refused although nothing prevents it at present.
fn refused<C: FileChange>(action: &Action, change: &C, file: &FileInfo) -> AttemptOutcome {
    let not_allowed = || {
        let verb = C::VERB;
        AttemptOutcome::no_right(format!("this key's user may read the file, but not {verb}"))
    };
    if change.is_allowed(file) == Some(false) {
        not_allowed()
    } else {
        refused_without_cause(action, not_allowed)
    }
}

fn done<C: FileChange>(
    action: &Action,
    change: &C,
    file: &FileInfo,
    changed_at: Option<Timestamp>,
) -> AttemptOutcome {
    AttemptOutcome::Done(ActionResult {
        // The id of a file in third-party storage can change with its title.
        file: (file.id != action.file).then(|| file.id.clone()),
        changed_at,
        note: change.note(file),
        ..ActionResult::default()
    })
}
