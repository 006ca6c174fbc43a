-- The file that a person has open or locked, while an action waits for that. An event about it ends the wait.
ALTER TABLE actions ADD COLUMN busy_file TEXT;
CREATE INDEX actions_waiting_for_file ON actions (busy_file) WHERE busy_file IS NOT NULL AND state = 'waiting';

-- Refusals in a row without a visible cause; they do not count towards giving up.
ALTER TABLE actions ADD COLUMN denials INTEGER NOT NULL DEFAULT 0;
