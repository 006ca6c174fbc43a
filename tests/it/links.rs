//! External links: each made once, with an end, and usable in later actions.

use std::time::Duration;

use docspace_courier::actions::failpoint::Failpoint;
use docspace_courier::audit::Through;
use docspace_courier::forget::{self, Subject};
use docspace_courier::replay::ReplayMode;
use docspace_courier::rules::Rule;
use docspace_sandbox::{FaultEffect, FileId, LinkView};
use jiff::{SignedDuration, Timestamp};

use crate::bounds::{STATE_BOUND, until};
use crate::events::dead_letters;
use crate::rules::read;
use crate::scene::{Leftover, Scene, scenario};

/// The calls that make links.
const LINKS: &str = "/links";

/// A rule with this link, whose address goes into a comment.
fn rule_with(scene: &Scene, link: &str) -> Vec<Rule> {
    read(&format!(
        "[[rule]]\nname = \"hand over\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
         [[rule.action]]\nlink = {link}\n[[rule.action]]\ncomment = \"{{result.link}}\"\n",
        scene.client_room
    ))
}

const MONTH: &str = "\"30 days\"";

/// The only link to a file, and when it ends.
fn only_link(scene: &Scene, file: &FileId, what: &str) -> (LinkView, Option<Timestamp>) {
    let links = scene.portal.links_to_file(file);
    let [link] = &links[..] else {
        panic!("{what}: {links:?}");
    };
    let expires = link.expires.as_ref().map(|time| time.parse().unwrap());
    (link.clone(), expires)
}

/// Checks that the file has one link, that it ends in about a month, and that the comment names it.
async fn is_made_once(scene: &Scene, file: &FileId, what: &str) {
    let (link, expires) = only_link(scene, file, what);
    let lasts = expires.unwrap().duration_since(scene.clock.now());
    let month = SignedDuration::from_hours(30 * 24);
    assert!(lasts <= month, "{what}: {lasts}");
    assert!(
        lasts > month - SignedDuration::from_mins(10),
        "{what}: {lasts}"
    );
    assert_eq!((link.access, link.primary), (2, false), "{what}");
    assert_eq!(link.title, "hand over", "{what}");
    let comment = scene.portal.file(file).unwrap().comment;
    let address = format!("{}/s/", scene.host());
    assert!(comment.starts_with(&address), "{what}: {comment}");
    assert_eq!(scene.count("link", "done").await, 1, "{what}");
    assert_eq!(scene.calls("PUT", "/comment"), 1, "{what}");
}

