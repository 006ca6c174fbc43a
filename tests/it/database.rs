//! Features of PostgreSQL: concurrent migration, instances, TLS, and text that it cannot store.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use docspace_courier::check::{self, Deployment};
use docspace_courier::clock::Clock;
use docspace_courier::db::{Db, Location, Server, Sql, StoreError, WriteLock};
use docspace_courier::docspace::Client;
use docspace_courier::event::Event;
use docspace_courier::inbox::{self, AcceptOutcome};
use docspace_courier::instances::{Instances, LeaderRole, holds_role};
use rusqlite::types::Value as Cell;
use tokio_util::sync::CancellationToken;

use crate::bounds::{bounded, until};
use crate::certificates::Authority;
use crate::cluster::Cluster;

use crate::store::{Store, location};

const BOUND: Duration = Duration::from_secs(30);

const BODY: &[u8] = include_bytes!("../data/webhook/file.uploaded.other-room.json");

async fn accept(db: &Db, body: &[u8]) -> Result<AcceptOutcome, StoreError> {
    let (event, body) = (Event::parse(body).unwrap(), body.to_vec());
    let now = Clock::system().now();
    db.write_or_refuse(None, move |sql| {
        inbox::accept(sql, &event, &body, None, now)
    })
    .await
    .map(|accepted| accepted.outcome)
}

#[tokio::test]
async fn two_instances_that_start_together_migrate_an_empty_database_once() {
    bounded(async {
        let store = Store::unmigrated();
        let (one, two) = (open(&store), open(&store));
        let (first, second) = tokio::join!(accept(&one, BODY), accept(&two, BODY));
        let accepted = |receipt: &AcceptOutcome| matches!(receipt, AcceptOutcome::Accepted(_));
        let receipts = [first.unwrap(), second.unwrap()];
        assert_eq!(
            receipts.iter().filter(|receipt| accepted(receipt)).count(),
            1
        );
    })
    .await;
}

/// Takes back what the migrations from this one on created.
fn undo_migrations_from(store: &Store, first: i64) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut undo = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let (number, _) = name.split_once('_').unwrap();
        if number.parse::<i64>().unwrap() < first {
            continue;
        }
        let sql = std::fs::read_to_string(&path).unwrap();
        let statements = sql.lines().map(|line| line.split_whitespace().collect());
        for words in statements.collect::<Vec<Vec<&str>>>() {
            // Indexes go first: a column with an index cannot be dropped in SQLite.
            match words[..] {
                ["CREATE", "INDEX", index, ..] => {
                    undo.insert_str(0, &format!("DROP INDEX {index};"));
                }
                ["CREATE", "TABLE", table, ..] => undo += &["DROP TABLE ", table, ";"].concat(),
                ["ALTER", "TABLE", table, "ADD", "COLUMN", column, ..] => {
                    undo += &["ALTER TABLE ", table, " DROP COLUMN ", column, ";"].concat();
                }
                _ => {}
            }
        }
    }
    store.run(&format!(
        "{undo} DELETE FROM migrations WHERE number >= {first}"
    ));
}

#[tokio::test]
async fn an_old_version_keeps_working_after_a_newer_one_migrated() {
    bounded(async {
        let store = Store::new();
        accept(&open(&store), BODY).await.unwrap();
        // The schema before several instances were supported.
        undo_migrations_from(&store, 2_026_112_203);
        let old =
            "INSERT INTO actions (event, rule, file_id, file_version, position, kind, file_work, plan,
                                        title, state, happened_at, sequence, created_at)
                   SELECT id, 'old', file_id, 'v', max(:n), 'copy', 1, '{}', 'title', 'waiting', 0, 0, 0
                   FROM events GROUP BY id";
        store.run(&old.replace(":n", "1"));
        let new = open(&store);
        assert!(matches!(
            accept(&new, BODY).await.unwrap(),
        AcceptOutcome::Duplicate(_)
        ));
        store.run(&old.replace(":n", "2"));
        let holders = store
            .ask("SELECT instance FROM actions ORDER BY position")
            .unwrap();
        assert_eq!(holders, [Cell::Integer(0), Cell::Integer(0)]);
    })
    .await;
}

