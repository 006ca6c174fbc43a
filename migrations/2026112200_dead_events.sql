-- Finds the events that could not be decided without reading the whole journal; empty as a rule.
CREATE INDEX events_dead ON events (id) WHERE state = 'dead';
