-- No query uses it, and none of earlier versions needs it.
DROP INDEX IF EXISTS events_listed;
-- The newest delivery, found without reading the events that were listed or fetched since.
CREATE INDEX events_delivered ON events (received_at) WHERE source = 'delivery';
