-- What people ordered to be done about files that existed already; one at a time is 'running'.
CREATE TABLE backfills (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    state      TEXT    NOT NULL CHECK (state IN ('running', 'done', 'stopped')),
    -- Why it was stopped, if not by a person.
    reason     TEXT,
    -- Which rules and files, and the position in their listing; both JSON.
    request    TEXT    NOT NULL,
    cursor     TEXT    NOT NULL,
    pages      INTEGER NOT NULL DEFAULT 0,
    files      INTEGER NOT NULL DEFAULT 0,
    total      INTEGER NOT NULL DEFAULT 0,
    matched    INTEGER NOT NULL DEFAULT 0,
    handled    INTEGER NOT NULL DEFAULT 0,
    undecided  INTEGER NOT NULL DEFAULT 0,
    transfers  INTEGER NOT NULL DEFAULT 0,
    writes     INTEGER NOT NULL DEFAULT 0,
    messages   INTEGER NOT NULL DEFAULT 0,
    ordered_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;

-- Whether a backfill found the event's file. The column `source` is 'listing' then, which earlier versions know.
ALTER TABLE events ADD COLUMN backfilled INTEGER NOT NULL DEFAULT 0;

-- Whether other work comes before an action.
ALTER TABLE actions ADD COLUMN background INTEGER NOT NULL DEFAULT 0;
CREATE INDEX actions_background ON actions (file_work, plan, due_at, id)
    WHERE background = 1 AND state IN ('waiting', 'running');

INSERT INTO duties (name, holder, until) VALUES ('backfill', 0, 0);
