//! Actions of a rule: what the engine knows of one, whatever its kind.

use std::fmt;

use crate::docspace::{converted_title, file_title, renamed_title};
use crate::ids::FolderId;
use crate::results::ResultName;
use crate::template::title::{TitleTemplate, TitleValues};

/// One thing that a rule does with the file of an event. Only its kind (`actions/`) knows what the stored plan
/// means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionPlan {
    /// The name of its kind: the field in a rules file, the column `kind`, the label of metrics.
    pub kind: &'static str,
    /// The plan as it is stored. Actions of one kind and plan can be run in one attempt.
    pub stored: String,
    /// What the engine and people need to know of it.
    pub properties: ActionProperties,
}

/// What distinguishes an action for the engine and for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionProperties {
    /// Whether it calls the portal. Others reach another system and touch no file.
    pub is_file_work: bool,
    /// What its events must be about.
    pub works_on: WorksOn,
    /// Whether the actions after it in its rule wait for it.
    pub is_waited_for: bool,
    /// The trigger of the event that it raises in the portal (docs/DOCSPACE.md 3). For a new file that is not a plain
    /// copy this is `file.created`, which `file.uploaded` follows.
    pub raises: Option<&'static str>,
    /// Which events it may raise besides.
    pub other_events: OtherEvents,
    /// The right on the file that the user of the key needs.
    pub needs: Option<FileRight>,
    /// Where it puts the file or a copy of it.
    pub placement: Option<Placement>,
    /// Where it creates a folder.
    pub new_folder: Option<NewFolder>,
    /// The title that the file gets.
    pub new_title: Option<TitleTemplate>,
    /// The results of actions before it in its rule that it names.
    pub uses: Vec<ResultName>,
    /// The scope of the key that it needs besides those for files.
    pub scope: Option<KeyScope>,
    /// Whether one call does it for many files, so that it pays to wait for more of them.
    pub shares_calls: bool,
    /// The channel that it uses.
    pub channel: Option<ChannelId>,
    /// Its target in words: a folder's id, an address, the text of a comment.
    pub target_text: Option<String>,
    /// What else people should know, such as the conflict policy.
    pub remark: Option<&'static str>,
}

impl ActionProperties {
    /// An action that calls the portal about a file.
    pub fn on_file() -> Self {
        Self {
            is_file_work: true,
            works_on: WorksOn::File,
            ..Self::external()
        }
    }

    /// An action that calls the portal about the room of the event.
    pub fn on_room() -> Self {
        Self {
            works_on: WorksOn::Room,
            ..Self::on_file()
        }
    }

    /// An action that reaches another system.
    pub fn external() -> Self {
        Self {
            is_file_work: false,
            works_on: WorksOn::Anything,
            is_waited_for: true,
            raises: None,
            other_events: OtherEvents::None,
            needs: None,
            placement: None,
            new_folder: None,
            new_title: None,
            uses: Vec::new(),
            scope: None,
            shares_calls: false,
            channel: None,
            target_text: None,
            remark: None,
        }
    }

    /// The folder into which, or below which, it puts the file or a copy of it, if the plan says which.
    pub fn destination(&self) -> Option<&FolderId> {
        self.placement.as_ref()?.to.folder()
    }

    /// The folder that the plan names: its destination, or the one below which it creates a folder.
    pub fn named_folder(&self) -> Option<&FolderId> {
        match &self.new_folder {
            Some(NewFolder::Below(folder)) => folder.as_ref(),
            Some(NewFolder::InRoom | NewFolder::InNewRoom) | None => self.destination(),
        }
    }

    /// Whether the file itself is in the destination afterwards.
    pub fn moves_file(&self) -> bool {
        self.placement
            .as_ref()
            .is_some_and(|placement| matches!(placement.puts, Puts::File { .. }))
    }

    /// The title of the file afterwards; the values have the one before.
    pub fn title_after(&self, values: TitleValues<'_>) -> String {
        let wanted = self
            .new_title
            .as_ref()
            .map(|title| title.render(|field| values.value(field)));
        let title = wanted.and_then(|wanted| renamed_title(values.title, &wanted));
        title.unwrap_or_else(|| values.title.to_owned())
    }

