//! Simple uploads, small text files, and new versions (docs/DOCSPACE.md A9.4, A9.5).

use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, Query, State};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::files::file_json;
use super::json_body::JsonBody;
use super::{ApiError, ApiResult, Responder};
use crate::event::UploadEvents;
use crate::ids::{FileId, FolderId};
use crate::portal::Portal;
use crate::room_kind::RoomKind;
use crate::storage::{Folder, clean_title, split_extension};
use crate::user::User;

/// The longest title of a text file in a request, in characters.
const LONGEST_TEXT_TITLE: usize = 165;

const NO_FILES: ApiError = ApiError::BadArgument("No input files");
const NOT_A_FORM: &str =
    "The file cannot be uploaded to this room. Please try to upload the ONLYOFFICE PDF form.";

/// What a simple upload does if the folder has a file of the same title.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UploadQuery {
    create_new_if_exist: Option<bool>,
}

/// The fields of a form that uploads a file.
#[derive(Debug, Default)]
pub(super) struct UploadForm {
    title: Option<String>,
    create_new_if_exist: Option<bool>,
    pub(super) file: Option<(String, Bytes)>,
}

/// A simple upload by the service account, which raises `file.created` and `file.uploaded`, also when it overwrites. The
/// response is a list, as ONLYOFFICE's own client expects.
pub(super) async fn upload(
    State(portal): State<Portal>,
    Path(folder): Path<String>,
    Query(query): Query<UploadQuery>,
    responder: Responder,
    form: Result<Multipart, MultipartRejection>,
) -> ApiResult {
    let folder = portal.folder_of_address(&folder);
    check_destination(&portal, &folder)?;
    let form = read_form(form).await?;
    let (title, content) = form.file.ok_or(NO_FILES)?;
    let creates = query.create_new_if_exist.unwrap_or(false);
    let events = UploadEvents::CreatedAndUploaded.triggers();
    let file = put(&portal, &folder, (&title, &content), creates, events);
    Ok(responder.ok(&json!([file_json(&portal, &file, &responder)?])))
}

/// The same with a form that states the title. The response is the file.
pub(super) async fn insert(
    State(portal): State<Portal>,
    Path(folder): Path<String>,
    responder: Responder,
    form: Result<Multipart, MultipartRejection>,
) -> ApiResult {
    let folder = portal.folder_of_address(&folder);
    check_destination(&portal, &folder)?;
    let form = read_form(form).await?;
    let (file_name, content) = form.file.ok_or(NO_FILES)?;
    let title = form.title.unwrap_or(file_name);
    let creates = form.create_new_if_exist.unwrap_or(false);
    let events = UploadEvents::CreatedAndUploaded.triggers();
    let file = put(&portal, &folder, (&title, &content), creates, events);
    Ok(responder.ok(&file_json(&portal, &file, &responder)?))
}

/// A new version of a file. It ends editing.
pub(super) async fn update(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    responder: Responder,
    form: Result<Multipart, MultipartRejection>,
) -> ApiResult {
    let id = FileId::from(id.as_str());
    {
        let state = portal.state();
        let file = state.storage.file(&id).ok_or(ApiError::FileMissing)?;
        if !state.storage.may_edit(file) || file.is_locked_for(User::Service) {
            return Err(ApiError::Denied);
        }
    }
    let (_, content) = read_form(form).await?.file.ok_or(NO_FILES)?;
    portal.open_in_editor(&id, false);
    portal.overwrite_by(User::Service, &id, &content, &["file.updated"]);
    Ok(responder.ok(&file_json(&portal, &id, &responder)?))
}

/// A small text file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TextBody {
    title: Option<String>,
    content: Option<String>,
    create_new_if_exist: Option<bool>,
}

/// Writes a text file, whose title gets the extension `.txt` in any case, or `.html` if the content looks like HTML.
pub(super) async fn text(
    State(portal): State<Portal>,
    Path(folder): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<TextBody>,
) -> ApiResult {
    let is_html = body.content.as_deref().is_some_and(looks_like_html);
    let extension = if is_html { "html" } else { "txt" };
    write(&portal, &folder, &responder, body, extension)
}

/// Writes an HTML file, whatever it contains.
pub(super) async fn html(
    State(portal): State<Portal>,
    Path(folder): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<TextBody>,
) -> ApiResult {
    write(&portal, &folder, &responder, body, "html")
}

/// Writes a file. `createNewIfExist` means the opposite of its name, as in the portal.
fn write(
    portal: &Portal,
    folder: &str,
    responder: &Responder,
    body: TextBody,
    extension: &str,
) -> ApiResult {
    let title = body.title.unwrap_or_default();
    if title.trim().is_empty() || title.chars().count() > LONGEST_TEXT_TITLE {
        return Ok(responder.invalid("Title", "The Title field is required."));
    }
    let Some(content) = body.content else {
        return Ok(responder.invalid("Content", "The Content field is required."));
    };
    let folder = portal.folder_of_address(folder);
    check_destination(portal, &folder)?;
    let title = format!("{title}.{extension}");
    let creates = !body.create_new_if_exist.unwrap_or(false);
    let file = (title.as_str(), content.as_bytes());
    let file = put(portal, &folder, file, creates, &["file.created"]);
    Ok(responder.ok(&file_json(portal, &file, responder)?))
}

