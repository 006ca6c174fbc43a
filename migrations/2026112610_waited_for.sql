-- Whether the actions after it in its rule wait for an action.
ALTER TABLE actions ADD COLUMN waited_for INTEGER NOT NULL DEFAULT 1;
UPDATE actions SET waited_for = 0 WHERE kind = 'notify';
