//! The files of the service with secrets or personal data: whether other users of the machine can read them.

use std::path::Path;

use super::deployment::Deployment;
use crate::finding::Finding;

/// The bits of a mode that give rights to everyone. Rights of the group are a deliberate choice.
#[cfg(unix)]
const OTHERS: u32 = 0o007;

pub(super) fn check(deployment: &Deployment) -> Vec<Finding> {
    let config = &deployment.config;
    let store = config.database.as_ref().ok();
    let tls = config.public.as_ref().ok();
    let files = [
        deployment.env_file.as_deref(),
        store.and_then(|location| location.file()),
        tls.and_then(|public| Some(public.tls.as_ref()?.key.as_path())),
    ];
    files
        .into_iter()
        .flatten()
        .filter_map(open_to_others)
        .collect()
}

#[cfg(unix)]
fn open_to_others(path: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = path.metadata().ok()?.permissions().mode();
    let path = path.display();
    (mode & OTHERS != 0).then(|| {
        let message = format!("can be read by other users of this machine: chmod 600 {path}");
        Finding::warning(path.to_string(), message)
    })
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> Option<Finding> {
    None
}
