-- Copies and moves that go the same way travel together: what waits, by where it goes.
CREATE INDEX actions_waiting_by_plan ON actions (plan, due_at, id) WHERE state = 'waiting' AND file_work = 1;
