-- What the rules decided about an event that all of them ignore, in order: a JSON list of pairs of rule and reason. Such
-- an event has no rows in `decisions`. Events that earlier versions decided have NULL here and rows there.
ALTER TABLE events ADD COLUMN ignored TEXT;
