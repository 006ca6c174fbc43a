-- The channel that an action uses, so that none is claimed while the channel's circuit is open. NULL for actions
-- that use none, and for those planned before this migration.
ALTER TABLE actions ADD COLUMN channel TEXT;
