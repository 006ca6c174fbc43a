-- Rules that a person paused. They match and plan, and their actions do not start.
CREATE TABLE paused_rules (
    rule      TEXT    PRIMARY KEY,
    paused_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
