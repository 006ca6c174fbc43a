//! Finds the cause at the end of an error's chain, which names what really failed, such as
//! "connection refused".

use std::error::Error;

/// The innermost cause of an error; the error itself if it has none.
pub(crate) fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}
