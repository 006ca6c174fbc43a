//! A new rule from a recipe: choosing one, filling in its ids and addresses, and the text of it in the editor.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use futures_util::TryStreamExt as _;
use serde::Deserialize;

use super::access::Identity;
use super::console::Console;
use super::layout::{Layout, Section, message, page};
use super::rules_editor_page;
use crate::recipes::{Blank, BlankKind, RECIPES, Recipe};
use crate::text::clean;

/// Where it is.
pub(super) const PATH: &str = "/rules/new";

/// The name of the field with the recipe; no blank has it.
const RECIPE: &str = "recipe";

/// How long the page waits for the rooms that it suggests.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Deserialize)]
pub(super) struct NewRuleQuery {
    recipe: Option<String>,
}

#[derive(Template)]
#[template(path = "rules_new.html")]
struct RecipeList {
    layout: Layout,
    recipes: Vec<RecipeItem>,
}

struct RecipeItem {
    name: &'static str,
    purpose: String,
}

#[derive(Template)]
#[template(path = "rules_recipe.html")]
struct RecipePage {
    layout: Layout,
    recipe: &'static str,
    purpose: String,
    text: &'static str,
    blanks: Vec<BlankField>,
    /// The rooms that the key can see: id and title.
    rooms: Vec<(String, String)>,
}

struct BlankField {
    example: &'static str,
    label: &'static str,
    hint: String,
    line: &'static str,
    is_place: bool,
    value: String,
    problem: Option<String>,
}

pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Query(query): Query<NewRuleQuery>,
) -> Response {
    let layout = Layout::new(&console, identity).at(Section::Rules);
    let Some(name) = query.recipe else {
        let recipes = RECIPES.iter().map(|recipe| RecipeItem {
            name: recipe.name,
            purpose: recipe.purpose(),
        });
        let list = RecipeList {
            layout,
            recipes: recipes.collect(),
        };
        return page(StatusCode::OK, &list);
    };
    match Recipe::find(&name) {
        Some(recipe) => {
            let (entered, problems) = (BTreeMap::new(), BTreeMap::new());
            form(&console, layout, recipe, &entered, problems).await
        }
        None => no_recipe(layout),
    }
}

pub(super) async fn fill(
    State(console): State<Arc<Console>>,
    Extension(identity): Extension<Identity>,
    Form(entered): Form<BTreeMap<String, String>>,
) -> Response {
    let layout = Layout::new(&console, identity).at(Section::Rules);
    let recipe = entered.get(RECIPE).and_then(|name| Recipe::find(name));
    let Some(recipe) = recipe else {
        return no_recipe(layout);
    };
    match recipe.filled(&entered) {
        Ok(text) => rules_editor_page::show_with_addition(&console, layout, &text).await,
        Err(problems) => form(&console, layout, recipe, &entered, problems).await,
    }
}

async fn form(
    console: &Console,
    layout: Layout,
    recipe: &'static Recipe,
    entered: &BTreeMap<String, String>,
    mut problems: BTreeMap<&'static str, String>,
) -> Response {
    let code = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let blanks = recipe.blanks();
    let has_places = blanks.iter().any(|blank| blank.kind == BlankKind::Place);
    let fields = blanks.into_iter().map(|blank| {
        let value = entered.get(blank.example).cloned().unwrap_or_default();
        field(&blank, value, problems.remove(blank.example))
    });
    let view = RecipePage {
        layout,
        recipe: recipe.name,
        purpose: recipe.purpose(),
        text: recipe.text,
        blanks: fields.collect(),
        rooms: if has_places {
            rooms(console).await
        } else {
            Vec::new()
        },
    };
    page(code, &view)
}

fn field(blank: &Blank, value: String, problem: Option<String>) -> BlankField {
    let (label, hint) = match blank.kind {
        BlankKind::Place => (
            "Room or folder",
            "Its id, or its address: open it in DocSpace and copy what the browser shows. Rooms are suggested by name."
                .to_owned(),
        ),
        BlankKind::Group => (
            "Group",
            "Its id, or its address: open the group under Contacts in DocSpace and copy what the browser shows."
                .to_owned(),
        ),
        BlankKind::Email => ("Email address", format!("Instead of {}.", blank.example)),
        BlankKind::Url => ("URL of your program", format!("Instead of {}.", blank.example)),
    };
    BlankField {
        example: blank.example,
        label,
        hint,
        line: blank.line,
        is_place: blank.kind == BlankKind::Place,
        value,
        problem,
    }
}

/// The first rooms that the key can see. Without an answer in time, none: an id can be entered nevertheless.
async fn rooms(console: &Console) -> Vec<(String, String)> {
    let read = async {
        let mut pages = pin!(console.portal.files().room_pages());
        pages.try_next().await.ok().flatten()
    };
    let first = tokio::time::timeout(PATIENCE, read).await.ok().flatten();
    let rooms = first.into_iter().flat_map(|page| page.content.folders);
    rooms
        .map(|room| (room.id.to_string(), clean(&room.title)))
        .collect()
}

fn no_recipe(layout: Layout) -> Response {
    let link = Some((PATH.to_owned(), "All recipes"));
    let sentence = "There is no recipe of this name.";
    message(
        layout,
        StatusCode::NOT_FOUND,
        "No such recipe",
        sentence,
        link,
    )
}
