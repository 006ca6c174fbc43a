//! The files of `deploy/` and the image only use existing variables and commands.

use std::collections::BTreeSet;

use crate::process::binary;
use crate::programs::program;

const EXAMPLE: &str = include_str!("../../config.example.env");
const DOCKERFILE: &str = include_str!("../../Dockerfile");
const UNIT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/deploy/docspace-courier.service"
);

/// The words of a text that look like variables of the service.
fn variables(text: &str) -> BTreeSet<&str> {
    let words =
        text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    words
        .filter(|word| word.contains('_') && word.len() > 6)
        .filter(|word| word.starts_with(|first: char| first.is_ascii_uppercase()))
        .filter(|word| !word.contains(|character: char| character.is_ascii_lowercase()))
        .filter(|word| !word.starts_with("AF_") && !word.starts_with("CAP_"))
        .collect()
}

#[test]
fn the_service_reads_every_variable_of_the_deployment_files() {
    let known = variables(EXAMPLE);
    for (file, text, some) in [
        (
            "the unit",
            std::fs::read_to_string(UNIT).unwrap().as_str(),
            "DATABASE_URL",
        ),
        (
            "compose.yaml",
            include_str!("../../deploy/compose.yaml"),
            "LISTEN_ADDR",
        ),
        (
            "kubernetes.yaml",
            include_str!("../../deploy/kubernetes.yaml"),
            "ADMIN_ADDR",
        ),
        (
            "courierctl",
            include_str!("../../deploy/courierctl"),
            "DATABASE_URL",
        ),
        (
            "nginx.conf",
            include_str!("../../deploy/nginx.conf"),
            "REQUIRE_HTTPS",
        ),
        (
            "Caddyfile",
            include_str!("../../deploy/Caddyfile"),
            "REQUIRE_HTTPS",
        ),
    ] {
        let used = variables(text);
        assert!(used.contains(some), "{file}: {used:?}");
        for variable in used {
            let plain = variable.strip_suffix("_FILE").unwrap_or(variable);
            assert!(
                known.contains(plain) || known.contains(variable),
                "{file}: {variable}"
            );
        }
    }
}

#[test]
fn the_image_runs_existing_commands() {
    let commands: Vec<Vec<&str>> = DOCKERFILE
        .lines()
        .map(str::trim)
        .filter_map(|line| {
            line.split_once("CMD [")
                .or_else(|| line.split_once("ENTRYPOINT ["))
        })
        .map(|(_, rest)| rest.trim_end_matches(']'))
        .map(|rest| {
            rest.split(", ")
                .map(|word| word.trim_matches('"'))
                .collect()
        })
        .collect();
    assert_eq!(
        commands,
        [
            vec!["docspace-courier", "health"],
            vec!["docspace-courier"],
            vec!["serve"]
        ]
    );
    for command in ["health", "serve"] {
        let help = binary().args([command, "--help"]).output().unwrap();
        assert!(help.status.success(), "{command}");
    }
    for secret in ["DOCSPACE_API_KEY", "DOCSPACE_WEBHOOK_SECRET", "ADMIN_TOKEN"] {
        assert!(!DOCKERFILE.contains(secret), "{secret} would be in a layer");
    }
}

#[test]
fn systemd_understands_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    // Only the installed path of the program cannot exist in a test.
    let unit = std::fs::read_to_string(UNIT).unwrap();
    let built = env!("CARGO_BIN_EXE_docspace-courier");
    let unit = unit.replace("/usr/local/bin/docspace-courier", built);
    let path = folder.path().join("docspace-courier.service");
    std::fs::write(&path, unit).unwrap();
    let verified = program("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success(), "{said}");
    assert!(!said.contains("docspace-courier.service"), "{said}");

    // 0 is best, 10 is worst; systemd rates a service without any hardening 9.6.
    let judged = program("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=20"])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&judged.stdout).into_owned();
    assert!(judged.status.success(), "{said}");
}

/// The script for commands names the files and the store that the unit names.
#[test]
fn commands_have_the_configuration_of_the_unit() {
    const SCRIPT: &str = include_str!("../../deploy/courierctl");
    let unit = std::fs::read_to_string(UNIT).unwrap();
    for line in unit.lines() {
        let (name, value) = line.split_once('=').unwrap_or_default();
        match name {
            "LoadCredential" => {
                let (_, file) = value.rsplit_once('/').unwrap();
                assert!(SCRIPT.contains(&format!("\"$etc/{file}\"")), "{line}");
            }
            "EnvironmentFile" => {
                let (folder, file) = value.rsplit_once('/').unwrap();
                assert!(SCRIPT.contains(&format!("etc={folder}\n")), "{line}");
                assert!(
                    SCRIPT.contains(&format!("--env-file \"$etc/{file}\"")),
                    "{line}"
                );
            }
            "Environment" if value.contains("DATABASE_URL") => {
                assert!(SCRIPT.contains(value), "{line}");
            }
            "Environment" => {
                let (variable, _) = value.split_once('=').unwrap();
                assert!(SCRIPT.contains(&format!("{variable}=")), "{line}");
            }
            _ => {}
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for secret in ["api-key", "webhook-secret", "admin-token"] {
        std::fs::write(path(secret), "a-secret-of-16-chars").unwrap();
    }
    std::fs::write(
        path("courier.env"),
        "CLIENT_ROOT_ID=1\nINCOMING_FOLDER_ID=2\n",
    )
    .unwrap();
    let script = SCRIPT
        .replace(
            "/etc/docspace-courier",
            &folder.path().display().to_string(),
        )
        .replace(
            "/var/lib/docspace-courier",
            &folder.path().display().to_string(),
        )
        .replace(
            "/usr/local/bin/docspace-courier",
            env!("CARGO_BIN_EXE_docspace-courier"),
        );
    std::fs::write(path("courierctl"), script).unwrap();
    let output = std::process::Command::new("sh")
        .arg(path("courierctl"))
        .args(["rules", "list"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(said.contains("invoice"), "{said}");
}
