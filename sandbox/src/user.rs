//! The users who act in the sandbox. All accounts, including guests who were invited, are in `people`.

/// A user of the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    /// The client, who uploads.
    Client,
    /// A colleague, who is a member of a group.
    Colleague,
    /// The portal's owner, who created the rooms.
    Owner,
    /// The service account, to which the API key belongs.
    Service,
}

impl User {
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Client => "5f1d0c52-7a1e-4d1b-9c3b-2f6f0d6a1b11",
            Self::Colleague => "c4f0a9d2-1e57-4a3e-8b66-52d7e1f09a48",
            Self::Owner => "9b0c9c5e-2f0b-4c5e-8a57-6f2d6d1f7a01",
            Self::Service => "3e7a4f10-6c1d-4f1e-bb1d-0d8f4f9a2c33",
        }
    }

    /// The first and the last name.
    pub(super) fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Client => ("Chris", "Client"),
            Self::Colleague => ("Anna", "Archivist"),
            Self::Owner => ("Olga", "Owner"),
            Self::Service => ("Docflow", "Bot"),
        }
    }

    /// The name in addresses, such as `chris.client`.
    pub(super) fn user_name(self) -> String {
        let (first, last) = self.name();
        format!("{first}.{last}").to_lowercase()
    }

    /// The e-mail address.
    pub(super) fn email(self) -> String {
        let domain = match self {
            Self::Client => "acme.example.test",
            Self::Colleague | Self::Owner | Self::Service => "sandbox.example.test",
        };
        format!("{}@{domain}", self.user_name())
    }

    /// The first and the last name as one text.
    pub(super) fn display_name(self) -> String {
        let (first, last) = self.name();
        format!("{first} {last}")
    }
}
