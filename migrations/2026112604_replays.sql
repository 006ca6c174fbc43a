-- When a person last replayed the event, and how: 'command' or 'console'. NULL if it was never replayed.
ALTER TABLE events ADD COLUMN replayed_at INTEGER;
ALTER TABLE events ADD COLUMN replayed_by TEXT;
