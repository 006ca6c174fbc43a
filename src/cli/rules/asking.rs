//! Asks the portal what rules must know of an event, each thing once, and keeps what it said.

use std::collections::HashMap;

use crate::clock::Clock;
use crate::config::Settings;
use crate::docspace::{Client, Error, FileInfo};
use crate::event::Event;
use crate::ids::{FileId, FolderId};
use crate::rules::{Facts, Lookup, MissingFact};

/// Questions about one event at the most.
const QUESTIONS: usize = 6;

/// What the portal has said so far.
pub(super) struct Asking {
    /// The portal, or why there is none.
    portal: Result<Client, String>,
    files: HashMap<FileId, Lookup<FileInfo>>,
    paths: HashMap<FolderId, Lookup<Vec<FolderId>>>,
    current_user: Option<String>,
}

/// What was answered about one event.
#[derive(Default)]
pub(super) struct Answers {
    file: Option<Lookup<FileInfo>>,
    path: Option<Lookup<Vec<FolderId>>>,
    current_user: Option<String>,
    /// What was asked, in words.
    pub(super) asked: Vec<String>,
    /// Why the last question has no answer.
    pub(super) unanswered: Option<String>,
}

impl Answers {
    pub(super) fn facts<'a>(&'a self, event: &'a Event, caused_by: &'a [String]) -> Facts<'a> {
        Facts {
            event,
            file: self.file.as_ref(),
            path: self.path.as_ref(),
            current_user: self.current_user.as_deref(),
            caused_by,
        }
    }
}

impl Asking {
    pub(super) fn new(settings: &Settings, clock: Clock) -> Self {
        let portal = settings.portal().map_err(|error| {
            let variables: Vec<_> = error.problems.iter().map(|it| it.variable).collect();
            format!("{} is missing or not valid", variables.join(", "))
        });
        let client = portal.and_then(|portal| {
            Client::new(&portal.host, portal.key, clock).map_err(|error| error.to_string())
        });
        Self {
            portal: client,
            files: HashMap::new(),
            paths: HashMap::new(),
            current_user: None,
        }
    }

    /// Asks for as long as something is needed and answered.
    pub(super) async fn answer(
        &mut self,
        event: &Event,
        made_by: &[String],
        needed: impl Fn(Facts<'_>) -> Option<MissingFact>,
    ) -> Answers {
        let mut answers = Answers::default();
        for _ in 0..QUESTIONS {
            let Some(need) = needed(answers.facts(event, made_by)) else {
                break;
            };
            if let Err(why) = self.one(&need, &mut answers).await {
                answers.unanswered = Some(why);
                break;
            }
        }
        answers
    }

    async fn one(&mut self, need: &MissingFact, answers: &mut Answers) -> Result<(), String> {
        let portal = self.portal.as_ref().map_err(Clone::clone)?;
        match need {
            MissingFact::File(file) => {
                if !self.files.contains_key(file) {
                    answers.asked.push(format!("file {file}"));
                    let found = looked(portal.files().file(file).await)?;
                    self.files.insert(file.clone(), found);
                }
                answers.file = self.files.get(file).cloned();
                answers.path = None;
            }
            MissingFact::Path(folder) => {
                if !self.paths.contains_key(folder) {
                    answers.asked.push(format!("the path of folder {folder}"));
                    let found = match looked(portal.files().folder_path(folder).await)? {
                        Lookup::Found(path) => {
                            Lookup::Found(path.into_iter().map(|folder| folder.id).collect())
                        }
                        Lookup::NotFound => Lookup::NotFound,
                    };
                    self.paths.insert(folder.clone(), found);
                }
                answers.path = self.paths.get(folder).cloned();
            }
            MissingFact::CurrentUser => {
                if self.current_user.is_none() {
                    answers.asked.push("the key's own user".to_owned());
                    let myself = portal
                        .account()
                        .current_user()
                        .await
                        .map_err(|error| error.to_string())?;
                    self.current_user = Some(myself.id);
                }
                answers.current_user.clone_from(&self.current_user);
            }
        }
        Ok(())
    }
}

fn looked<T>(answer: Result<T, Error>) -> Result<Lookup<T>, String> {
    match answer {
        Ok(found) => Ok(Lookup::Found(found)),
        Err(Error::NotFound) => Ok(Lookup::NotFound),
        Err(error) => Err(error.to_string()),
    }
}