    /// What an action of this kind does, such as "copy to folder 5".
    pub fn describe(&self, kind: &str) -> String {
        let to_folder = self.placement.as_ref().map_or("", |_| " to folder");
        let target = self.target_text.iter().map(|target| format!(" {target}"));
        let remark = self.remark.iter().map(|remark| format!(" ({remark})"));
        let details: String = target.chain(remark).collect();
        format!("{kind}{to_folder}{details}")
    }
}

/// Which events an action may raise that are not known beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherEvents {
    /// None.
    None,
    /// Any, because only its rule knows what it does.
    Any,
}

/// What an action puts into a folder, and into which one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The folder.
    pub to: PlacedIn,
    /// Whether it goes into a folder below that one, which is found or created when the action runs.
    pub is_below: bool,
    /// What it puts there.
    pub puts: Puts,
}

/// The folder of a placement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlacedIn {
    /// This one.
    Folder(FolderId),
    /// The one that an action before it in the rule leaves as its result.
    Result,
    /// The room that an action before it in the rule creates.
    NewRoom,
    /// The one that the file is in.
    Beside,
}

impl PlacedIn {
    /// The folder, if the plan says which.
    pub fn folder(&self) -> Option<&FolderId> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Result | Self::NewRoom | Self::Beside => None,
        }
    }
}

/// What an action puts into a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Puts {
    /// The file itself.
    File {
        /// Whether it replaces a file of the same title.
        overwrites: bool,
    },
    /// A copy of it.
    Copy,
    /// The file in the format with this extension, as a new file.
    Conversion(&'static str),
    /// A line of a file that has nothing else to do with the file of the event.
    Line {
        /// The title of that file.
        title: TitleTemplate,
        /// Its extension.
        extension: &'static str,
    },
}

impl Placement {
    /// The title under which it creates or replaces a file; the values have that of the event's file.
    pub fn written_title(&self, values: TitleValues<'_>) -> Option<String> {
        let title = values.title;
        match &self.puts {
            Puts::File { overwrites } => overwrites.then(|| title.to_owned()),
            // With a free title of its own, a copy is still found by the title that it was made for.
            Puts::Copy => Some(title.to_owned()),
            Puts::Conversion(extension) => Some(converted_title(title, extension)),
            Puts::Line { title, .. } => {
                Some(file_title(&title.render(|field| values.value(field))))
            }
        }
    }

    /// The extension of what it creates, if that is not the one of the file.
    pub fn new_extension(&self) -> Option<&'static str> {
        match self.puts {
            Puts::File { .. } | Puts::Copy => None,
            Puts::Conversion(extension) | Puts::Line { extension, .. } => Some(extension),
        }
    }
}

/// Where an action creates a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewFolder {
    /// In the room of the event.
    InRoom,
    /// In the room that an action before it in the rule creates.
    InNewRoom,
    /// Below this folder; `None` if it is the one that an action before it in the rule leaves as its result.
    Below(Option<FolderId>),
}

/// What an action works on, and so what its events must be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorksOn {
    /// A file.
    File,
    /// A room: the one that holds the file or folder, or that the event is about.
    Room,
    /// A user.
    Person,
    /// Nothing in the portal.
    Anything,
}

/// A right on a file or its room, as the portal reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRight {
    /// To copy it.
    Copy,
    /// To move it.
    Move,
    /// To comment on its versions.
    Comment,
    /// To rename it.
    Rename,
    /// To lock it.
    Lock,
    /// To delete it, also to the trash.
    Delete,
    /// To make links to it.
    Link,
    /// To create folders in the room.
    CreateFolder,
    /// To create files in the room.
    CreateFile,
    /// To share the room.
    Share,
    /// To tag the room.
    Tag,
    /// To archive the room.
    Archive,
}

/// A scope of an API key that only some actions need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyScope {
    /// To change rooms.
    Rooms,
    /// To read people and groups.
    People,
    /// To change groups, for which they are read, too.
    Groups,
}

/// One of the configured channels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ChannelId {
    /// The mail server.
    Email,
    /// The chat.
    Chat,
    /// The pipeline of the environment.
    Pipeline,
    /// The pipeline of the rules file with this key.
    PipelineOfRule(String),
}

impl fmt::Display for ChannelId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email => formatter.write_str("email"),
            Self::Chat => formatter.write_str("chat"),
            Self::Pipeline => formatter.write_str("pipeline"),
            Self::PipelineOfRule(key) => write!(formatter, "pipeline:{key}"),
        }
    }
}

impl fmt::Display for ActionPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.properties.describe(self.kind))
    }
}
