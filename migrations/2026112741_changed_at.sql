-- When the file last changed after an action has changed something about it, such as its title: the event that the
-- action raised reports this time. NULL for other actions, and for those that an earlier version finished.
ALTER TABLE actions ADD COLUMN changed_at TEXT;
