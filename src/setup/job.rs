//! The jobs that can be chosen: the two rules that variables configure, and the rooms and folders that they name.

use serde::Deserialize;

/// What the service does with uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// Copies every upload in a client room to an internal folder.
    Copy,
    /// Moves invoices to a folder and notifies people.
    Invoice,
}

/// A room or folder that a job needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Place {
    CopyFrom,
    CopyTo,
    InvoiceFrom,
    InvoiceTo,
}

impl Job {
    /// The variables that configure it.
    pub(super) fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Copy => &[
                "SHARED_WITH_CLIENT_ROOM_ID",
                "INTERNAL_PROCESSING_FOLDER_ID",
            ],
            Self::Invoice => &[
                "CLIENT_ROOT_ID",
                "INCOMING_FOLDER_ID",
                "MANAGER_EMAIL",
                "INVOICE_TITLE_PREFIX",
            ],
        }
    }

    /// Where it takes files from and where it puts them.
    pub(super) fn places(self) -> [Place; 2] {
        match self {
            Self::Copy => [Place::CopyFrom, Place::CopyTo],
            Self::Invoice => [Place::InvoiceFrom, Place::InvoiceTo],
        }
    }
}

impl Place {
    /// The word in addresses.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::CopyFrom => "copy-from",
            Self::CopyTo => "copy-to",
            Self::InvoiceFrom => "invoice-from",
            Self::InvoiceTo => "invoice-to",
        }
    }

    /// The place with this word.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        let mut all = [Job::Copy, Job::Invoice].into_iter().flat_map(Job::places);
        all.find(|place| place.word() == word)
    }

    /// The variable that holds its id.
    pub(super) fn variable(self) -> &'static str {
        match self {
            Self::CopyFrom => "SHARED_WITH_CLIENT_ROOM_ID",
            Self::CopyTo => "INTERNAL_PROCESSING_FOLDER_ID",
            Self::InvoiceFrom => "CLIENT_ROOT_ID",
            Self::InvoiceTo => "INCOMING_FOLDER_ID",
        }
    }

    /// What is asked for.
    pub(super) fn question(self) -> &'static str {
        match self {
            Self::CopyFrom => "From which room are uploads copied?",
            Self::CopyTo => "To which folder are they copied?",
            Self::InvoiceFrom => "In which room do clients upload invoices?",
            Self::InvoiceTo => "To which folder are invoices moved?",
        }
    }

    /// Whether files are taken from it, so that it is a room; files are put into folders and rooms.
    pub(super) fn is_source(self) -> bool {
        matches!(self, Self::CopyFrom | Self::InvoiceFrom)
    }
}