#[tokio::test]
async fn a_newer_schema_is_used_or_refused_as_it_declares() {
    bounded(async {
        let store = Store::new();
        accept(&open(&store), BODY).await.unwrap();
        store.run("INSERT INTO migrations VALUES (2099010100, 2026112203)");
        assert!(accept(&open(&store), BODY).await.is_ok());
        store.run("INSERT INTO migrations VALUES (2099010101, 2099010101)");
        let error = accept(&open(&store), BODY).await.unwrap_err();
        let error = format!("{:#}", anyhow::Error::from(error));
        assert!(error.contains("a newer docspace-courier"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn one_instance_holds_a_leader_role_until_it_leaves() {
    bounded(async {
        let store = Store::new();
        let (one, two, clock) = (open(&store), open(&store), Clock::system());
        for db in [&one, &two] {
            Instances::join(db, &clock).await.unwrap();
        }
        for _ in 0..2 {
            assert!(holds_role(&one, LeaderRole::CatchUp).await.unwrap());
            assert!(!holds_role(&two, LeaderRole::CatchUp).await.unwrap());
        }
        assert!(holds_role(&two, LeaderRole::Prune).await.unwrap());
        Instances::leave(&one).await;
        assert!(holds_role(&two, LeaderRole::CatchUp).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn the_server_compiles_no_statement() {
    bounded(async {
        let store = Store::new();
        let compiles = "SELECT 1 FROM pg_settings WHERE name = 'jit' AND setting = 'on'";
        assert_eq!(store.ask(compiles).unwrap().len(), 1, "the server can");
        let db = open(&store);
        let compiles = db.read(move |sql| sql.exists(compiles, &[])).await;
        assert!(!compiles.unwrap());
    })
    .await;
}

#[tokio::test]
async fn without_its_row_no_lock_is_taken() {
    bounded(async {
        let store = Store::new();
        let db = open(&store);
        for lock in WriteLock::ALL {
            db.write(move |sql| sql.lock(lock)).await.unwrap();
        }
        store.run("DELETE FROM duties");
        for lock in WriteLock::ALL {
            let locked = db.write(move |sql| sql.lock(lock)).await;
            assert!(locked.is_err(), "{lock:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_step_of_the_databases_clock_removes_no_instance_and_ends_no_role() {
    bounded(async {
        for step_ms in [3_600_000, -3_600_000] {
            let store = Store::new();
            let (one, two, clock) = (open(&store), open(&store), Clock::system());
            for db in [&one, &two] {
                Instances::join(db, &clock).await.unwrap();
            }
            assert!(holds_role(&one, LeaderRole::CatchUp).await.unwrap());
            // What was stored before the step.
            store.run(&format!(
                "UPDATE instances SET seen_at = seen_at - {step_ms};
                 UPDATE duties SET until = 1 WHERE until > 0"
            ));
            Instances::join(&open(&store), &clock).await.unwrap();
            let instances = store.ask("SELECT count(*) FROM instances").unwrap();
            assert_eq!(instances, [Cell::Integer(3)]);
            assert!(!holds_role(&two, LeaderRole::CatchUp).await.unwrap());
        }
    })
    .await;
}

#[tokio::test]
async fn instances_share_the_request_budget_and_add_up_their_writes() {
    bounded(async {
        let store = Store::new();
        let (one, two, clock) = (open(&store), open(&store), Clock::system());
        let portal =
            Client::new("http://127.0.0.1:9", "key".to_owned().into(), clock.clone()).unwrap();
        let (portal, now) = (Arc::new(portal), clock.now());
        let (calls, writes) = (
            portal.budget().calls_left(now),
            portal.budget().writes_left_today(now),
        );
        let instances = Instances::join(&one, &clock).await.unwrap();
        Instances::join(&two, &clock).await.unwrap();
        // Another instance made these calls and is gone.
        let today = now.as_second() / (24 * 60 * 60);
        store.run(&format!(
            "INSERT INTO portal_writes VALUES ({today}, 7, 1200), ({today} - 1, 7, 800)"
        ));
        let stop = CancellationToken::new();
        let running = instances.run(Arc::clone(&portal), Arc::default(), stop.clone());
        let running = tokio::spawn(running);
        until(BOUND, "the portal's limits are shared", async || {
            portal.budget().calls_left(now) == calls / 2
                && portal.budget().writes_left_today(now) == writes - 1200
        })
        .await;
        stop.cancel();
        running.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_nul_character_in_a_text_is_replaced() {
    bounded(async {
        let store = Store::new();
        let body = String::from_utf8_lossy(BODY).replace("\"title\":\"", "\"title\":\"\\u0000");
        accept(&open(&store), body.as_bytes()).await.unwrap();
        let titles = store.ask("SELECT title FROM events").unwrap();
        let [Cell::Text(title)] = &titles[..] else {
            panic!("{titles:?}")
        };
        assert!(title.starts_with('\u{fffd}'), "{title}");
    })
    .await;
}

#[tokio::test]
async fn the_database_must_show_a_certificate_that_is_trusted() {
    bounded(async {
        let (authority, stranger) = (Authority::new(), Authority::new());
        let signed = authority.sign();
        let cluster = Cluster::own("listen_addresses = '127.0.0.1, 127.0.0.2'");
        write_as_server(&cluster.data().join("server.crt"), &signed.certificate);
        write_as_server(&cluster.data().join("server.key"), &signed.key);
        cluster.run("postgres", "ALTER SYSTEM SET ssl = on");
        cluster.run("postgres", "SELECT pg_reload_conf()");
        let store = Store::in_cluster(cluster);
        let connect = async |host: &str, trusted: Option<String>| {
            let url = store.url().replace("127.0.0.1", host);
            let server = Server::parse(&format!("{url}?sslmode=require"), trusted).unwrap();
            let db = Db::open(Location::Server(Box::new(server))).unwrap();
            db.read(|sql| {
                sql.query_one(
                    "SELECT count(*) FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()",
                    &[],
                    |row| row.get::<i64>(0),
                )
            })
            .await
        };
        assert_eq!(
            connect("localhost", Some(authority.pem())).await.unwrap(),
            1
        );
        for (host, trusted) in [
            ("localhost", Some(stranger.pem())),
            ("localhost", None),
            // Another address of this machine, which is not in the certificate.
            ("127.0.0.2", Some(authority.pem())),
        ] {
            let error = anyhow::Error::from(connect(host, trusted).await.unwrap_err());
            assert!(format!("{error:#}").contains("certificate"), "{error:#}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_host_that_accepts_connections_and_stays_silent_is_passed_over() {
    bounded(async {
        let store = Store::new();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let hosts = format!("@{},", silent.local_addr().unwrap());
        let db = Db::open(location(&store.url().replace('@', &hosts))).unwrap();
        let stored = db.write(|sql| sql.execute("INSERT INTO state VALUES ('key', '')", &[]));
        assert_eq!(stored.await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn check_reports_the_state_of_the_database() {
    bounded(async {
        let check = async |url: String| {
            let pairs = [("DATABASE_URL".to_owned(), url)];
            let report = check::run(&Deployment::from_pairs(&pairs, None, Clock::system())).await;
            let findings = report
                .sections
                .into_iter()
                .flat_map(|section| section.findings);
            let store = findings.filter(|finding| finding.subject == "DATABASE_URL");
            let said: Vec<String> = store.map(|finding| format!("{finding:?}")).collect();
            said.join("\n")
        };
        let store = Store::new();
        let good = check(store.url()).await;
        assert!(good.contains("is writable"), "{good}");
        let url = store.url().replace("postgres@", "nobody:hunter2@");
        let wrong = check(url).await;
        assert!(
            wrong.contains("nobody") && !wrong.contains("hunter2"),
            "{wrong}"
        );
    })
    .await;
}

fn open(store: &Store) -> Db {
    Db::open(location(&store.url())).unwrap()
}

/// Writes a file for the server, which runs as another user if the test runs as root.
fn write_as_server(path: &Path, content: &str) {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let owner = std::fs::metadata(path.parent().unwrap()).unwrap();
    chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

#[tokio::test]
async fn a_value_of_an_unexpected_type_fails_one_write_and_no_other() {
    bounded(async {
        let store = Store::new();
        let db = open(&store);
        let insert = |key: &'static str| {
            db.write(move |sql: &Sql| {
                let statement = "INSERT INTO state (key, value) VALUES (:key, '')";
                sql.execute(statement, &[(":key", key.into())])
            })
        };
        let read_null = db.write(|sql: &Sql| {
            sql.query_one("SELECT CAST(NULL AS BIGINT)", &[], |row| row.get::<i64>(0))
        });
        let (one, failed, two) = tokio::join!(insert("one"), read_null, insert("two"));
        assert_eq!((one.unwrap(), two.unwrap()), (1, 1));
        let failed = failed.unwrap_err();
        assert!(!failed.is_unreachable(), "{failed:?}");
    })
    .await;
}
