//! People and groups (docs/DOCSPACE.md A10).

use serde_json::{Value, json};

use super::{Renderer, date};
use crate::people::{AccountStatus, AccountType, Group, Person};
use crate::user::User;

/// The id of a group's parent and category, of which there are none.
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

impl Renderer<'_> {
    /// A person object, as it is part of others.
    pub(crate) fn user(&self, user: User) -> Value {
        self.short_person(user.id(), &user.display_name(), &user.user_name())
    }

    /// A person as some lists show them.
    pub(crate) fn listed_person(&self, person: &Person) -> Value {
        self.short_person(&person.id, &person.display_name(), &person.user_name)
    }

    fn short_person(&self, id: &str, display_name: &str, user_name: &str) -> Value {
        let picture =
            |pixels: u8| format!("/static/images/default_user_photo_size_{pixels}-{pixels}.png");
        json!({
            "id": id,
            "displayName": display_name,
            "avatar": picture(48),
            "avatarOriginal": picture(200),
            "avatarMax": picture(200),
            "avatarMedium": picture(48),
            "avatarSmall": picture(32),
            "profileUrl": format!("{}/accounts/people/filter?search={user_name}", self.base_url),
            "hasAvatar": false,
            "isAnonim": false,
        })
    }

    /// The full object of a person, as `people/@self` returns it.
    pub(crate) fn person(&self, person: &Person) -> Value {
        let mut full = self.listed_person(person);
        let is_pending = person.status == AccountStatus::Pending;
        let own = json!({
            "firstName": person.first_name,
            "lastName": person.last_name,
            "userName": person.user_name,
            "email": person.email,
            "status": person.status.number(),
            "activationStatus": if is_pending { 2 } else { 1 },
            "department": "",
            "isAdmin": person.account_type == AccountType::Administrator,
            "isRoomAdmin": matches!(
                person.account_type,
                AccountType::RoomAdmin | AccountType::Administrator
            ),
            "isLDAP": false,
            "isOwner": person.account_type == AccountType::Owner,
            "isVisitor": person.account_type == AccountType::Guest,
            "isCollaborator": person.account_type == AccountType::User,
            "mobilePhoneActivationStatus": 0,
            "isSSO": false,
            "registrationDate": date(person.registered),
        });
        if let (Value::Object(full), Value::Object(own)) = (&mut full, own) {
            full.extend(own);
        }
        let mut groups = self.storage.people.groups_of(&person.id).peekable();
        if let Some(first) = groups.peek() {
            full["department"] = first.name.as_str().into();
            full["groups"] = groups.map(|group| self.group_summary(group)).collect();
        }
        full
    }

    /// A group as it is part of other objects.
    pub(crate) fn group_summary(&self, group: &Group) -> Value {
        let manager = self.storage.people.person(&group.manager);
        let manager = manager.map(|manager| &manager.user_name);
        json!({ "id": group.id, "name": group.name, "manager": manager })
    }

    /// A group in a list of groups.
    pub(crate) fn listed_group(group: &Group) -> Value {
        json!({
            "name": group.name,
            "parent": NO_ID,
            "category": NO_ID,
            "id": group.id,
            "isLDAP": false,
            "membersCount": group.members.len(),
        })
    }

    /// A group with its manager and, if they are asked for, its members.
    pub(crate) fn group(&self, group: &Group, includes_members: bool) -> Value {
        let people = &self.storage.people;
        let mut full = Self::listed_group(group);
        if let Some(manager) = people.person(&group.manager) {
            full["manager"] = self.person(manager);
        }
        if includes_members {
            let members = group.members.iter().filter_map(|id| people.person(id));
            full["members"] = members.map(|member| self.person(member)).collect();
        }
        full
    }
}
