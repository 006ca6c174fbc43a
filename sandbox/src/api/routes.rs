//! The routes of the API, by groups of calls.

use axum::Router;
use axum::routing::{delete, get, post, put};

use super::{
    account_changes, account_lists, activity, archiving, bulk_download, conversion, deletion,
    download, dry_runs, duplication, file_settings, fileops, files, folders, links, listing,
    people, rooms, sharing, tags, templates, upload_sessions, uploads, webhooks,
};
use crate::portal::Portal;

pub(super) fn room_routes() -> Router<Portal> {
    Router::new()
        .route(
            "/api/2.0/files/rooms",
            get(listing::rooms).post(rooms::create),
        )
        .route("/api/2.0/files/rooms/fromTemplate", post(templates::start))
        .route(
            "/api/2.0/files/rooms/fromTemplate/status",
            get(templates::status),
        )
        .route(
            "/api/2.0/files/rooms/{id}",
            get(rooms::room)
                .put(rooms::update)
                .delete(deletion::delete_room),
        )
        .route(
            "/api/2.0/files/rooms/{id}/tags",
            put(tags::add).delete(tags::remove),
        )
        .route("/api/2.0/files/rooms/{id}/pin", put(rooms::pin))
        .route("/api/2.0/files/rooms/{id}/unpin", put(rooms::unpin))
        .route("/api/2.0/files/rooms/{id}/archive", put(archiving::archive))
        .route(
            "/api/2.0/files/rooms/{id}/unarchive",
            put(archiving::unarchive),
        )
        .route("/api/2.0/files/tags", get(tags::list).post(tags::create))
}

pub(super) fn file_routes() -> Router<Portal> {
    Router::new()
        .route("/api/2.0/files/@root", get(listing::root))
        .route("/api/2.0/files/settings", get(file_settings::settings))
        .route("/api/2.0/files/{id}", get(listing::content))
        .route("/api/2.0/files/{id}/file", post(uploads::create))
        .route("/api/2.0/files/{id}/subfolders", get(folders::subfolders))
        .route("/api/2.0/files/{id}/upload", post(uploads::upload))
        .route(
            "/api/2.0/files/{id}/upload/create_session",
            post(upload_sessions::create),
        )
        .route("/api/2.0/files/{id}/insert", post(uploads::insert))
        .route("/api/2.0/files/{id}/upload/check", post(uploads::check))
        .route("/api/2.0/files/{id}/text", post(uploads::text))
        .route("/api/2.0/files/{id}/html", post(uploads::html))
        .route("/api/2.0/files/{id}/update", put(uploads::update))
        .route(
            "/api/2.0/files/folder/{id}",
            get(folders::folder)
                .post(folders::create)
                .put(folders::rename)
                .delete(deletion::delete_folder),
        )
        .route("/api/2.0/files/folder/{id}/path", get(folders::path))
        .route("/api/2.0/files/folder/{id}/log", get(activity::of_folder))
        .route(
            "/api/2.0/files/file/{id}",
            get(files::file)
                .put(files::rename)
                .delete(deletion::delete_file),
        )
        .route("/api/2.0/files/file/{id}/copyas", post(conversion::copy_as))
        .route(
            "/api/2.0/files/file/{id}/saveaspdf",
            post(conversion::save_as_pdf),
        )
        .route(
            "/api/2.0/files/file/{id}/checkconversion",
            get(conversion::status).put(conversion::start),
        )
        .route("/api/2.0/files/file/{id}/comment", put(files::comment))
        .route("/api/2.0/files/file/{id}/lock", put(files::lock))
        .route("/api/2.0/files/file/{id}/log", get(activity::of_file))
        .route(
            "/api/2.0/files/file/{id}/presigned",
            get(download::presigned),
        )
        .route(
            "/api/2.0/files/file/{id}/presigneduri",
            get(download::presigned_uri),
        )
}

