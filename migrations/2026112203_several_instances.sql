-- What several instances on one database share. An embedded store has one instance and leaves it empty.

-- The instances at work.
CREATE TABLE instances (
    id           INTEGER PRIMARY KEY,
    started_at   INTEGER NOT NULL,
    -- The last sign of life; one that gives none for a while is gone, and its work is taken over.
    seen_at      INTEGER NOT NULL
) STRICT;

-- The writes to the portal that each instance made on a day (days since 1970, UTC). They outlive it.
CREATE TABLE portal_writes (
    day      INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    writes   INTEGER NOT NULL,
    PRIMARY KEY (day, instance)
) STRICT;

-- What one instance does at a time.
CREATE TABLE duties (
    name    TEXT    PRIMARY KEY,
    holder  INTEGER NOT NULL,
    until   INTEGER NOT NULL
) STRICT;

INSERT INTO duties (name, holder, until)
VALUES ('claim', 0, 0), ('catch_up', 0, 0), ('prune', 0, 0), ('alerts', 0, 0);

-- Who runs an action.
ALTER TABLE actions ADD COLUMN instance INTEGER NOT NULL DEFAULT 0;
