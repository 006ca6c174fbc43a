UPDATE actions
SET state = 'running', attempt = attempt + 1, lease_until = :lease_until
WHERE id = (
    SELECT a.id
    FROM actions AS a
    WHERE a.state IN ('waiting', 'running')
      AND CASE a.state WHEN 'waiting' THEN a.due_at ELSE a.lease_until END <= :now
      AND CASE WHEN a.kind IN ('notify', 'call') THEN :telling ELSE :file_work END
      -- The actions before it in its rule are done; notifications hold nothing up.
      AND NOT EXISTS (
          SELECT 1
          FROM actions AS before
          WHERE before.rule = a.rule AND before.file_id = a.file_id
            AND before.file_version = a.file_version AND before.position < a.position
            AND before.state <> 'done' AND before.kind <> 'notify')
      -- Nothing else happens to its file, and it does not overtake an earlier event of the file.
      AND (a.kind IN ('notify', 'call') OR NOT EXISTS (
          SELECT 1
          FROM actions AS other
          WHERE other.file_id = a.file_id AND other.id <> a.id
            AND other.state IN ('waiting', 'running') AND other.kind NOT IN ('notify', 'call')
            AND (other.state = 'running'
                 OR (other.intent_at IS NOT NULL
                     AND (a.intent_at IS NULL
                          OR (other.intent_at, other.id) < (a.intent_at, a.id)))
                 OR (other.event <> a.event
                     AND (other.happened_at, other.sequence, other.id)
                       < (a.happened_at, a.sequence, a.id)))))
      -- No copy to the same place under the same title is under way.
      AND (a.target IS NULL OR NOT EXISTS (
          SELECT 1
          FROM actions AS other
          WHERE other.target = a.target AND other.id <> a.id
            AND other.state IN ('waiting', 'running')
            AND (other.state = 'running'
                 OR (other.intent_at IS NOT NULL
                     AND (a.intent_at IS NULL
                          OR (other.intent_at, other.id) < (a.intent_at, a.id))))))
    ORDER BY a.happened_at, a.sequence, a.id
    LIMIT 1)
RETURNING id, event, rule, file_id, title, plan, attempt, failures, intent_at, settle_after,
          operation_id