/// The titles of files to upload.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UploadCheck {
    files_title: Option<Vec<String>>,
}

/// Lists those of the titles that a folder has already.
pub(super) async fn check(
    State(portal): State<Portal>,
    Path(folder): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<UploadCheck>,
) -> ApiResult {
    let folder = portal.folder_of_address(&folder);
    check_destination(&portal, &folder)?;
    let state = portal.state();
    let titles = body.files_title.unwrap_or_default().into_iter();
    let known = titles.filter(|title| state.storage.same_title(&folder, title).is_some());
    Ok(responder.ok(&json!(known.collect::<Vec<_>>())))
}

/// An empty document.
#[derive(Debug, Deserialize)]
pub(super) struct NewDocument {
    title: Option<String>,
}

/// Creates an empty document. A title without an extension gets that of a text document; one that is taken gets a number.
pub(super) async fn create(
    State(portal): State<Portal>,
    Path(folder): Path<String>,
    responder: Responder,
    JsonBody(body): JsonBody<NewDocument>,
) -> ApiResult {
    let title = body.title.unwrap_or_default();
    if title.trim().is_empty() || title.chars().count() > LONGEST_TEXT_TITLE {
        return Ok(responder.invalid("Title", "The Title field is required."));
    }
    let folder = portal.folder_of_address(&folder);
    check_destination(&portal, &folder)?;
    let extension = match split_extension(&title) {
        (_, "") => ".docx",
        _ => "",
    };
    let file = (&*format!("{title}{extension}"), &[][..]);
    let file = put(&portal, &folder, file, true, &["file.created"]);
    Ok(responder.ok(&file_json(&portal, &file, &responder)?))
}

/// Whether a text contains a tag with attributes, such as `<a b="c">`.
fn looks_like_html(text: &str) -> bool {
    text.split('<').skip(1).any(|after| {
        let tag = after.split('>').next().unwrap_or_default();
        let is_closed = after.contains('>');
        let starts_with_name = tag.starts_with(|first: char| first.is_ascii_alphabetic());
        is_closed && starts_with_name && tag.contains(' ') && tag.contains('=')
    })
}

/// Puts a file into a folder. It overwrites one of the same title, unless it is to be a new file in any case.
pub(super) fn put(
    portal: &Portal,
    folder: &FolderId,
    (title, content): (&str, &[u8]),
    creates: bool,
    events: &[&'static str],
) -> FileId {
    let title = clean_title(title);
    let (name, extension) = split_extension(&title);
    let title = format!("{name}{}", extension.to_lowercase());
    let existing = portal.overwritable(folder, &title).filter(|_| !creates);
    if let Some(existing) = existing {
        portal.overwrite_by(User::Service, &existing, content, events);
        return existing;
    }
    let free = portal.state().storage.free_title(folder, &title);
    let title = if creates { free } else { title };
    portal.add_file_by(User::Service, folder, (&title, content), events)
}

/// Checks that a folder takes an upload.
pub(super) fn check_destination(portal: &Portal, folder: &FolderId) -> Result<(), ApiError> {
    let state = portal.state();
    let known = state.storage.folder(folder);
    let known = known.ok_or(ApiError::FolderMissing)?;
    if !state.storage.may_create_in(known) {
        return Err(ApiError::Denied);
    }
    let room = state.storage.room_of(folder).and_then(Folder::room_kind);
    if room == Some(RoomKind::FormFilling) {
        return Err(ApiError::Failed(NOT_A_FORM));
    }
    Ok(())
}

/// Reads the fields of a form.
pub(super) async fn read_form(
    form: Result<Multipart, MultipartRejection>,
) -> Result<UploadForm, ApiError> {
    let mut form = form.map_err(|_| ApiError::UnsupportedBody)?;
    let mut read = UploadForm::default();
    while let Some(field) = form.next_field().await.map_err(|_| NO_FILES)? {
        let name = field.name().unwrap_or_default().to_lowercase();
        if let Some(file_name) = field.file_name().map(str::to_owned) {
            let content = field.bytes().await.map_err(|_| NO_FILES)?;
            read.file.get_or_insert((file_name, content));
            continue;
        }
        let text = field.text().await.map_err(|_| NO_FILES)?;
        match name.as_str() {
            "title" => read.title = Some(text),
            "createnewifexist" => read.create_new_if_exist = text.to_lowercase().parse().ok(),
            _ => {}
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_with_attributes_makes_html() {
        let check =
            |text: &str, is_html: bool| assert_eq!(looks_like_html(text), is_html, "{text}");
        check("<a b=\"c\">x</a>", true);
        check("<b>x</b>", false);
        check("1 < 2 = true", false);
        check("plain", false);
    }
}
