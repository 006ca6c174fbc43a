-- What the last replay changed about the actions of the event, in JSON; NULL before it is decided again.
ALTER TABLE events ADD COLUMN replay_changes TEXT;
