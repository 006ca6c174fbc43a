//! Accounts and groups.

use super::Portal;
use crate::people::{AccountStatus, AccountType};
use crate::user::User;

impl Portal {
    /// Makes the service account an administrator of the portal. Such an account may change groups, and archive and tag the
    /// rooms of others.
    pub fn make_service_account_administrator(&self) {
        self.set_service_type(AccountType::Administrator);
    }

    /// Gives the service account the plain type, which DocSpace calls "User". Such an account may not create rooms and tags,
    /// nor read groups and other accounts.
    pub fn make_service_account_plain(&self) {
        self.set_service_type(AccountType::User);
    }

    pub(super) fn set_service_type(&self, account_type: AccountType) {
        let mut state = self.state();
        let service = state.storage.people.person_mut(User::Service.id());
        if let Some(service) = service {
            service.account_type = account_type;
        }
    }

    /// Disables the account with a GUID.
    pub fn disable_account(&self, id: &str) {
        if let Some(person) = self.state().storage.people.person_mut(id) {
            person.status = AccountStatus::Disabled;
        }
    }

    /// The GUIDs of the members of a group; empty if it does not exist.
    pub fn group_members(&self, id: &str) -> Vec<String> {
        let state = self.state();
        let group = state.storage.people.group(id);
        group.map_or_else(Vec::new, |group| group.members.clone())
    }

    /// The GUID of the account with an e-mail address.
    pub fn account_with_email(&self, email: &str) -> Option<String> {
        let state = self.state();
        let person = state.storage.people.by_email(email);
        person.map(|person| person.id.clone())
    }
}
