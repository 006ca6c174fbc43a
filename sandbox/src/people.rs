//! The accounts and groups of the portal (docs/DOCSPACE.md A10).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::guid::random_guid;
use super::user::User;

/// The id of the one group of a new portal.
pub(super) const GROUP: &str = "7c1f3a52-5d0e-4c1c-9a44-0f6f2f6a9d10";

/// What an account may do in the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccountType {
    Owner,
    Administrator,
    RoomAdmin,
    /// The plain type, which DocSpace calls "User".
    User,
    Guest,
}

impl AccountType {
    /// Whether an account of this type may create rooms and tags and manage rooms.
    pub(super) fn may_manage_rooms(self) -> bool {
        matches!(self, Self::Owner | Self::Administrator | Self::RoomAdmin)
    }

    /// Higher for a type with more rights.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::Guest => 0,
            Self::User => 1,
            Self::RoomAdmin => 2,
            Self::Administrator => 3,
            Self::Owner => 4,
        }
    }

    /// Whether an account of this type administers the portal.
    pub(super) fn is_administrator(self) -> bool {
        matches!(self, Self::Owner | Self::Administrator)
    }
}

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccountStatus {
    Active,
    Disabled,
    /// Invited, and not signed in yet.
    Pending,
}

impl AccountStatus {
    /// DocSpace's number for it.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Active => 1,
            Self::Disabled => 2,
            Self::Pending => 4,
        }
    }
}

/// An account.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) id: String,
    pub(super) first_name: String,
    pub(super) last_name: String,
    /// The name in addresses, such as `chris.client`.
    pub(super) user_name: String,
    pub(super) email: String,
    pub(super) account_type: AccountType,
    pub(super) status: AccountStatus,
    pub(super) registered: Timestamp,
}

impl Person {
    /// The account of a user who acts in the sandbox.
    fn of_user(user: User, account_type: AccountType, registered: Timestamp) -> Self {
        let (first, last) = user.name();
        Self {
            id: user.id().to_owned(),
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            user_name: user.user_name(),
            email: user.email(),
            account_type,
            status: AccountStatus::Active,
            registered,
        }
    }

    /// The first and the last name; the address of a person who has none yet.
    pub(super) fn display_name(&self) -> String {
        let name = format!("{} {}", self.first_name, self.last_name);
        match name.trim() {
            "" => self.email.clone(),
            name => name.to_owned(),
        }
    }
}

/// A group of people.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    /// The id of the person who manages it.
    pub(super) manager: String,
    /// The ids of its members.
    pub(super) members: Vec<String>,
}

/// All accounts and groups.
#[derive(Debug, Default)]
pub(super) struct People {
    people: BTreeMap<String, Person>,
    groups: BTreeMap<String, Group>,
}

impl People {
    /// The accounts of the users who act in the sandbox, and one group.
    pub(super) fn new(registered: Timestamp) -> Self {
        let mut directory = Self::default();
        for (user, account_type) in [
            (User::Client, AccountType::Guest),
            (User::Owner, AccountType::Owner),
            (User::Service, AccountType::RoomAdmin),
            (User::Colleague, AccountType::User),
        ] {
            directory.add(Person::of_user(user, account_type, registered));
        }
        let colleague = User::Colleague.id().to_owned();
        let group = Group {
            id: GROUP.to_owned(),
            name: "Accounting".to_owned(),
            manager: colleague.clone(),
            members: vec![colleague],
        };
        directory.groups.insert(group.id.clone(), group);
        directory
    }

    pub(super) fn add(&mut self, person: Person) {
        self.people.insert(person.id.clone(), person);
    }

    /// Creates the account of a guest who was invited by e-mail.
    pub(super) fn add_guest(&mut self, email: &str, now: Timestamp) -> &Person {
        self.add_invited(email, AccountType::Guest, now)
    }

    /// Creates the account of a person who was invited by e-mail.
    pub(super) fn add_invited(
        &mut self,
        email: &str,
        account_type: AccountType,
        now: Timestamp,
    ) -> &Person {
        let id = random_guid();
        let user_name = email.split('@').next().unwrap_or_default().to_owned();
        self.people.entry(id.clone()).or_insert(Person {
            id,
            first_name: String::new(),
            last_name: String::new(),
            user_name,
            email: email.to_owned(),
            account_type,
            status: AccountStatus::Pending,
            registered: now,
        })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Person> {
        self.people.values()
    }

    pub(super) fn person(&self, id: &str) -> Option<&Person> {
        self.people.get(id)
    }

    pub(super) fn person_mut(&mut self, id: &str) -> Option<&mut Person> {
        self.people.get_mut(id)
    }

    /// Deletes an account, which leaves its groups.
    pub(super) fn remove(&mut self, id: &str) {
        self.people.remove(id);
        for group in self.groups.values_mut() {
            group.members.retain(|member| member != id);
        }
    }

    pub(super) fn by_email(&self, email: &str) -> Option<&Person> {
        let mut people = self.people.values();
        people.find(|person| person.email.eq_ignore_ascii_case(email))
    }

    pub(super) fn by_user_name(&self, name: &str) -> Option<&Person> {
        self.people.values().find(|person| person.user_name == name)
    }

    /// The type of the account to which the API key belongs.
    pub(super) fn service_type(&self) -> AccountType {
        let service = self.people.get(User::Service.id());
        service.map_or(AccountType::RoomAdmin, |service| service.account_type)
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    pub(super) fn group(&self, id: &str) -> Option<&Group> {
        self.groups.get(id)
    }

    pub(super) fn group_mut(&mut self, id: &str) -> Option<&mut Group> {
        self.groups.get_mut(id)
    }

    /// The groups of which a person is a member.
    pub(super) fn groups_of(&self, person: &str) -> impl Iterator<Item = &Group> {
        self.groups
            .values()
            .filter(move |group| group.members.iter().any(|member| member == person))
    }
}
