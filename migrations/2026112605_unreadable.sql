-- Finds the stored copy of a body that is not a JSON object, so that equal ones are stored once.
CREATE INDEX events_unreadable ON events (received_at) WHERE state = 'unreadable';
