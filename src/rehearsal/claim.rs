//! What the rehearsal claims about DocSpace: each claim is a sentence of docs/DOCSPACE.md that the service relies on.

use serde::{Serialize, Serializer};

/// A claim about DocSpace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// 5.3: the room in the path of a folder.
    RoomInPath,
    /// 5.3: the most entries of a page.
    PageLimit,
    /// 5.4: an unknown file.
    UnknownFile,
    /// A9.5: an upload of an existing title.
    UploadOverwrites,
    /// A9.2: a comment.
    CommentKeepsTime,
    /// 4.4: the response to a copy.
    CopyIsQueued,
    /// 4.5: the result of a copy.
    CopyResult,
    /// 4.4: reading a result again.
    ResultIsReadOnce,
    /// 4.5: a skipped copy.
    SkipIsSilent,
    /// 4.2: a copy that overwrites.
    OverwriteAddsVersion,
    /// 4.2: a duplicate copy.
    CopyGetsNumber,
    /// 4.5: a move.
    MoveKeepsId,
    /// 4.2: a duplicate move.
    MoveKeepsTitle,
    /// 4.4: an operation with deleteAfter.
    DeleteAfterHides,
    /// 4.3: a copy whose response is lost.
    LostResponse,
    /// 4.3: an unknown file to copy.
    UnknownSource,
    /// 4.3: an unknown destination.
    UnknownDestination,
    /// 1.8: the probe of a new webhook.
    HeadProbe,
    /// 1.3: the signature.
    Signature,
    /// 1.1: the envelope of a first attempt.
    Envelope,
    /// 3: the events of an upload.
    UploadEvents,
    /// 3: the event of a copy.
    CopyEvent,
    /// 3: the event of a move.
    MoveEvent,
    /// 3: who acted.
    Actor,
    /// 2.2: what rootId is.
    RootIsSection,
    /// 1.5: a retry.
    Retry,
    /// 8: a row of the delivery log.
    LogRow,
    /// 8: the times in the delivery log.
    LogTimes,
}

impl Claim {
    /// All claims, in the order in which they are tried.
    pub const ALL: [Self; 28] = [
        Self::RoomInPath,
        Self::PageLimit,
        Self::UnknownFile,
        Self::UploadOverwrites,
        Self::CommentKeepsTime,
        Self::CopyIsQueued,
        Self::CopyResult,
        Self::ResultIsReadOnce,
        Self::SkipIsSilent,
        Self::OverwriteAddsVersion,
        Self::CopyGetsNumber,
        Self::MoveKeepsId,
        Self::MoveKeepsTitle,
        Self::DeleteAfterHides,
        Self::LostResponse,
        Self::UnknownSource,
        Self::UnknownDestination,
        Self::HeadProbe,
        Self::Signature,
        Self::Envelope,
        Self::UploadEvents,
        Self::CopyEvent,
        Self::MoveEvent,
        Self::Actor,
        Self::RootIsSection,
        Self::Retry,
        Self::LogRow,
        Self::LogTimes,
    ];

    /// Its section in docs/DOCSPACE.md, and the claim in a sentence.
    pub fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::RoomInPath => (
                "5.3",
                "The path of a folder starts at the Rooms section, and its room is the element with a roomType.",
            ),
            Self::PageLimit => (
                "5.3",
                "A page of more than 100 entries is refused with 400.",
            ),
            Self::UnknownFile => ("5.4", "Reading an unknown file is answered with 404."),
            Self::UploadOverwrites => (
                "A9.5",
                "An upload with the title of an existing file becomes a new version of that file.",
            ),
            Self::CommentKeepsTime => (
                "A9.2",
                "A comment on a version is stored and does not change the time of the last change.",
            ),
            Self::CopyIsQueued => (
                "4.4",
                "A copy is answered with one operation, whose kind is in Operation with a capital O.",
            ),
            Self::CopyResult => (
                "4.5",
                "A finished copy reports one processed item and a new file in the destination.",
            ),
            Self::ResultIsReadOnce => ("4.4", "The result of an operation can be read once."),
            Self::SkipIsSilent => (
                "4.5",
                "A skipped copy ends without an error, with nothing processed, and changes nothing.",
            ),
            Self::OverwriteAddsVersion => (
                "4.2",
                "A copy that overwrites adds a version to the existing file, whose id stays.",
            ),
            Self::CopyGetsNumber => ("4.2", "A duplicate copy gets a number in its title."),
            Self::MoveKeepsId => ("4.5", "A moved file keeps its id."),
            Self::MoveKeepsTitle => (
                "4.2",
                "A file that is moved as a duplicate keeps its title, so that two files have it.",
            ),
            Self::DeleteAfterHides => (
                "4.4",
                "The result of an operation with deleteAfter can never be read.",
            ),
            Self::LostResponse => (
                "4.3",
                "A copy takes effect even if its client closes the connection without reading the response.",
            ),
            Self::UnknownSource => (
                "4.3",
                "A copy of an unknown file is refused with 403, not 404.",
            ),
            Self::UnknownDestination => ("4.3", "A copy to an unknown folder is refused with 404."),
            Self::HeadProbe => (
                "1.8",
                "Before it creates a webhook, the portal sends HEAD to its address.",
            ),
            Self::Signature => (
                "1.3",
                "Deliveries are signed over their raw bytes, in upper-case digits.",
            ),
            Self::Envelope => (
                "1.1",
                "A delivery has the members event, payload and webhook, and its first attempt counts no retry.",
            ),
            Self::UploadEvents => (
                "3",
                "An upload through the API raises file.created, then file.uploaded.",
            ),
            Self::CopyEvent => ("3", "A copy raises file.copied about the new file."),
            Self::MoveEvent => (
                "3",
                "A move raises file.moved about the same file in its new folder.",
            ),
            Self::Actor => ("3", "event.createBy is the account of the key."),
            Self::RootIsSection => (
                "2.2",
                "rootId is the Rooms section, not the room, and parentId is the folder.",
            ),
            Self::Retry => (
                "1.5",
                "A refused delivery is repeated with the same event.id, a retryCount and another signature.",
            ),
            Self::LogRow => (
                "8",
                "A row of the delivery log has the event.id, the status, and the body as it was sent.",
            ),
            Self::LogTimes => (
                "8",
                "The times of the delivery log are right, or wrong by the portal's offset from UTC.",
            ),
        }
    }

    /// Whether it is about deliveries, which are received only if the portal can reach this command.
    pub(super) fn needs_deliveries(self) -> bool {
        self >= Self::HeadProbe
    }
}

impl Serialize for Claim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text().1)
    }
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "result", content = "reason")]
pub enum Verdict {
    /// The portal does what the claim says.
    Agreed,
    /// The portal does this instead.
    Differs(String),
    /// The claim could not be tried, for this reason.
    NotTried(String),
}
