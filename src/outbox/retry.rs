//! Starting an action over: the one list of the columns that change.

/// The statement that makes actions wait again with all their attempts, from `:due_at` on. `condition` chooses them.
/// What is stored of a call that may have been made stays: the next attempt reconciles it.
pub(super) fn start_over(condition: &str) -> String {
    start_over_with("", condition)
}

/// The same, with further assignments, which end with a comma.
pub(super) fn start_over_with(assignments: &str, condition: &str) -> String {
    format!(
        "UPDATE actions
         SET {assignments} state = 'waiting', due_at = :due_at, failures = 0, denials = 0, busy_file = NULL,
             reason_code = NULL, reason = NULL, finished_at = NULL
         WHERE {condition}"
    )
}
