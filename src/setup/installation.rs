//! How the program was installed, and so how its service is run for good.

use std::path::Path;

use crate::text::shell_word;

/// Where the packages keep the env files of their services.
const PACKAGE_FOLDER: &str = "/etc/docspace-courier";

/// Where the image has the program.
const PROGRAM_IN_IMAGE: &str = "/usr/local/bin/docspace-courier";

/// Files that Docker and Podman put into every container.
const CONTAINER_MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];

/// Whether this is the program of the image, in a container.
pub fn is_in_image() -> bool {
    let program = std::env::current_exe();
    program.is_ok_and(|program| program == Path::new(PROGRAM_IN_IMAGE))
        && CONTAINER_MARKS.iter().any(|mark| Path::new(mark).exists())
}

/// The command with which a person starts the service that has this env file.
pub(super) fn start_command(program: &str, env_file: &Path, is_in_image: bool) -> String {
    if is_in_image {
        return "docker compose up --detach".to_owned();
    }
    let stem = env_file.file_stem().and_then(|stem| stem.to_str());
    if let Some(name) = stem
        && env_file.parent() == Some(Path::new(PACKAGE_FOLDER))
    {
        let unit = match name {
            "courier" => "docspace-courier".to_owned(),
            name => format!("docspace-courier@{}", shell_word(name)),
        };
        return format!("sudo systemctl enable --now {unit}");
    }
    let env_file = shell_word(&env_file.display().to_string());
    format!("{} serve --env-file {env_file}", shell_word(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_started_as_it_was_installed() {
        let check = |env_file: &str, is_in_image, expected: &str| {
            let command = start_command("target/release/courier", Path::new(env_file), is_in_image);
            assert_eq!(command, expected);
        };
        check(
            "my courier.env",
            false,
            "target/release/courier serve --env-file 'my courier.env'",
        );
        check("/data/courier.env", true, "docker compose up --detach");
        check(
            "/etc/docspace-courier/courier.env",
            false,
            "sudo systemctl enable --now docspace-courier",
        );
        check(
            "/etc/docspace-courier/acme.env",
            false,
            "sudo systemctl enable --now docspace-courier@acme",
        );
    }
}
