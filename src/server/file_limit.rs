//! The limit on open files (`ulimit -n`), and the number of connections that it allows.

/// Open files that connections leave to the store, to calls of the portal and channels, and to the log.
const RESERVED_FILES: usize = 256;

/// Maximum number of open connections of one listener.
const MAX_CONNECTIONS: usize = 4096;

/// The limit on open files that allows [`MAX_CONNECTIONS`] on both listeners.
const ENOUGH_FILES: usize = RESERVED_FILES + 2 * MAX_CONNECTIONS;

/// The limit on open files is so low that it limits the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is {files}, which allows only {connections} connections at a time; raise it to {ENOUGH_FILES}, \
     for example with LimitNOFILE in the systemd unit"
)]
pub struct LowFileLimit {
    files: usize,
    connections: usize,
}

/// Raises this process's soft limit to its hard limit. Many systems set the soft limit to 1024, for programs
/// that use `select`.
pub fn raise() -> Result<(), LowFileLimit> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::Nofile).maximum;
        // If it fails, the soft limit stays, and the check below sees it.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: maximum,
                maximum,
            },
        );
    }
    let files = files();
    let connections = connections(files);
    if connections < MAX_CONNECTIONS {
        return Err(LowFileLimit { files, connections });
    }
    Ok(())
}

/// The maximum number of open connections of one listener.
pub(super) fn max_connections() -> usize {
    connections(files())
}

#[cfg(unix)]
fn files() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let files = limit.current.map(usize::try_from);
    files.and_then(Result::ok).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
fn files() -> usize {
    usize::MAX
}

/// Half of the files that are not reserved; a low limit is shared equally.
fn connections(files: usize) -> usize {
    let reserved = RESERVED_FILES.min(files / 2);
    ((files - reserved) / 2).clamp(1, MAX_CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_rest() {
        let check = |files, expected| assert_eq!(connections(files), expected, "{files}");
        check(usize::MAX, MAX_CONNECTIONS);
        check(ENOUGH_FILES, MAX_CONNECTIONS);
        check(1024, 384);
        check(256, 64);
        check(1, 1);
    }
}