pub(super) fn sharing_routes() -> Router<Portal> {
    Router::new()
        .route(
            "/api/2.0/files/rooms/{id}/share",
            get(sharing::members).put(sharing::share),
        )
        .route(
            "/api/2.0/files/rooms/{id}/link",
            get(links::primary_of_room),
        )
        .route(
            "/api/2.0/files/rooms/{id}/links",
            get(links::of_room).put(links::set_of_room),
        )
        .route(
            "/api/2.0/files/file/{id}/link",
            get(links::primary_of_file).post(links::create_primary_of_file),
        )
        .route(
            "/api/2.0/files/file/{id}/links",
            get(links::of_file).put(links::set_of_file),
        )
        .route(
            "/api/2.0/files/folder/{id}/link",
            get(links::primary_of_folder).post(links::create_primary_of_folder),
        )
        .route(
            "/api/2.0/files/folder/{id}/links",
            get(links::of_folder).put(links::set_of_folder),
        )
}

pub(super) fn people_routes() -> Router<Portal> {
    Router::new()
        .route("/api/2.0/people", get(account_lists::active))
        .route("/api/2.0/people/email", get(people::by_email))
        .route("/api/2.0/people/search", get(account_lists::found))
        .route("/api/2.0/people/@search/{query}", get(account_lists::found))
        .route("/api/2.0/people/room/{id}", get(account_lists::of_room))
        .route(
            "/api/2.0/people/status/{status}",
            get(account_lists::with_status).put(account_changes::set_status),
        )
        .route(
            "/api/2.0/people/status/{status}/search",
            get(account_lists::found_with_status),
        )
        .route("/api/2.0/people/invite", post(account_changes::invite))
        .route("/api/2.0/people/delete", put(account_changes::delete))
        .route("/api/2.0/people/type", post(account_changes::lower_type))
        .route(
            "/api/2.0/people/type/{type}",
            put(account_changes::set_type),
        )
        .route(
            "/api/2.0/people/type/progress/{id}",
            get(account_changes::type_progress),
        )
        .route("/api/2.0/people/filter", get(people::people))
        .route("/api/2.0/people/simple/filter", get(people::people))
        .route("/api/2.0/people/{id}", get(people::person))
        .route("/api/2.0/group", get(people::groups))
        .route("/api/2.0/group/{id}", get(people::group))
        .route("/api/2.0/group/user/{id}", get(people::groups_of_person))
        .route(
            "/api/2.0/group/{id}/members",
            put(people::add_members)
                .delete(people::remove_members)
                .post(people::replace_members),
        )
}

pub(super) fn operation_routes() -> Router<Portal> {
    Router::new()
        .route("/api/2.0/files/fileops", get(fileops::list))
        .route(
            "/api/2.0/files/fileops/copy",
            put(fileops::copy).get(fileops::list_copies),
        )
        .route(
            "/api/2.0/files/fileops/move",
            put(fileops::move_).get(dry_runs::conflicts),
        )
        .route(
            "/api/2.0/files/fileops/checkdestfolder",
            get(dry_runs::destination),
        )
        .route(
            "/api/2.0/files/fileops/delete",
            put(deletion::delete).get(fileops::list_deletions),
        )
        .route(
            "/api/2.0/files/fileops/emptytrash",
            put(deletion::empty_trash),
        )
        .route(
            "/api/2.0/files/fileops/duplicate",
            put(duplication::duplicate),
        )
        .route(
            "/api/2.0/files/fileops/bulkdownload",
            put(bulk_download::start_download),
        )
        .route("/api/2.0/files/fileops/{kind}", get(fileops::list_kind))
        .route(
            "/api/2.0/files/fileops/terminate/{id}",
            put(fileops::terminate),
        )
}

pub(super) fn webhook_routes() -> Router<Portal> {
    Router::new()
        .route(
            "/api/2.0/settings/webhook",
            get(webhooks::list)
                .post(webhooks::create)
                .put(webhooks::update),
        )
        .route("/api/2.0/settings/webhook/enable", put(webhooks::enable))
        .route(
            "/api/2.0/settings/webhook/triggers",
            get(webhooks::triggers),
        )
        .route("/api/2.0/settings/webhook/retry", put(webhooks::retry_many))
        .route("/api/2.0/settings/webhook/{id}", delete(webhooks::delete))
        .route("/api/2.0/settings/webhook/{id}/retry", put(webhooks::retry))
        .route("/api/2.0/settings/webhooks/log", get(webhooks::log))
}
