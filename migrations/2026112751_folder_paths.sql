-- The final target of an action whose destination is found below the folder in its plan, once it is found. NULL for others.
ALTER TABLE actions ADD COLUMN final_target TEXT;
CREATE INDEX actions_by_final_target ON actions (final_target) WHERE final_target IS NOT NULL;

-- Folders that actions are creating, by parent and folded title: one attempt at a time creates one.
CREATE TABLE folder_creations (
    parent          TEXT    NOT NULL,
    title           TEXT    NOT NULL,
    -- The claim of the action that creates it.
    action          INTEGER NOT NULL,
    attempt         INTEGER NOT NULL,
    -- Until when the call may be in flight, by the portal's clock; NULL if none was made.
    in_flight_until INTEGER,
    PRIMARY KEY (parent, title)
) STRICT, WITHOUT ROWID;
