-- Finds the action that created a room, when the portal reports that.
CREATE INDEX actions_creating_rooms ON actions (raises) WHERE raises = 'room.created';
