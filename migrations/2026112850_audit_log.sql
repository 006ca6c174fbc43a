-- What people changed: the audit log.
CREATE TABLE changes (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    made_at INTEGER NOT NULL,
    -- How: 'command' or 'console'.
    through TEXT    NOT NULL,
    -- Whose account on the machine or behind the authenticating proxy, if that is known.
    person  TEXT,
    what    TEXT    NOT NULL,
    -- What was changed, such as 'event 12' or a rule's name.
    subject TEXT    NOT NULL,
    detail  TEXT
) STRICT;

CREATE INDEX changes_by_age ON changes (made_at);
