-- The webhook that the body names, where another event has its idempotency key: then `webhook_id` is derived from
-- what the event says.
ALTER TABLE events ADD COLUMN named_webhook_id INTEGER;
