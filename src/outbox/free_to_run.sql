-- The condition that the waiting action with the alias a is free to run.
-- Its rule is not paused, unless its call may have been made.
(a.intent_at IS NOT NULL
 OR NOT EXISTS (SELECT 1 FROM paused_rules WHERE paused_rules.rule = a.rule))
AND NOT (a.file_work = 1 AND (
    -- Another action runs or is unresolved on its file, or waits for an earlier event of the file. An unresolved
    -- action goes first, even if an earlier event has arrived since.
    EXISTS (
        SELECT 1
        FROM actions AS other
        WHERE other.file_id = a.file_id AND other.id <> a.id
          AND other.state IN ('waiting', 'running') AND other.file_work = 1
          AND (other.state = 'running'
               OR (other.intent_at IS NOT NULL
                   AND (a.intent_at IS NULL OR (other.intent_at, other.id) < (a.intent_at, a.id)))
               OR (a.intent_at IS NULL AND other.event <> a.event
                   AND other.background <= a.background
                   AND NOT EXISTS (SELECT 1 FROM paused_rules WHERE paused_rules.rule = other.rule)
                   AND (other.happened_at, other.sequence, other.id)
                     < (a.happened_at, a.sequence, a.id))))
    -- A copy to the same target runs or is unresolved.
    OR EXISTS (
        SELECT 1
        FROM actions AS other
        WHERE other.target = a.target AND other.id <> a.id
          AND other.state IN ('waiting', 'running')
          AND (other.state = 'running'
               OR (other.intent_at IS NOT NULL
                   AND (a.intent_at IS NULL
                        OR (other.intent_at, other.id) < (a.intent_at, a.id)))))))
