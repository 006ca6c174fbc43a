-- The newest delivery is found in the index by age, too. Every event was in both indexes.
DROP INDEX events_delivered;
DROP INDEX events_by_age;
CREATE INDEX events_by_age ON events (received_at, source);
