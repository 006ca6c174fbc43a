//! The page for people: rooms and files, webhooks and deliveries, and forms to upload files and to register a
//! receiver. It is plain HTML without scripts.

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};

use super::api::UPLOAD_LIMIT;
use super::control;
use super::event::UploadEvents;
use super::ids::FolderId;
use super::json::size_text;
use super::page_access;
use super::portal::Portal;
use super::storage::{File, Folder, Storage};
use super::triggers;
use super::user::User;

/// How many deliveries the page shows, newest first.
const LISTED_DELIVERIES: usize = 20;

/// The deepest indentation; folders further down have the same.
const MAX_DEPTH: usize = 3;

#[derive(Template)]
#[template(path = "sandbox.html")]
struct Page {
    address: String,
    api_key: String,
    /// Who signs in with the API key as the password.
    sign_in_name: String,
    secret: String,
    folders: Vec<FolderLine>,
    webhooks: Vec<WebhookLine>,
    deliveries: Vec<DeliveryLine>,
}

/// A folder and its depth in the tree.
struct FolderLine {
    id: String,
    title: String,
    depth: usize,
    is_room: bool,
    files: Vec<FileLine>,
}

struct FileLine {
    id: String,
    title: String,
    size: String,
    version: u32,
    by: &'static str,
    updated: String,
    locked: bool,
    in_editor: bool,
}

struct WebhookLine {
    id: String,
    name: String,
    url: String,
    triggers: String,
    enabled: bool,
}

struct DeliveryLine {
    event: String,
    trigger: &'static str,
    title: String,
    created: String,
    status: u16,
    attempts: u32,
    delivered: bool,
    in_progress: bool,
}

pub(super) fn router(portal: &Portal) -> Router<Portal> {
    Router::new()
        .route("/", get(show))
        .route("/sandbox/upload", post(upload))
        .route("/sandbox/webhooks", post(register))
        .merge(control::router())
        .layer(DefaultBodyLimit::max(UPLOAD_LIMIT))
        .layer(from_fn_with_state(portal.clone(), page_access::check))
}

async fn show(State(portal): State<Portal>) -> Response {
    match page(&portal).render() {
        Ok(html) => Html(html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn page(portal: &Portal) -> Page {
    let state = portal.state();
    let mut folders = Vec::new();
    add_folders(
        &state.storage,
        &portal.seed().rooms_section,
        0,
        &mut folders,
    );
    let webhooks = state.webhooks.all().map(|webhook| WebhookLine {
        id: webhook.id.to_string(),
        name: webhook.config.name.clone(),
        url: webhook.config.url.clone(),
        triggers: triggers::names(webhook.config.triggers).join(", "),
        enabled: webhook.config.enabled,
    });
    let deliveries = state.webhooks.rows().rev().take(LISTED_DELIVERIES);
    let deliveries = deliveries.map(|row| DeliveryLine {
        event: row.id.to_string(),
        trigger: row.event.trigger,
        title: row.event.payload.title().to_owned(),
        created: row.created.to_string(),
        status: row.status,
        attempts: row.attempts,
        delivered: row.delivered.is_some(),
        in_progress: row.delivered.is_none() && row.response.is_none(),
    });
    Page {
        address: state.base_url(),
        api_key: portal.api_key().to_owned(),
        sign_in_name: User::Service.email(),
        secret: portal.secret().to_owned(),
        folders,
        webhooks: webhooks.collect(),
        deliveries: deliveries.collect(),
    }
}

/// Adds the folders below one, each followed by its own subfolders.
fn add_folders(storage: &Storage, parent: &FolderId, depth: usize, lines: &mut Vec<FolderLine>) {
    let mut folders: Vec<&Folder> = storage.folders_in(parent).collect();
    folders.sort_by(|a, b| a.title.cmp(&b.title).then(a.id.cmp(&b.id)));
    for folder in folders {
        lines.push(FolderLine {
            id: folder.id.to_string(),
            title: folder.title.clone(),
            depth: depth.min(MAX_DEPTH),
            is_room: folder.is_room(),
            files: storage.files_in(&folder.id).map(file_line).collect(),
        });
        add_folders(storage, &folder.id, depth + 1, lines);
    }
}

fn file_line(file: &File) -> FileLine {
    FileLine {
        id: file.id.to_string(),
        title: file.title.clone(),
        size: size_text(file.content.len()),
        version: file.version,
        by: file.updated_by.name().0,
        updated: file.updated.to_string(),
        locked: file.locked_by.is_some(),
        in_editor: file.in_editor,
    }
}

/// The fields of both forms.
#[derive(Debug, Default)]
struct Form {
    folder: Option<FolderId>,
    url: Option<String>,
    files: Vec<(String, bytes::Bytes)>,
}

async fn read_form(mut multipart: Multipart) -> Option<Form> {
    let mut form = Form::default();
    while let Some(field) = multipart.next_field().await.ok()? {
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().unwrap_or_default().to_owned();
        match name.as_str() {
            "folder" => form.folder = Some(FolderId::from(field.text().await.ok()?.as_str())),
            "url" => form.url = Some(field.text().await.ok()?),
            "file" if !file_name.is_empty() => {
                form.files.push((file_name, field.bytes().await.ok()?));
            }
            _ => {}
        }
    }
    Some(form)
}

/// The client uploads files, as in the web interface.
async fn upload(State(portal): State<Portal>, multipart: Multipart) -> Response {
    let Some(form) = read_form(multipart).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let known = form
        .folder
        .filter(|folder| portal.state().storage.folder(folder).is_some());
    let Some(folder) = known else {
        return StatusCode::NOT_FOUND.into_response();
    };
    for (title, content) in form.files {
        portal.upload(&folder, &title, &content, UploadEvents::Uploaded);
    }
    Redirect::to("/").into_response()
}

async fn register(State(portal): State<Portal>, multipart: Multipart) -> Response {
    let url = read_form(multipart).await.and_then(|form| form.url);
    match url.filter(|url| reqwest::Url::parse(url).is_ok()) {
        Some(url) => {
            portal.add_webhook(&url, &triggers::DEFAULT_TRIGGERS);
            Redirect::to("/").into_response()
        }
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}
