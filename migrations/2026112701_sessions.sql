-- Sessions of operators who signed in on the status page.
CREATE TABLE sessions (
    -- A MAC of the session's random number under the admin token; the number itself is not stored.
    digest  TEXT    PRIMARY KEY,
    ends_at INTEGER NOT NULL
) STRICT;
