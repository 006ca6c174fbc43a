//! Programs of others that tests start. `tests/install` installs what is missing.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// A command that is in no package of ours, such as `nginx`.
pub fn program(name: &str) -> Command {
    installed();
    // Debian's folder for programs of the system is not in every user's path.
    let find = format!("PATH=$PATH:/usr/sbin; command -v {name}");
    let found = Command::new("sh").args(["-c", &find]).output().unwrap();
    let path = String::from_utf8(found.stdout).unwrap();
    assert!(!path.is_empty(), "tests/install does not install {name}");
    Command::new(path.trim())
}

/// Installs everything that is missing, once in this process.
pub fn installed() {
    static RESULT: OnceLock<Result<(), String>> = OnceLock::new();
    let result = RESULT.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/install");
        let output = Command::new(script).output().unwrap();
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    });
    if let Err(message) = result {
        panic!("{message}");
    }
}
