//! The titles of the folders of a path, for the event of an action.

use std::collections::HashMap;

use crate::db::StoreError;
use crate::docspace::folder_title;
use crate::event::EntryKind;
use crate::outbox::Action;
use crate::template::folder_path::{FolderPath, PathField};
use crate::template::title::TitleValues;

use super::attempt::{AttemptOutcome, Context};
use super::current_file::current_file;
use super::message::Report;
use super::portal_error::unreadable_file;

/// Makes the titles, and remembers the names of people, by account, for as long as an attempt lasts.
#[derive(Default)]
pub(super) struct PathTitles(HashMap<String, String>);

impl PathTitles {
    /// The titles of the folders of an action's path, the highest first.
    pub(super) async fn titles(
        &mut self,
        context: &Context<'_>,
        action: &Action,
        report: &Report,
        path: &FolderPath,
    ) -> Result<Result<Vec<String>, AttemptOutcome>, StoreError> {
        let person = match &report.event.actor {
            Some(actor) if path.contains(PathField::Person) => {
                match self.name(context, action, report, actor).await? {
                    Ok(name) => name,
                    Err(outcome) => return Ok(Err(outcome)),
                }
            }
            _ => String::new(),
        };
        let values = TitleValues {
            title: &action.title,
            happened_at: report.event.happened_at.unwrap_or_default(),
            rule: &action.rule,
        };
        let titles = path.render(values, &person).into_iter();
        let titles: Option<Vec<String>> = titles.map(|title| folder_title(&title)).collect();
        Ok(titles.ok_or_else(|| AttemptOutcome::Dead {
            code: "blank_title",
            reason: format!("a folder of the path {path} would have a blank title"),
            intent: None,
        }))
    }

    /// The name of the account that acted, if it created or last changed the file, else its id.
    async fn name(
        &mut self,
        context: &Context<'_>,
        action: &Action,
        report: &Report,
        account: &str,
    ) -> Result<Result<String, AttemptOutcome>, StoreError> {
        if let Some(name) = self.0.get(account) {
            return Ok(Ok(name.clone()));
        }
        if report.kind() != EntryKind::File {
            return Ok(Ok(account.to_owned()));
        }
        let file = current_file(context, action).await?;
        let file = match context.portal.files().file(&file).await {
            Ok(file) => file,
            Err(error) => return Ok(Err(unreadable_file(context, &error).await)),
        };
        let mut people = file.people.into_iter();
        let person = people.find(|person| person.id == account);
        let name = person.map(|person| person.display_name);
        let Some(name) = name.filter(|name| folder_title(name).is_some()) else {
            return Ok(Ok(account.to_owned()));
        };
        self.0.insert(account.to_owned(), name.clone());
        Ok(Ok(name))
    }
}
