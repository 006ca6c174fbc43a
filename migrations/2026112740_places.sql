-- Who acted (event.createBy), the folder of the file or the folder itself, and the room around it as far as a decision
-- learned it. All are NULL in rows that an earlier version stored.
ALTER TABLE events ADD COLUMN actor TEXT;
ALTER TABLE events ADD COLUMN folder_id TEXT;
ALTER TABLE events ADD COLUMN room_id TEXT;
-- Who ordered the last replay, if that is known.
ALTER TABLE events ADD COLUMN replayed_person TEXT;
