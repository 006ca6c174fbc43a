-- What the attempts at an action have done so far, as its kind stores it, such as the people whom it still has to notify.
-- NULL for actions that are done at once.
ALTER TABLE actions ADD COLUMN progress TEXT;
