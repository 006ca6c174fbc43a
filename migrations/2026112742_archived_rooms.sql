-- Finds the action that archived a room, when the portal reports that.
CREATE INDEX actions_archiving ON actions (result_folder) WHERE raises = 'room.archived';
