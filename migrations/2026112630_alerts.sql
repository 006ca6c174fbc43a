-- When the alert was written that reports the dead letter; NULL before. Dead letters of earlier versions were reported.
ALTER TABLE events ADD COLUMN alerted_at INTEGER;
ALTER TABLE actions ADD COLUMN alerted_at INTEGER;
UPDATE events SET alerted_at = 0 WHERE state = 'dead';
UPDATE actions SET alerted_at = 0 WHERE state = 'dead';

CREATE INDEX events_dead_by_alert ON events (alerted_at) WHERE state = 'dead';
CREATE INDEX actions_dead_by_alert ON actions (alerted_at) WHERE state = 'dead';
