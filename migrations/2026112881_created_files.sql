-- Finds the action that created a file, or may have created one, when the portal reports that as an upload.
CREATE INDEX actions_creating ON actions (result_file) WHERE raises = 'file.created';
