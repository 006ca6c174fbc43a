//! Exit codes: 0 success, 1 the checked condition failed, 2 usage or configuration error.

use std::process::ExitCode;

use super::output::print_error;

/// The checked condition failed.
pub(super) const FAILED: u8 = 1;

/// Usage or configuration error.
pub(super) const USAGE: u8 = 2;

/// Success, or that the checked condition failed.
pub(super) fn success_if(condition: bool) -> ExitCode {
    if condition {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    }
}

/// Reports wrong usage.
pub(super) fn usage_error(message: &str) -> ExitCode {
    print_error(message);
    ExitCode::from(USAGE)
}
