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
        // Those of Compose and Caddy.
        .filter(|word| !word.starts_with("COURIER_"))
        .collect()
}

#[test]
fn the_service_reads_every_variable_of_the_deployment_files() {
    let known = variables(EXAMPLE);
    for (file, text, some) in [
        (
            "the unit",
            std::fs::read_to_string(UNIT).unwrap().as_str(),
            "TLS_CERT_FILE",
        ),
        (
            "compose.yaml",
            include_str!("../../deploy/compose.yaml"),
            "REQUIRE_HTTPS",
        ),
        (
            "kubernetes.yaml",
            include_str!("../../deploy/kubernetes.yaml"),
            "ADMIN_ADDR",
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
    let unit = unit.replace("/usr/bin/docspace-courier", built);
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

/// The script for commands names the env file and the store that the unit names, and those of a further service.
#[test]
fn commands_have_the_configuration_of_the_unit() {
    const SCRIPT: &str = include_str!("../../deploy/courierctl");
    let unit = std::fs::read_to_string(UNIT).unwrap();
    let value = |name: &str| {
        let mut lines = unit.lines();
        lines
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .unwrap()
    };
    let (_, env_file) = value("ExecStart").split_once("--env-file ").unwrap();
    let store = value("WorkingDirectory");
    assert!(SCRIPT.contains(&format!("env_file={env_file}\n")));
    assert!(SCRIPT.contains(&format!("store={store}\n")));
    assert!(SCRIPT.contains(&format!("runuser -u {} ", value("User"))));

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let variables =
        "DOCSPACE_API_KEY=sk-1\nDOCSPACE_WEBHOOK_SECRET=Deploy-Secret-1\nCLIENT_ROOT_ID=1\n";
    let env_file = format!("{variables}INCOMING_FOLDER_ID=2\nRULES_FILE=rules.toml\n");
    std::fs::write(path("courier.env"), &env_file).unwrap();
    std::fs::write(path("acme.env"), &env_file).unwrap();
    let root = folder.path().display().to_string();
    let script = SCRIPT
        .replace("/etc/docspace-courier", &root)
        .replace(store, &path("store"))
        .replace(
            "/usr/bin/docspace-courier",
            env!("CARGO_BIN_EXE_docspace-courier"),
        )
        .replace("runuser -u docspace-courier -- ", "");
    std::fs::write(path("courierctl"), script).unwrap();
    for (store, rule) in [("store", "first"), ("store/acme", "second")] {
        std::fs::create_dir_all(path(store)).unwrap();
        let rules = format!(
            "[[rule]]\nname = \"{rule}\"\ntriggers = [\"file.uploaded\"]\nroom = 1\n[[rule.action]]\ncomment = \"x\"\n"
        );
        std::fs::write(path(&format!("{store}/rules.toml")), rules).unwrap();
    }
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new("sh");
        let output = command.arg(path("courierctl")).args(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.success(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    for (args, rule) in [
        (&["rules", "list"][..], "first"),
        (&["@acme", "rules", "list"], "second"),
    ] {
        let (is_success, said) = run(args);
        assert!(is_success && said.contains("invoice"), "{said}");
        assert!(said.contains(rule), "{rule}: {said}");
    }
    // The folder of a further service is created for its first command.
    std::fs::write(path("new.env"), variables).unwrap();
    run(&["@new", "rules", "list"]);
    assert!(folder.path().join("store/new").is_dir());
}
