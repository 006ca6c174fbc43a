//! The triggers of DocSpace's webhooks and their bits (docs/DOCSPACE.md 1.4).

/// The name of a subscription to every trigger.
pub(super) const ALL: &str = "*";

/// The triggers of a webhook that is registered on the page or with the `sandbox` command.
pub const DEFAULT_TRIGGERS: [&str; 4] =
    ["file.created", "file.uploaded", "file.copied", "file.moved"];

/// Name and bit of each trigger, in the order in which the portal lists them.
pub(super) const TRIGGERS: [(&str, i64); 36] = [
    ("user.created", 1 << 0),
    ("user.invited", 1 << 1),
    ("user.updated", 1 << 2),
    ("user.deleted", 1 << 3),
    ("group.created", 1 << 4),
    ("group.updated", 1 << 5),
    ("group.deleted", 1 << 6),
    ("file.created", 1 << 7),
    ("file.uploaded", 1 << 8),
    ("file.updated", 1 << 9),
    ("file.trashed", 1 << 10),
    ("file.deleted", 1 << 11),
    ("file.restored", 1 << 12),
    ("file.copied", 1 << 13),
    ("file.moved", 1 << 14),
    ("file.downloaded", 1 << 34),
    ("folder.created", 1 << 15),
    ("folder.updated", 1 << 16),
    ("folder.trashed", 1 << 17),
    ("folder.deleted", 1 << 18),
    ("folder.restored", 1 << 19),
    ("folder.copied", 1 << 20),
    ("folder.moved", 1 << 21),
    ("folder.downloaded", 1 << 35),
    ("room.created", 1 << 22),
    ("room.updated", 1 << 23),
    ("room.archived", 1 << 24),
    ("room.deleted", 1 << 25),
    ("room.restored", 1 << 26),
    ("room.copied", 1 << 27),
    ("form.submit", 1 << 28),
    ("form.filled.out", 1 << 29),
    ("form.stopped", 1 << 30),
    ("agent.created", 1 << 31),
    ("agent.updated", 1 << 32),
    ("agent.deleted", 1 << 33),
];

/// The bit of a trigger; 0 for an unknown name.
pub(super) fn bit(name: &str) -> i64 {
    let trigger = TRIGGERS.iter().find(|(known, _)| *known == name);
    trigger.map_or(0, |(_, bit)| *bit)
}

/// The subscription to the named triggers: the sum of their bits.
pub(super) fn subscription(names: &[&str]) -> i64 {
    names
        .iter()
        .map(|name| bit(name))
        .fold(0, |sum, bit| sum | bit)
}

/// Whether a subscription includes a trigger; a subscription of 0 includes all.
pub(super) fn includes(subscription: i64, trigger: &str) -> bool {
    subscription == 0 || subscription & bit(trigger) != 0
}

/// The names in a subscription, by ascending bit; `*` alone for all.
pub(super) fn names(subscription: i64) -> Vec<&'static str> {
    if subscription == 0 {
        return vec![ALL];
    }
    let mut included: Vec<_> = TRIGGERS
        .into_iter()
        .filter(|(_, bit)| subscription & bit != 0)
        .collect();
    included.sort_by_key(|(_, bit)| *bit);
    included.into_iter().map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_their_bits() {
        let triggers = subscription(&["file.downloaded", "room.created", "file.created"]);
        assert_eq!(
            names(triggers),
            ["file.created", "room.created", "file.downloaded"]
        );
        assert_eq!(names(subscription(&[])), ["*"]);
    }
}
