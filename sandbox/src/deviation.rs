//! Deviations: what the portal can be told to do otherwise than DocSpace, to see whether a program notices.

use std::str::FromStr;

/// Something that the portal does otherwise than DocSpace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deviation {
    /// The digits of signatures are in lower case (docs/DOCSPACE.md 1.3).
    LowerCaseSignatures,
    /// The body of a retry does not count it (docs/DOCSPACE.md 1.1).
    UncountedRetries,
    /// The result of an operation can be read again (docs/DOCSPACE.md 4.4).
    LastingResults,
    /// A copy keeps its title, whatever is in the destination (docs/DOCSPACE.md 4.2).
    CopiesKeepTitles,
}

impl Deviation {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::LowerCaseSignatures,
        Self::UncountedRetries,
        Self::LastingResults,
        Self::CopiesKeepTitles,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::LowerCaseSignatures => "lower-case-signatures",
            Self::UncountedRetries => "uncounted-retries",
            Self::LastingResults => "lasting-results",
            Self::CopiesKeepTitles => "copies-keep-titles",
        }
    }
}

impl FromStr for Deviation {
    type Err = UnknownDeviation;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|known| known.name() == name);
        named.ok_or(UnknownDeviation)
    }
}

/// No deviation has this name.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("is none of {}", Deviation::ALL.map(Deviation::name).join(", "))]
pub struct UnknownDeviation;
