//! Backfill in the console: choosing rules and a place, a preview, starting, progress, and stopping.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use jiff::Timestamp;
use tracing::info;

use super::access::{Identity, OperatorName};
use super::console::{Console, PREVIEW_TIMEOUT};
use super::layout::{Layout, RelativeTime, Section, page, unavailable};
use super::portal_names::{Named, PATIENCE};
use crate::backfill::{
    self, Backfill, BackfillRequest, BackfillState, Counts, Survey, done_at, is_about_uploads,
};
use crate::docspace::Error;
use crate::ids::FolderId;
use crate::journal::{NoDay, end_of, start_of};
use crate::rules::RuleSet;
use crate::text::{clean, time};

const PATH: &str = "/backfill";

/// How the addresses of the forms begin.
pub(super) const FORMS: &str = "/backfill/";

#[derive(Template)]
#[template(path = "backfill.html")]
struct BackfillPage {
    layout: Layout,
    latest: Option<Progress>,
    /// Whether one is under way, so that none can be started.
    is_running: bool,
    problem: Option<String>,
    rules: Vec<RuleChoice>,
    form: BackfillForm,
    preview: Option<Preview>,
}

struct RuleChoice {
    name: String,
    places: Vec<String>,
    is_chosen: bool,
}

/// What was entered.
#[derive(Clone, Debug, Default)]
struct BackfillForm {
    rules: Vec<String>,
    places: String,
    since: String,
    until: String,
}

/// The newest backfill.
struct Progress {
    heading: String,
    sentences: Vec<String>,
    percent: u64,
}

/// What a backfill would do.
struct Preview {
    sentences: Vec<String>,
    sample: Vec<Sampled>,
    can_start: bool,
}

struct Sampled {
    title: String,
    actions: String,
}

impl BackfillForm {
    fn read(fields: Vec<(String, String)>) -> Self {
        let mut form = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "rule" => form.rules.push(value),
                "places" => form.places = value,
                "since" => form.since = value,
                "until" => form.until = value,
                _ => {}
            }
        }
        form
    }

    /// What is ordered, or why it cannot be.
    fn request(&self, console: &Console) -> Result<BackfillRequest, String> {
        if self.rules.is_empty() {
            return Err("Choose at least one rule.".to_owned());
        }
        let places = self
            .places
            .split([',', ' '])
            .filter(|place| !place.is_empty());
        let places: Vec<FolderId> = places
            .map(|place| {
                let no_id = |_| format!("{} is not an id of a room or folder.", clean(place));
                place.parse().map_err(no_id)
            })
            .collect::<Result<_, String>>()?;
        let range = (
            bound("From", &self.since, start_of)?,
            bound("To", &self.until, end_of)?,
        );
        let rules = console.rules().get();
        BackfillRequest::new(rules.rules(), self.rules.clone(), places, range)
            .map_err(|error| format!("{error}."))
    }
}

fn bound(
    name: &str,
    text: &str,
    parse: fn(&str) -> Result<Timestamp, NoDay>,
) -> Result<Option<Timestamp>, String> {
    let text = Some(text.trim()).filter(|text| !text.is_empty());
    let parsed = text.map(parse).transpose();
    parsed.map_err(|error| format!("{name}: {error}."))
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
) -> Response {
    let layout = Layout::new(&console, identity).at(Section::Backfill);
    let form = BackfillForm::default();
    render(&console, layout, StatusCode::OK, form, None, None).await
}

pub(super) async fn preview(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let layout = Layout::new(&console, identity).at(Section::Backfill);
    let form = BackfillForm::read(fields);
    let (code, problem, preview) = match survey(&console, &form).await {
        Ok(preview) => (StatusCode::OK, None, Some(preview)),
        Err(problem) => (StatusCode::UNPROCESSABLE_ENTITY, Some(problem), None),
    };
    render(&console, layout, code, form, problem, preview).await
}

pub(super) async fn start(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Extension(name): Extension<OperatorName>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let layout = Layout::new(&console, identity).at(Section::Backfill);
    let form = BackfillForm::read(fields);
    let request = match form.request(&console) {
        Ok(request) => request,
        Err(problem) => {
            let code = StatusCode::UNPROCESSABLE_ENTITY;
            return render(&console, layout, code, form, Some(problem), None).await;
        }
    };
    let (now, author) = (console.clock.now(), name.author());
    let order = console
        .db
        .write(move |sql| backfill::order(sql, &request, &author, now));
    match order.await {
        Ok(Some(id)) => {
            info!(backfill = id, "an operator started a backfill");
            Redirect::to(PATH).into_response()
        }
        Ok(None) => {
            let problem = "A backfill is under way. Wait for its end, or stop it.".to_owned();
            let code = StatusCode::CONFLICT;
            render(&console, layout, code, form, Some(problem), None).await
        }
        Err(error) => unavailable(layout, &error),
    }
}

pub(super) async fn stop(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Extension(name): Extension<OperatorName>,
) -> Response {
    let (now, author) = (console.clock.now(), name.author());
    let stop = console
        .db
        .write(move |sql| backfill::stop(sql, &author, now));
    match stop.await {
        Ok(stopped) => {
            if stopped {
                info!("an operator stopped the backfill");
            }
            Redirect::to(PATH).into_response()
        }
        Err(error) => unavailable(Layout::new(&console, identity), &error),
    }
}

