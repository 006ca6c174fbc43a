-- What an action leaves for those after it in its rule, by name, as a JSON object. NULL if it leaves nothing, and for
-- actions that an earlier version finished.
ALTER TABLE actions ADD COLUMN results TEXT;
