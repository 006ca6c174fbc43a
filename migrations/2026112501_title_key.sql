-- The title in the form that searches compare, so that both stores ignore case in every script. NULL in rows
-- that were stored before this migration, until the service has filled it.
ALTER TABLE events ADD COLUMN title_key TEXT;

CREATE INDEX events_without_title_key ON events (id) WHERE title_key IS NULL AND title IS NOT NULL;
