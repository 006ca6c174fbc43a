-- Up to when, on the portal's clock, the effect of a call with an unknown outcome was searched for in vain.
-- `intent_at` and `settle_after` are times of the portal's clock, too; before `settle_after` the request may
-- still be in flight.
ALTER TABLE actions ADD COLUMN searched_until INTEGER;
