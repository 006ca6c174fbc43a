//! Asks the portal what rules must know of an event, each thing once, and keeps what it said.

use std::collections::HashMap;

use crate::clock::Clock;
use crate::docspace::{Client, Error, FileInfo};
use crate::event::Event;
use crate::ids::{FileId, FolderId};
use crate::rules::{Facts, Looked, Need};

use super::Environment;

/// Questions about one event at the most.
const QUESTIONS: usize = 6;

/// What the portal has said so far.
pub(super) struct Asking {
    /// The portal, or why there is none.
    portal: Result<Client, String>,
    files: HashMap<FileId, Looked<FileInfo>>,
    paths: HashMap<FolderId, Looked<Vec<FolderId>>>,
    myself: Option<String>,
}

/// What was answered about one event.
#[derive(Default)]
pub(super) struct Answers {
    file: Option<Looked<FileInfo>>,
    path: Option<Looked<Vec<FolderId>>>,
    myself: Option<String>,
    /// What was asked, in words.
    pub(super) asked: Vec<String>,
    /// Why the last question has no answer.
    pub(super) unanswered: Option<String>,
}

impl Answers {
    pub(super) fn facts<'a>(&'a self, event: &'a Event, made_by: &'a [String]) -> Facts<'a> {
        Facts {
            event,
            file: self.file.as_ref(),
            path: self.path.as_ref(),
            myself: self.myself.as_deref(),
            made_by,
        }
    }
}

impl Asking {
    pub(super) fn new(environment: &Environment, clock: Clock) -> Self {
        let portal = environment.portal().map_err(|error| {
            let variables: Vec<_> = error.problems.iter().map(|it| it.variable).collect();
            format!("{} is not set or wrong", variables.join(", "))
        });
        let client = portal.and_then(|portal| {
            Client::new(&portal.host, portal.key, clock).map_err(|error| error.to_string())
        });
        Self {
            portal: client,
            files: HashMap::new(),
            paths: HashMap::new(),
            myself: None,
        }
    }

    /// Asks for as long as something is needed and answered.
    pub(super) async fn answer(
        &mut self,
        event: &Event,
        made_by: &[String],
        needed: impl Fn(Facts<'_>) -> Option<Need>,
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

    async fn one(&mut self, need: &Need, answers: &mut Answers) -> Result<(), String> {
        let portal = self.portal.as_ref().map_err(Clone::clone)?;
        match need {
            Need::File(file) => {
                if !self.files.contains_key(file) {
                    answers.asked.push(format!("file {file}"));
                    let found = looked(portal.file(file).await)?;
                    self.files.insert(file.clone(), found);
                }
                answers.file = self.files.get(file).cloned();
                answers.path = None;
            }
            Need::Path(folder) => {
                if !self.paths.contains_key(folder) {
                    answers.asked.push(format!("the path of folder {folder}"));
                    let found = match looked(portal.folder_path(folder).await)? {
                        Looked::Found(path) => {
                            Looked::Found(path.into_iter().map(|folder| folder.id).collect())
                        }
                        Looked::Gone => Looked::Gone,
                    };
                    self.paths.insert(folder.clone(), found);
                }
                answers.path = self.paths.get(folder).cloned();
            }
            Need::Myself => {
                if self.myself.is_none() {
                    answers.asked.push("the key's own user".to_owned());
                    let myself = portal.myself().await.map_err(|error| error.to_string())?;
                    self.myself = Some(myself.id);
                }
                answers.myself.clone_from(&self.myself);
            }
        }
        Ok(())
    }
}

fn looked<T>(answer: Result<T, Error>) -> Result<Looked<T>, String> {
    match answer {
        Ok(found) => Ok(Looked::Found(found)),
        Err(Error::NotFound) => Ok(Looked::Gone),
        Err(error) => Err(error.to_string()),
    }
}
