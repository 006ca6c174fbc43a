-- The trigger of the event that an action raises in the portal, and the folder that it puts the file or a copy of it
-- into. Both are NULL also for actions that an earlier version planned.
ALTER TABLE actions ADD COLUMN raises TEXT;
ALTER TABLE actions ADD COLUMN destination TEXT;
