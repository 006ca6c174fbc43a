//! Tries the claims about reading, uploading, copying and moving.

use serde_json::Value;

use crate::docspace::{Conflict, OperationKind, TransferRequest};
use crate::ids::{FileId, FolderId};

use super::claim::Claim;
use super::session::{Session, Stop};

use OperationKind::{Copy, Move};

/// An id that no portal has reached: the ids of files and folders are numbers of 32 bits that count up.
const UNKNOWN_ID: &str = "2147483646";

/// What was done, for the claims about its events.
#[derive(Clone, Debug)]
pub(super) struct Done {
    /// The Rooms section, as the path of the folder names it.
    pub(super) section: Value,
    /// The folder of the uploads.
    pub(super) source: FolderId,
    /// The folder of copies and moved files.
    pub(super) target: FolderId,
    /// The first uploaded file.
    pub(super) uploaded: Value,
    /// The id of the first copy.
    pub(super) copied: Value,
    /// The moved file.
    pub(super) moved: Value,
}

/// Tries all of them in this folder.
pub(super) async fn try_all(session: &mut Session<'_>, scratch: &FolderId) -> Result<Done, Stop> {
    let source = session.create_folder(scratch, "-from").await?;
    let target = session.create_folder(scratch, "-to").await?;
    let section = try_reads(session, &source).await?;
    let uploaded = try_uploads(session, &source).await?;
    let copied = try_copies(session, &uploaded, &target).await?;
    let moved = try_moves(session, &source, &target).await?;
    try_lost_results(session, &uploaded, &target).await?;
    try_refusals(session, &uploaded, &target).await?;
    Ok(Done {
        section,
        source,
        target,
        uploaded,
        copied,
        moved,
    })
}

async fn try_reads(session: &mut Session<'_>, folder: &FolderId) -> Result<Value, Stop> {
    let path = session.portal.path(folder).await;
    let path = session.record(path)?;
    let folders = path.response().as_array().cloned().unwrap_or_default();
    let section = folders.first().cloned().unwrap_or_default();
    let rooms = folders
        .iter()
        .filter(|folder| folder.get("roomType").is_some())
        .count();
    session.decide(
        Claim::RoomInPath,
        section["rootFolderType"] == 14 && section.get("roomType").is_none() && rooms == 1,
        || {
            format!(
                "the path has {} elements, of which {rooms} have a roomType",
                folders.len()
            )
        },
    );
    let page = session.portal.rooms(&session.token, 0, 101).await;
    let page = session.record(page)?;
    session.decide(Claim::PageLimit, page.status == 400, || {
        format!("the status is {}", page.status)
    });
    if let Some(unknown) = FileId::new(UNKNOWN_ID) {
        let file = session.portal.file(&unknown).await;
        let file = session.record(file)?;
        session.decide(Claim::UnknownFile, file.status == 404, || {
            format!("the status is {}", file.status)
        });
    }
    Ok(section["id"].clone())
}

async fn try_uploads(session: &mut Session<'_>, folder: &FolderId) -> Result<Value, Stop> {
    let title = session.title(".txt");
    let first = session.upload(folder, &title, "first").await?;
    let second = session.upload(folder, &title, "second").await?;
    let version = |file: &Value| file["version"].as_u64().unwrap_or_default();
    let is_new_version = second["id"] == first["id"] && version(&second) == version(&first) + 1;
    session.decide(Claim::UploadOverwrites, is_new_version, || {
        "the second upload is another file, or has no new version".to_owned()
    });
    let file = session.own_file(&second)?;
    let comment = "rehearsed";
    let commented = session
        .portal
        .comment(&file, version(&second), comment)
        .await;
    session.record(commented)?;
    let read = session.portal.file(&file).await;
    let read = session.record(read)?;
    let read = read.response();
    let is_kept = read["comment"] == comment && read["updated"] == second["updated"];
    session.decide(Claim::CommentKeepsTime, is_kept, || {
        "the comment is missing, or the time of the last change is another one".to_owned()
    });
    Ok(second)
}

