//! Sharing rooms with people and groups (docs/DOCSPACE.md A5.1).

use jiff::Timestamp;

use super::ids::FolderId;
use super::level::AccessLevel;
use super::people::{AccountStatus, AccountType};
use super::state::State;
use super::storage::{Action, Folder, Member, Subject};
use super::user::User;

const ROLE_NOT_AVAILABLE: &str = "The role is not available for this user type";
const BAD_ADDRESS: &str = "The email address is not valid";

/// An entry of a request to share a room.
#[derive(Clone, Debug)]
pub(super) struct Invitation {
    pub(super) invitee: Invitee,
    /// None to remove the member.
    pub(super) level: AccessLevel,
}

/// Whom an invitation names.
#[derive(Clone, Debug)]
pub(super) enum Invitee {
    /// The id of a person or group.
    Id(String),
    Email(String),
}

/// Why an invitation had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SharingError {
    /// The room or the account does not allow the level.
    Refused(&'static str),
    /// No account can be created for the address. The request succeeds nevertheless.
    BadAddress(&'static str),
}

/// A request to share a room.
pub(super) struct Sharing<'a> {
    pub(super) state: &'a mut State,
    pub(super) room: &'a FolderId,
    /// Whether people who are added get a mail.
    pub(super) notify: bool,
    pub(super) now: Timestamp,
}

impl Sharing<'_> {
    /// Shares the room with one person or group, or removes them. Returns the member if it was named by its id; `None` also
    /// for those that the portal silently ignores.
    pub(super) fn share(
        &mut self,
        invitation: &Invitation,
    ) -> Result<Option<Member>, SharingError> {
        let level = invitation.level;
        match &invitation.invitee {
            Invitee::Email(email) => {
                self.share_by_email(email, level)?;
                Ok(None)
            }
            Invitee::Id(id) if self.state.storage.people.group(id).is_some() => {
                let subject = Subject::Group(id.clone());
                self.check_level(level, None)?;
                Ok(self.set_access(subject, level))
            }
            Invitee::Id(id) => self.share_with_account(id, level),
        }
    }

    fn share_by_email(&mut self, email: &str, level: AccessLevel) -> Result<(), SharingError> {
        // The address is not looked up for a removal.
        if level == AccessLevel::None {
            return Ok(());
        }
        // Managers must be named by id.
        if level == AccessLevel::RoomManager {
            return Err(SharingError::Refused(ROLE_NOT_AVAILABLE));
        }
        let known = self.state.storage.people.by_email(email);
        let id = match known {
            Some(person) => person.id.clone(),
            None if is_address(email) => {
                self.check_level(level, Some(AccountType::Guest))?;
                self.state
                    .storage
                    .people
                    .add_guest(email, self.now)
                    .id
                    .clone()
            }
            None => return Err(SharingError::BadAddress(BAD_ADDRESS)),
        };
        self.share_with_account(&id, level)?;
        Ok(())
    }

    fn share_with_account(
        &mut self,
        id: &str,
        level: AccessLevel,
    ) -> Result<Option<Member>, SharingError> {
        let people = &self.state.storage.people;
        let subject = Subject::Person(id.to_owned());
        let Some(person) = people.person(id) else {
            // An administrator leaves a record of an account that does not exist.
            let is_accepted = people.service_type().is_administrator();
            return Ok(is_accepted
                .then(|| self.set_access(subject, level))
                .flatten());
        };
        // Guests who were just invited by e-mail are pending, and may be shared with.
        let is_known =
            person.status == AccountStatus::Pending || self.state.storage.may_see(person);
        if person.status == AccountStatus::Disabled || !is_known {
            return Ok(None);
        }
        let mails = self.notify || person.status == AccountStatus::Pending;
        let (account_type, email) = (person.account_type, person.email.clone());
        self.check_level(level, Some(account_type))?;
        let member = self.set_access(subject, level);
        if member.is_some() && mails {
            self.state.invitation_mails.push((self.room.clone(), email));
        }
        Ok(member)
    }

    /// Whether members of this account type, or groups, may have this level in the room.
    fn check_level(
        &self,
        level: AccessLevel,
        account_type: Option<AccountType>,
    ) -> Result<(), SharingError> {
        let kind = self
            .state
            .storage
            .folder(self.room)
            .and_then(Folder::room_kind);
        let levels = kind.map_or(&[][..], AccessLevel::of_people);
        let may_manage = account_type.is_some_and(AccountType::may_manage_rooms);
        let is_allowed = level == AccessLevel::None
            || levels.contains(&level) && (level != AccessLevel::RoomManager || may_manage);
        if is_allowed {
            Ok(())
        } else {
            Err(SharingError::Refused(ROLE_NOT_AVAILABLE))
        }
    }

    /// Sets the level of a member. `None` if nothing changes, or if the member was removed.
    fn set_access(&mut self, subject: Subject, level: AccessLevel) -> Option<Member> {
        let room = self
            .state
            .storage
            .folder_mut(self.room)
            .and_then(Folder::room_mut)?;
        let before = room.access(&subject);
        if before == level {
            return None;
        }
        room.set_access(&subject, level);
        let action = match (&subject, before, level) {
            (Subject::Group(_), AccessLevel::None, _) => Action::GroupAdded,
            (_, _, AccessLevel::None) => Action::MemberRemoved,
            (_, AccessLevel::None, _) => Action::MemberAdded,
            _ => Action::RoomAccessChanged,
        };
        self.state
            .storage
            .log_folder(action, self.room, User::Service, self.now);
        (level != AccessLevel::None).then_some(Member { subject, level })
    }
}

/// Whether a text could be an e-mail address.
pub(super) fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, domain)| {
        !name.is_empty() && domain.contains('.') && !text.contains(char::is_whitespace)
    })
}
