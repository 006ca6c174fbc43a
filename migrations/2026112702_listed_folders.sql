-- The folders that the current listing of the watched rooms has found so far; empty while there is none. Its
-- position is in `state`.
CREATE TABLE listed_folders (
    folder  TEXT    PRIMARY KEY,
    is_read INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX listed_folders_unread ON listed_folders (folder) WHERE is_read = 0;
