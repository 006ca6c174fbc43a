-- The condition that the action with the alias behind waits for no other in its rule.
NOT EXISTS (
    SELECT 1
    FROM actions AS before
    WHERE before.rule = behind.rule AND before.file_id = behind.file_id
      AND before.file_version = behind.file_version AND before.position < behind.position
      AND before.state <> 'done' AND before.waited_for = 1)
