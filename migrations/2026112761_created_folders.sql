-- Which action created a folder: the portal's event about it is our own then.
CREATE TABLE created_folders (
    folder TEXT    NOT NULL PRIMARY KEY,
    action INTEGER NOT NULL REFERENCES actions (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX created_folders_by_action ON created_folders (action);