#[tokio::test]
async fn a_crash_around_a_link() {
    for failpoint in [
        Failpoint::BeforeCall,
        Failpoint::AfterResponse,
        Failpoint::BeforeFinish,
    ] {
        scenario(async |scene| {
            scene.listen_with(rule_with(scene, MONTH));
            let file = scene.upload(&scene.client_room, "offer.pdf");
            scene.crash_at(failpoint, 1).await;
            is_made_once(scene, &file, &format!("{failpoint:?}")).await;
            assert_eq!(scene.calls("PUT", LINKS), 1, "{failpoint:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_link_whose_answer_is_lost() {
    for (effect, calls) in [
        (FaultEffect::DropAfter, 1),
        (FaultEffect::StatusAfter(500), 1),
        (FaultEffect::GatewayAfter(502), 1),
        (FaultEffect::DropBefore, 2),
        (FaultEffect::Status(402), 2),
        (FaultEffect::Status(403), 2),
        (FaultEffect::Status(429), 2),
        (FaultEffect::Status(500), 2),
        (FaultEffect::Gateway(502), 2),
    ] {
        scenario(async |scene| {
            scene.listen_with(rule_with(scene, MONTH));
            scene.fail("PUT", LINKS, 1, effect.clone());
            let file = scene.upload(&scene.client_room, "offer.pdf");
            scene.work_to_the_end().await;
            is_made_once(scene, &file, &format!("{effect:?}")).await;
            assert_eq!(scene.calls("PUT", LINKS), calls, "{effect:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn what_a_link_allows_and_when_it_ends() {
    for (link, access, expires) in [
        ("{ expires = \"never\", access = \"edit\" }", 10, None),
        (
            "{ expires = \"2026-12-31T18:00:00+01:00\", access = \"review\", download = false }",
            5,
            Some("2026-12-31T17:00:00Z"),
        ),
        ("{ expires = \"never\", access = \"comment\" }", 6, None),
        ("{ expires = \"never\", access = \"fill forms\" }", 7, None),
    ] {
        scenario(async |scene| {
            scene.listen_with(rule_with(scene, link));
            let file = scene.upload(&scene.client_room, "offer.pdf");
            scene.work_to_the_end().await;
            let (made, ends) = only_link(scene, &file, link);
            assert_eq!(made.access, access, "{link}");
            assert_eq!(made.deny_download, link.contains("download"), "{link}");
            let expires = expires.map(|time| time.parse::<Timestamp>().unwrap());
            assert_eq!(ends, expires, "{link}");
        })
        .await;
    }
}

/// Each rule makes a link of its own to a file, and leaves those of people as they are.
#[tokio::test]
async fn links_of_several_rules() {
    scenario(async |scene| {
        let mut rules = rule_with(scene, MONTH);
        let mut other = rule_with(scene, "\"1 day\"").remove(0);
        other.name = "other".to_owned();
        other.actions.truncate(1);
        rules.push(other);
        scene.listen_with(rules);
        let file = scene.upload(&scene.client_room, "offer.pdf");
        scene.work_to_the_end().await;
        let mut titles: Vec<String> = scene
            .portal
            .links_to_file(&file)
            .into_iter()
            .map(|link| link.title)
            .collect();
        titles.sort();
        assert_eq!(titles, ["hand over", "other"]);
    })
    .await;
}

/// The portal would make such a link unlimited, without an error.
#[tokio::test]
async fn a_link_that_would_have_ended_is_not_made() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::WaitingActions, 1);
        scene.listen_with(rule_with(scene, "\"2026-03-02T09:03:00Z\""));
        let file = scene.upload(&scene.client_room, "offer.pdf");
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some("link_expired"));
        assert_eq!(scene.calls("PUT", LINKS), 0);
        assert_eq!(scene.portal.links_to_file(&file), []);
    })
    .await;
}

/// A call that the portal handles only after the link has ended makes an unlimited link. That is noticed, and a replay
/// gives the same link an end.
#[tokio::test]
async fn a_link_that_got_no_end_is_a_dead_letter_and_gets_one_in_a_replay() {
    scenario(async |scene| {
        let rules = rule_with(scene, "\"1 hour\"");
        scene.listen_with(rules);
        let file = scene.upload(&scene.client_room, "offer.pdf");
        scene.fail("PUT", LINKS, 1, FaultEffect::Hold);
        scene.decide().await;
        let attempt = async { scene.worker.process_next().await.unwrap() };
        let late = async {
            until(STATE_BOUND, "the call is held", async || {
                scene.portal.held_calls() > 0
            })
            .await;
            scene.clock.advance(Duration::from_hours(2));
            scene.portal.release_held_calls().await;
        };
        tokio::join!(attempt, late);
        assert_eq!(scene.dead_code().await.as_deref(), Some("link_without_end"));
        let (link, expires) = only_link(scene, &file, "late");
        assert_eq!(expires, None);
        scene.order(&dead_letters(), ReplayMode::CurrentRules).await;
        scene.work_to_the_end().await;
        let (same, expires) = only_link(scene, &file, "replayed");
        assert_eq!(same.id, link.id);
        assert!(expires.unwrap() > scene.clock.now());
    })
    .await;
}

/// A file that a move has put over another one is that one.
#[tokio::test]
async fn a_link_after_a_move_leads_to_the_file_that_is_there_then() {
    scenario(async |scene| {
        let there = scene.upload(&scene.internal, "offer.pdf");
        scene.work_to_the_end().await;
        scene.use_rules(&format!(
            "[[rule]]\nname = \"hand over\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
             [[rule.action]]\nmove = {{ to = {}, conflict = \"overwrite\" }}\n\
             [[rule.action]]\nlink = \"1 day\"\n",
            scene.client_room, scene.internal
        ));
        scene.upload(&scene.client_room, "offer.pdf");
        scene.work_to_the_end().await;
        only_link(scene, &there, "moved");
    })
    .await;
}

/// The address is a secret of the file.
#[tokio::test]
async fn a_link_is_erased_with_the_personal_data_of_its_event() {
    scenario(async |scene| {
        scene.listen_with(rule_with(scene, MONTH));
        let file = scene.upload(&scene.client_room, "offer.pdf");
        scene.work_to_the_end().await;
        let address = format!("{}/s/", scene.host());
        let stored = async || {
            let read = scene.db.read(|sql| {
                let all = "SELECT results FROM actions WHERE results IS NOT NULL";
                sql.query(all, &[], |row| row.get::<String>(0))
            });
            read.await.unwrap().concat()
        };
        assert!(stored().await.contains(&address));
        let subject = Subject::File(file.as_str().to_owned());
        let events = forget::select(&scene.db, &subject).await.unwrap();
        forget::forget(
            &scene.db,
            &events,
            &Through::Command.into(),
            scene.clock.now(),
        )
        .await
        .unwrap();
        assert_eq!(stored().await, "");
    })
    .await;
}

/// Does this to an uploaded file before its link is made, and expects this code of the dead letter.
async fn dead_code(prepare: impl AsyncFn(&Scene, &FileId), code: &str) {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::WaitingActions, 1);
        scene.listen_with(rule_with(scene, MONTH));
        let file = scene.upload(&scene.client_room, "offer.pdf");
        scene.decide().await;
        prepare(scene, &file).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some(code));
    })
    .await;
}

#[tokio::test]
async fn a_link_that_can_never_be_made_is_a_dead_letter() {
    let gone = async |scene: &Scene, file: &FileId| scene.portal.delete(file);
    dead_code(gone, "file_gone").await;
    let in_their_trash = async |scene: &Scene, file: &FileId| scene.portal.trash(file);
    dead_code(in_their_trash, "no_right").await;
    let read_only = async |scene: &Scene, file: &FileId| scene.portal.make_file_read_only(file);
    dead_code(read_only, "no_right").await;
    let invalid = async |scene: &Scene, _: &FileId| {
        scene.fail("PUT", LINKS, 1, FaultEffect::Status(400));
    };
    dead_code(invalid, "refused").await;
    let gone_meanwhile = async |scene: &Scene, _: &FileId| {
        scene.fail("PUT", LINKS, 1, FaultEffect::Status(404));
    };
    dead_code(gone_meanwhile, "file_gone").await;
    let refused = async |scene: &Scene, _: &FileId| {
        scene.fail("PUT", LINKS, u32::MAX, FaultEffect::Status(403));
    };
    dead_code(refused, "no_right").await;
    let full = async |scene: &Scene, file: &FileId| {
        for _ in 0..6 {
            let call = call(
                scene,
                reqwest::Method::PUT,
                &format!("files/file/{file}/links"),
            );
            let call = call.body("{\"access\": 2}");
            assert!(call.send().await.unwrap().status().is_success());
        }
    };
    dead_code(full, "too_many_links").await;
    let in_our_trash = async |scene: &Scene, file: &FileId| {
        let call = call(
            scene,
            reqwest::Method::DELETE,
            &format!("files/file/{file}"),
        );
        assert!(call.body("{}").send().await.unwrap().status().is_success());
        scene.portal.wait_for_operations().await;
    };
    dead_code(in_our_trash, "file_gone").await;
}

/// A call that a person makes with the key's account.
fn call(scene: &Scene, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
    let client = reqwest::Client::builder().build().unwrap();
    let call = client.request(method, format!("{}/api/2.0/{path}", scene.host()));
    let call = call.bearer_auth(scene.portal.api_key());
    call.header("content-type", "application/json")
}
