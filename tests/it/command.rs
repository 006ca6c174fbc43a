//! The binary as a user sees it: arguments, exit codes, start and shutdown.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use docspace_sandbox::{PortalSettings, UploadEvents};

use crate::bounds::{STATE_BOUND, bounded, until};
use crate::process::{Deployment, Process, binary, free_address};

/// The result of a command.
struct Finished {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs a command that ends by itself.
async fn run(command: &mut Command) -> Finished {
    let (mut stdout, stdout_end) = std::io::pipe().unwrap();
    let (mut stderr, stderr_end) = std::io::pipe().unwrap();
    let mut process = Process::spawn(
        command
            .stdin(Stdio::null())
            .stdout(stdout_end)
            .stderr(stderr_end),
    );
    // The command holds the other ends of the pipes, too; reading would wait for them.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let code = process.ended().await.code();
    let mut finished = Finished {
        code,
        stdout: String::new(),
        stderr: String::new(),
    };
    stdout.read_to_string(&mut finished.stdout).unwrap();
    stderr.read_to_string(&mut finished.stderr).unwrap();
    finished
}

/// Checks that the service refuses to start, and that standard error contains all of these words.
async fn check_refused(command: &mut Command, words: &[&str]) {
    let finished = run(command).await;
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
    assert_eq!(finished.stdout, "");
    for word in words {
        assert!(
            finished.stderr.contains(word),
            "{word}: {}",
            finished.stderr
        );
    }
}

#[tokio::test]
async fn missing_variables_are_listed_once() {
    bounded(async {
        let required = [
            "DOCSPACE_API_HOST",
            "DOCSPACE_API_KEY",
            "DOCSPACE_WEBHOOK_SECRET",
        ];
        for arguments in [&[][..], &["serve"]] {
            let finished = run(binary().args(arguments)).await;
            assert_eq!(finished.code, Some(2));
            for variable in required {
                let lines = finished
                    .stderr
                    .lines()
                    .filter(|line| line.contains(variable));
                assert_eq!(lines.count(), 1, "{variable}: {}", finished.stderr);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_check_rejects_serve_rejects_and_what_check_warns_of_serve_warns_of() {
    bounded(async {
        let deployment = Deployment::new(PortalSettings::default()).await;
        for (variable, value, words) in [
            (
                "DOCSPACE_WEBHOOK_SECRET",
                "Secret-1  # the secret",
                "must be one secret",
            ),
            ("CLIENT_ROOT_ID", "539564,539610", "is not the id of a room"),
            ("RUST_LOG", "infoo", "neither a level"),
        ] {
            check_refused(
                deployment.command().env(variable, value),
                &[variable, words],
            )
            .await;
            let checked = run(deployment.check().env(variable, value)).await;
            assert_eq!(checked.code, Some(1), "{}", checked.stderr);
            assert!(checked.stdout.contains(words), "{}", checked.stdout);
        }

        let misspelt = [("DOCSPACE_API_KYE", "1".to_owned())];
        let words = "did you mean DOCSPACE_API_KEY?";
        let checked = run(deployment.check().envs(misspelt.clone())).await;
        assert!(checked.stdout.contains(words), "{}", checked.stdout);
        let service = deployment.start_with(&misspelt);
        until(STATE_BOUND, "the misspelt variable is logged", async || {
            deployment.log().contains(words)
        })
        .await;
        drop(service);
    })
    .await;
}

#[tokio::test]
async fn a_misspelt_variable_is_named_with_the_error_that_it_causes() {
    bounded(async {
        let deployment = Deployment::new(PortalSettings::default()).await;
        let mut command = deployment.command();
        command.env_remove("DOCSPACE_API_KEY");
        command.env("DOCSPACE_API_KYE", "1");
        let words = [
            "DOCSPACE_API_KEY  is not set",
            "did you mean DOCSPACE_API_KEY?",
        ];
        check_refused(&mut command, &words).await;
        check_refused(binary().arg("rooms"), &["--env-file FILE"]).await;
        let words = ["--env-file FILE", "docspace-courier setup"];
        check_refused(binary().arg("serve"), &words).await;
    })
    .await;
}

#[tokio::test]
async fn a_comment_in_an_env_file_is_not_a_secret() {
    bounded(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("courier.env");
        let text = "\u{feff}DOCSPACE_WEBHOOK_SECRET=Secret-1  # the secret of the webhook\n\
                    DOCSPACE_API_KEY=sk-1 # the key\nPORT=x\nDOCSPACE_API_HOST=https://portal.example\n";
        std::fs::write(&file, text).unwrap();
        let words = ["1 problem ", "PORT"];
        check_refused(binary().arg("--env-file").arg(&file), &words).await;
    })
    .await;
}

#[tokio::test]
async fn all_contradictions_are_reported_together() {
    bounded(async {
        check_refused(
            binary().arg("serve").envs([
                ("DOCSPACE_API_HOST", "portal"),
                ("DOCSPACE_API_KEY", "sk-1"),
                ("DOCSPACE_WEBHOOK_SECRET", "Secret-1"),
                ("SHARED_WITH_CLIENT_ROOM_ID", "7"),
                ("CLIENT_ROOT_ID", "7"),
                ("INCOMING_FOLDER_ID", "7"),
                ("ALLOW_UNSIGNED", "true"),
                ("LISTEN_ADDR", "0.0.0.0:3000"),
                ("MAX_ATTEMPTS", "many"),
                ("DATABASE_URL", "mysql://db"),
            ]),
            &[
                "6 problems",
                "DOCSPACE_API_HOST",
                "INTERNAL_PROCESSING_FOLDER_ID",
                "INCOMING_FOLDER_ID",
                "ALLOW_UNSIGNED",
                "MAX_ATTEMPTS",
                "DATABASE_URL",
            ],
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_file_of_variables_is_loaded_and_real_variables_win() {
    bounded(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("courier.env");
        std::fs::write(&file, "DOCSPACE_API_KEY=sk-1\nMAX_ATTEMPTS=many\n").unwrap();
        let serve = || {
            let mut command = binary();
            command.arg("serve").arg("--env-file").arg(&file);
            command
        };
        let finished = run(&mut serve()).await;
        assert_eq!(finished.code, Some(2));
        assert!(
            !finished.stderr.contains("DOCSPACE_API_KEY"),
            "{}",
            finished.stderr
        );
        assert!(
            finished.stderr.contains("MAX_ATTEMPTS"),
            "{}",
            finished.stderr
        );

        let finished = run(serve().env("MAX_ATTEMPTS", "3")).await;
        assert_eq!(finished.code, Some(2));
        assert!(
            !finished.stderr.contains("MAX_ATTEMPTS"),
            "{}",
            finished.stderr
        );

        std::fs::write(&file, "nonsense\n").unwrap();
        check_refused(&mut serve(), &["courier.env, line 1"]).await;
        std::fs::remove_file(&file).unwrap();
        check_refused(&mut serve(), &["cannot read", "courier.env"]).await;
    })
    .await;
}

#[tokio::test]
async fn wrong_usage_is_refused_and_help_is_printed() {
    bounded(async {
        for arguments in [&["dance"][..], &["serve", "--dance"], &["--env-file"]] {
            let finished = run(binary().args(arguments)).await;
            assert_eq!(finished.code, Some(2), "{arguments:?}");
            assert!(finished.stderr.contains("--help"), "{}", finished.stderr);
        }

        let finished = run(binary().arg("--help")).await;
        assert_eq!(finished.code, Some(0));
        let commands: Vec<&str> = finished
            .stdout
            .lines()
            .skip_while(|line| *line != "Commands:")
            .skip(1)
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert!(commands.contains(&"serve"), "{}", finished.stdout);
        for command in commands.into_iter().filter(|command| *command != "help") {
            let finished = run(binary().args([command, "--help"])).await;
            assert_eq!(finished.code, Some(0), "{command}");
            assert!(finished.stdout.contains("Usage:"), "{}", finished.stdout);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_service_on_one_store_is_refused() {
    bounded(async {
        let deployment = Deployment::new(PortalSettings::default()).await;
        let first = deployment.start();
        deployment.ready().await;
        let finished = run(&mut deployment.command()).await;
        assert_eq!(finished.code, Some(1));
        assert!(
            finished
                .stderr
                .contains("another docspace-courier is working on the store"),
            "{}",
            finished.stderr
        );
        deployment.ready().await;
        first.kill();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_lets_running_attempts_finish_and_the_next_start_does_the_rest() {
    bounded(async {
        // More uploads than the concurrent calls can contain.
        const UPLOADS: usize = 400;
        let deployment = Deployment::new(PortalSettings {
            // Longer than a busy machine needs to accept them.
            operation_time: Duration::from_secs(6),
            ..PortalSettings::default()
        })
        .await;
        let (portal, seed) = (&deployment.portal, deployment.portal.seed());
        let copies = || portal.files_in(&seed.internal_folder).len();
        let has_begun = || {
            let calls = portal.calls();
            calls
                .iter()
                .any(|call| call.method == "PUT" && call.status == Some(200))
        };
        let mut service = deployment.start();
        deployment.ready().await;
        for number in 0..UPLOADS {
            let title = format!("upload {number}.docx");
            portal.upload(
                &seed.client_room,
                &title,
                title.as_bytes(),
                UploadEvents::Uploaded,
            );
        }
        until(
            STATE_BOUND,
            "all is accepted and work has begun",
            async || {
                let accepted = deployment.ask_store("SELECT count(*) FROM events");
                accepted.is_some_and(|events| {
                    usize::try_from(events).is_ok_and(|events| events >= UPLOADS)
                }) && has_begun()
            },
        )
        .await;
        service.terminate();
        assert_eq!(service.ended().await.code(), Some(0));

        let in_hand = copies();
        assert!(
            in_hand > 0 && in_hand < UPLOADS,
            "there is a rest: {in_hand}"
        );
        let state = |state: &str| {
            let count = format!("SELECT count(*) FROM actions WHERE state = '{state}'");
            deployment.ask_store(&count)
        };
        assert_eq!(state("running"), Some(0));
        assert_eq!(state("done"), i64::try_from(in_hand).ok());

        portal.set_operation_time(Duration::from_millis(20));
        let service = deployment.start();
        deployment.all_done(STATE_BOUND).await;
        service.kill();
        assert_eq!(copies(), UPLOADS);
    })
    .await;
}

#[tokio::test]
async fn the_sandbox_serves_although_its_standard_output_is_closed() {
    bounded(async {
        let address = free_address().to_string();
        let (reader, stdout) = std::io::pipe().unwrap();
        drop(reader);
        let _sandbox = Process::spawn(
            binary()
                .args(["sandbox", "--listen", &address])
                .stdout(stdout),
        );
        until(STATE_BOUND, "the page is served", async || {
            let page = reqwest::get(format!("http://{address}/")).await;
            page.is_ok_and(|page| page.status().is_success())
        })
        .await;
    })
    .await;
}