/// Finds out what a backfill would do, or says why that is not possible.
async fn survey(console: &Console, form: &BackfillForm) -> Result<Preview, String> {
    let request = form.request(console)?;
    let active = console.rules().get();
    let chosen: RuleSet = request
        .rules(active.rules())
        .map_err(|error| format!("{error}."))?;
    let places = request.places.clone();
    let survey = async {
        for place in &places {
            if let Err(Error::NotFound) = console.portal.files().folder(place).await {
                return Err(format!("There is no room or folder {place}."));
            }
        }
        let survey = console.backfiller.survey(&chosen, request).await;
        survey.map_err(|error| format!("The preview failed: {error}."))
    };
    match tokio::time::timeout(PREVIEW_TIMEOUT, survey).await {
        Ok(Ok(survey)) => Ok(preview_of(&survey)),
        Ok(Err(why)) => Err(why),
        Err(_) => Ok(Preview {
            sentences: vec![format!(
                "There are more files than a preview reads in {} s. docspace-courier backfill reads them all and says \
                 what would be done. You can also start without a preview.",
                PREVIEW_TIMEOUT.as_secs()
            )],
            sample: Vec::new(),
            can_start: true,
        }),
    }
}

fn preview_of(survey: &Survey) -> Preview {
    let Counts {
        transfers,
        writes,
        messages,
        ..
    } = survey.counts;
    let can_start = transfers + writes + messages > 0;
    let mut sentences = count_sentences(survey.counts);
    if can_start {
        let cost = survey.cost;
        let days = if cost.days == 1 { "day" } else { "days" };
        sentences.push(format!(
            "Calls to the portal: about {}, {} of them writes, within {} {days}.",
            cost.calls, cost.writes, cost.days
        ));
    } else {
        sentences.push("There is nothing to do.".to_owned());
    }
    let sample = survey.sample.iter().map(|file| Sampled {
        title: clean(&file.title),
        actions: file.actions.join(", "),
    });
    Preview {
        sentences,
        sample: sample.collect(),
        can_start,
    }
}

fn count_sentences(counts: Counts) -> Vec<String> {
    let mut sentences = vec![
        format!(
            "Files read: {} of {}. The rules apply to {}.",
            counts.files, counts.total, counts.matched
        ),
        format!(
            "Copies and moves: {}. Other changes: {}. Notifications and calls: {}.",
            counts.transfers, counts.writes, counts.messages
        ),
    ];
    if counts.handled > 0 {
        sentences.push(format!(
            "Handled before, so not handled again: {}.",
            counts.handled
        ));
    }
    if counts.undecided > 0 {
        sentences.push(format!(
            "Could not be decided, because the portal refuses an answer: {}.",
            counts.undecided
        ));
    }
    sentences
}

async fn render(
    console: &Console,
    layout: Layout,
    code: StatusCode,
    form: BackfillForm,
    problem: Option<String>,
    preview: Option<Preview>,
) -> Response {
    let latest = match console.db.read(backfill::latest).await {
        Ok(latest) => latest,
        Err(error) => return unavailable(layout, &error),
    };
    let now = console.clock.now();
    let active = console.rules().get();
    let rules = || {
        let rules = active.rules().iter();
        rules.filter(|rule| is_about_uploads(rule))
    };
    let watched = rules().flat_map(|rule| rule.watched_folders().map(FolderId::as_str));
    let watched = watched.filter_map(Named::place);
    console.names.look_up(watched, PATIENCE).await;
    let choices = rules().map(|rule| RuleChoice {
        places: rule
            .watched_folders()
            .map(|folder| console.names.item(folder.as_str()).name)
            .collect(),
        is_chosen: form.rules.contains(&rule.name),
        name: rule.name.clone(),
    });
    let view = BackfillPage {
        layout,
        is_running: latest
            .as_ref()
            .is_some_and(|latest| latest.state == BackfillState::Running),
        latest: latest.map(|latest| progress(&latest, now)),
        problem,
        rules: choices.collect(),
        form,
        preview,
    };
    page(code, &view)
}

fn progress(backfill: &Backfill, now: Timestamp) -> Progress {
    let rules = clean(&backfill.request.rules.join(", "));
    let heading = match backfill.state {
        BackfillState::Running => format!("Under way: {rules}"),
        BackfillState::Done => format!("Done: {rules}"),
        BackfillState::Stopped => format!("Stopped: {rules}"),
    };
    let mut sentences: Vec<String> = backfill.reason.as_deref().map(clean).into_iter().collect();
    sentences.extend(count_sentences(backfill.counts));
    let ordered = RelativeTime::new(backfill.ordered_at, now).about;
    sentences.push(match backfill.ended_at {
        Some(ended) => format!("Ordered {ordered}; last file read at {} UTC.", time(ended)),
        None => match done_at(backfill.counts, backfill.ordered_at, now) {
            Some(at) => format!("Ordered {ordered}; it will be done about {} UTC.", time(at)),
            None => format!("Ordered {ordered}; the first files are being read."),
        },
    });
    let counts = backfill.counts;
    Progress {
        heading,
        sentences,
        percent: match backfill.state {
            BackfillState::Done => 100,
            _ => counts.files.saturating_mul(100) / counts.total.max(1),
        },
    }
}
