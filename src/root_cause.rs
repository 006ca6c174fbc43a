//! Finds the cause at the end of an error's chain, which names what really failed, such as
//! "connection refused".

use std::error::Error;
use std::io;

/// The innermost cause of an error; the error itself if it has none.
pub(crate) fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

/// The innermost cause in words for an operator.
pub(crate) fn cause_in_words(error: &(dyn Error + 'static)) -> String {
    if speaks_no_tls(error) {
        return "the server does not speak HTTPS on this port".to_owned();
    }
    root_cause(error).to_string()
}

/// Whether the server responded to a TLS handshake with something else, as a server for plain HTTP does.
pub(crate) fn speaks_no_tls(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // The source of an I/O error is that of the error in it.
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        let is_not_tls = |error: &rustls::Error| {
            matches!(
                error,
                rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)
            )
        };
        if error
            .downcast_ref::<rustls::Error>()
            .is_some_and(is_not_tls)
            || inner.is_some_and(|inner| speaks_no_tls(inner))
        {
            return true;
        }
        cause = error.source();
    }
    false
}
