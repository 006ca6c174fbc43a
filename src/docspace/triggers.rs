//! The triggers of DocSpace and their bits (docs/DOCSPACE.md 1.4).

/// The name of a subscription to all triggers.
pub(crate) const ALL_TRIGGERS: &str = "*";

/// Name and bit of each trigger, in the portal's order.
pub(crate) const TRIGGERS: [(&str, i64); 36] = [
    ("user.created", 1),
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
pub(crate) fn bit(name: &str) -> i64 {
    TRIGGERS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(0, |(_, bit)| *bit)
}

/// The names in a subscription, by ascending bit. A subscription of 0 covers all triggers.
pub(crate) fn names(subscription: i64) -> Vec<&'static str> {
    if subscription == 0 {
        return vec![ALL_TRIGGERS];
    }
    let mut subscribed: Vec<_> = TRIGGERS
        .iter()
        .filter(|(_, bit)| subscription & bit != 0)
        .collect();
    subscribed.sort_by_key(|(_, bit)| *bit);
    subscribed.into_iter().map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_that_of_the_portal() {
        let portals: serde_json::Value = serde_json::from_str(include_str!(
            "../../tests/data/api/api.webhook.triggers.json"
        ))
        .unwrap();
        let portals: Vec<_> = portals["response"]
            .as_array()
            .unwrap()
            .iter()
            .skip(1)
            .map(|row| (row["name"].as_str().unwrap(), row["id"].as_i64().unwrap()))
            .collect();
        assert_eq!(TRIGGERS.to_vec(), portals);
    }

    #[test]
    fn names_are_in_the_order_of_their_bits() {
        let subscription = bit("file.downloaded") | bit("room.created") | bit("file.created");
        assert_eq!(
            names(subscription),
            ["file.created", "room.created", "file.downloaded"]
        );
        assert_eq!(names(0), ["*"]);
    }
}
