-- Times are milliseconds since 1970, UTC.

-- The inbox: events accepted.
CREATE TABLE events (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The idempotency key. 0 where the body names no webhook; a body without event.id has no key.
    webhook_id    INTEGER NOT NULL,
    event_id      INTEGER,
    -- How it came: 'delivery', 'log' (read from the portal's delivery log), 'listing' (found in a room).
    source        TEXT    NOT NULL CHECK (source IN ('delivery', 'log', 'listing')),
    trigger_name  TEXT,
    file_id       TEXT,
    title         TEXT,
    body          BLOB    NOT NULL,
    received_at   INTEGER NOT NULL,
    -- The order of events: when, then DocSpace's id (0 where there is none).
    happened_at   INTEGER NOT NULL,
    sequence      INTEGER NOT NULL,
    deliveries    INTEGER NOT NULL DEFAULT 1,
    -- 'waiting' for its decision, 'decided', 'dead' (no decision could be made), 'unreadable'.
    state         TEXT    NOT NULL CHECK (state IN ('waiting', 'decided', 'dead', 'unreadable')),
    reason        TEXT,
    failures      INTEGER NOT NULL DEFAULT 0,
    due_at        INTEGER NOT NULL,
    UNIQUE (webhook_id, event_id)
) STRICT;

CREATE INDEX events_waiting ON events (due_at, id) WHERE state = 'waiting';
CREATE INDEX events_waiting_by_file ON events (file_id) WHERE state = 'waiting';
CREATE INDEX events_dead ON events (id) WHERE state = 'dead';
CREATE INDEX events_by_file ON events (file_id) WHERE file_id IS NOT NULL;
CREATE INDEX events_by_age ON events (received_at);
CREATE INDEX events_listed ON events (file_id, happened_at) WHERE source = 'listing';

-- What each rule said about an event, and why.
CREATE TABLE decisions (
    event    INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    rule     TEXT    NOT NULL,
    -- 'planned', 'ignored', 'duplicate' (the effect was planned by an earlier event).
    outcome  TEXT    NOT NULL CHECK (outcome IN ('planned', 'ignored', 'duplicate')),
    reason   TEXT    NOT NULL,
    PRIMARY KEY (event, position)
) STRICT, WITHOUT ROWID;

-- The outbox: actions owed.
CREATE TABLE actions (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    event         INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    -- The effect key: this rule does this to this state of the file once.
    rule          TEXT    NOT NULL,
    file_id       TEXT    NOT NULL,
    file_version  TEXT    NOT NULL,
    position      INTEGER NOT NULL,
    kind          TEXT    NOT NULL,
    -- Whether it is work for the portal, which waits while that is left alone.
    file_work     INTEGER NOT NULL,
    plan          TEXT    NOT NULL,
    title         TEXT    NOT NULL,
    -- The destination and title of a copy; copies with the same one run one after the other, so that
    -- a new file found in the destination can belong to one of them only.
    target        TEXT,
    state         TEXT    NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'dead', 'discarded')),
    happened_at   INTEGER NOT NULL,
    sequence      INTEGER NOT NULL,
    -- NULL until the actions it waits for in its rule are done.
    due_at        INTEGER,
    -- Claims so far; every write of a worker names the one it holds.
    attempt       INTEGER NOT NULL DEFAULT 0,
    -- Attempts that count towards giving up.
    failures      INTEGER NOT NULL DEFAULT 0,
    lease_until   INTEGER,
    -- Written before the portal is called, cleared once the call is known to have had no effect.
    intent_at     INTEGER,
    -- Before this time a missing effect proves nothing: the portal may still be at work.
    settle_after  INTEGER,
    operation_id  TEXT,
    result_file   TEXT,
    result_folder TEXT,
    reason_code   TEXT,
    reason        TEXT,
    created_at    INTEGER NOT NULL,
    finished_at   INTEGER,
    UNIQUE (rule, file_id, file_version, position)
) STRICT;

CREATE INDEX actions_waiting ON actions (file_work, due_at, id) WHERE state = 'waiting';
CREATE INDEX actions_running ON actions (lease_until) WHERE state = 'running';
CREATE INDEX actions_owed_by_file ON actions (file_id) WHERE state IN ('waiting', 'running');
CREATE INDEX actions_owed_by_target ON actions (target) WHERE state IN ('waiting', 'running');
CREATE INDEX actions_by_file ON actions (file_id, file_version);
CREATE INDEX actions_dead ON actions (id) WHERE state = 'dead';
CREATE INDEX actions_by_event ON actions (event);
CREATE INDEX actions_by_result ON actions (result_file) WHERE result_file IS NOT NULL;
CREATE INDEX actions_by_operation ON actions (operation_id) WHERE operation_id IS NOT NULL;

-- Small facts that outlive a restart, such as the last time all was known to be well.
CREATE TABLE state (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