/// Copies the file in all ways; returns the id of the first copy.
async fn try_copies(
    session: &mut Session<'_>,
    file: &Value,
    target: &FolderId,
) -> Result<Value, Stop> {
    let started = session
        .transfer(Copy, file, target, Conflict::Duplicate)
        .await?;
    let operations = started.response().as_array().cloned().unwrap_or_default();
    let is_queued =
        operations.len() == 1 && operations[0]["Operation"] == 1 && operations[0]["id"].is_string();
    session.decide(Claim::CopyIsQueued, is_queued, || {
        let first = operations.first().and_then(Value::as_object);
        let members: Vec<_> = first
            .into_iter()
            .flat_map(|it| it.keys().cloned())
            .collect();
        format!(
            "{} operations with the members {}",
            operations.len(),
            members.join(", ")
        )
    });
    let copy = session.end_of(&started).await?;
    let result = copy["files"][0].clone();
    let is_new = result["id"] != file["id"] && result["folderId"] == id_json(target);
    session.decide(
        Claim::CopyResult,
        copy["finished"] == true && copy["processed"] == "1" && is_new,
        || {
            format!(
                "finished {}, processed {}",
                copy["finished"], copy["processed"]
            )
        },
    );
    if let Some(id) = copy["id"].as_str() {
        let again = session.portal.operation(id).await;
        let again = session.record(again)?;
        let left = again.response().as_array().map_or(0, Vec::len);
        session.decide(Claim::ResultIsReadOnce, left == 0, || {
            "the result was still there when it was read again".to_owned()
        });
    }

    let before = session.files_in(target).await?;
    let skipped = session
        .transfer_to_end(Copy, file, target, Conflict::Skip)
        .await?;
    let after = session.files_in(target).await?;
    let is_silent = skipped["error"] == "" && skipped["processed"] == "0";
    session.decide(
        Claim::SkipIsSilent,
        is_silent && before.len() == after.len(),
        || {
            format!(
                "processed {}, {} more files",
                skipped["processed"],
                after.len() - before.len()
            )
        },
    );

    let overwritten = session
        .transfer_to_end(Copy, file, target, Conflict::Overwrite)
        .await?;
    let overwritten = &overwritten["files"][0];
    let is_version = overwritten["id"] == result["id"]
        && overwritten["version"].as_u64() > result["version"].as_u64();
    session.decide(Claim::OverwriteAddsVersion, is_version, || {
        "the result is another file, or has no new version".to_owned()
    });

    let duplicate = session
        .transfer_to_end(Copy, file, target, Conflict::Duplicate)
        .await?;
    let title = &duplicate["files"][0]["title"];
    let numbered = session.title(" (1).txt");
    session.decide(Claim::CopyGetsNumber, *title == *numbered, || {
        if *title == file["title"] {
            "the copy keeps its title".to_owned()
        } else {
            "the copy gets another title".to_owned()
        }
    });
    Ok(result["id"].clone())
}

/// Moves two files of one title; returns the first.
async fn try_moves(
    session: &mut Session<'_>,
    source: &FolderId,
    target: &FolderId,
) -> Result<Value, Stop> {
    let title = session.title("-moved.txt");
    let first = session.upload(source, &title, "moved").await?;
    let moved = session
        .transfer_to_end(Move, &first, target, Conflict::Duplicate)
        .await?;
    let file = session.own_file(&first)?;
    let read = session.portal.file(&file).await;
    let read = session.record(read)?;
    let is_there = read.response()["folderId"] == id_json(target);
    session.decide(
        Claim::MoveKeepsId,
        is_there && moved["files"][0]["id"] == first["id"],
        || "the file is not in the destination under its id".to_owned(),
    );

    let second = session.upload(source, &title, "moved, too").await?;
    session
        .transfer_to_end(Move, &second, target, Conflict::Duplicate)
        .await?;
    let files = session.files_in(target).await?;
    let of_title = files.iter().filter(|file| file["title"] == title).count();
    session.decide(Claim::MoveKeepsTitle, of_title == 2, || {
        format!("{of_title} files have the title")
    });
    Ok(first)
}

/// Copies without a result, and with a response that nobody reads.
async fn try_lost_results(
    session: &mut Session<'_>,
    file: &Value,
    target: &FolderId,
) -> Result<(), Stop> {
    let id = session.own_file(file)?;
    let copy = TransferRequest {
        kind: Copy,
        file: &id,
        to: target,
        conflict: Conflict::Duplicate,
        delete_after: true,
    };
    let before = session.files_in(target).await?.len();
    let started = session.portal.transfer(copy).await;
    let started = session.record(started)?;
    let operation = started.response()[0]["id"].as_str().map(str::to_owned);
    let mut results = usize::from(started.response()[0]["finished"] == true);
    if session.gets_another_file(target, before).await?
        && let Some(operation) = operation
    {
        let read = session.portal.operation(&operation).await;
        let read = session.record(read)?;
        results += read.response().as_array().map_or(0, Vec::len);
    }
    session.decide(Claim::DeleteAfterHides, results == 0, || {
        "a result was read".to_owned()
    });

    let before = session.files_in(target).await?.len();
    let dropped = TransferRequest {
        delete_after: false,
        ..copy
    };
    session.portal.transfer_unread(dropped).await?;
    let appeared = session.gets_another_file(target, before).await?;
    session.decide(Claim::LostResponse, appeared, || {
        "no copy appeared in the destination".to_owned()
    });
    Ok(())
}

async fn try_refusals(
    session: &mut Session<'_>,
    file: &Value,
    target: &FolderId,
) -> Result<(), Stop> {
    let (Some(unknown), Some(nowhere)) = (FileId::new(UNKNOWN_ID), FolderId::new(UNKNOWN_ID))
    else {
        return Ok(());
    };
    let own = session.own_file(file)?;
    for (claim, file, to, expected) in [
        (Claim::UnknownSource, &unknown, target, 403),
        (Claim::UnknownDestination, &own, &nowhere, 404),
    ] {
        let refused = session.portal.transfer(TransferRequest {
            kind: Copy,
            file,
            to,
            conflict: Conflict::Skip,
            delete_after: false,
        });
        let refused = refused.await;
        let refused = session.record(refused)?;
        session.decide(claim, refused.status == expected, || {
            format!("the status is {}", refused.status)
        });
    }
    Ok(())
}

/// The id as the portal writes it in JSON.
pub(super) fn id_json(folder: &FolderId) -> Value {
    serde_json::to_value(folder).unwrap_or_default()
}
