//! New users are added to groups.

use docspace_courier::actions::failpoint::Failpoint;
use docspace_courier::rules::Rule;
use docspace_sandbox::FaultEffect;

use crate::catch_up::deliver;
use crate::rules::read;
use crate::scene::{Leftover, Scene, scenario};

/// The calls that add members.
const MEMBERS: &str = "/members";

/// A rule that adds new users to the group.
fn rule(group: &str) -> Vec<Rule> {
    read(&format!(
        "[[rule]]\nname = \"onboarding\"\ntriggers = [\"user.created\"]\n\
         [[rule.action]]\nadd_to_group = \"{group}\"\n[[rule.action]]\nnotify = {{ email = \"a@x.example\" }}\n"
    ))
}

fn owner(scene: &Scene) -> String {
    let email = "olga.owner@sandbox.example.test";
    scene.portal.account_with_email(email).unwrap()
}

/// The event of a new user.
async fn join(scene: &Scene, user: &str) {
    // Each user has an event of its own.
    let id = u32::from_str_radix(&user[..4], 16).unwrap();
    let event = format!(
        r#""event":{{"id":{id},"createOn":"2026-03-02T09:00:01Z","trigger":"user.created"}}"#
    );
    let payload = format!(r#""payload":{{"id":"{user}","firstName":"Olga","lastName":"Owner"}}"#);
    deliver(
        scene,
        &format!(r#"{{{event},{payload},"webhook":{{"id":418}}}}"#),
    )
    .await;
}

async fn is_added_once(scene: &Scene, what: &str) {
    let seed = scene.portal.seed();
    let mut members = scene.portal.group_members(&seed.group);
    members.sort();
    let mut expected = vec![seed.colleague.clone(), owner(scene)];
    expected.sort();
    assert_eq!(members, expected, "{what}");
    assert_eq!(scene.count("add_to_group", "done").await, 1, "{what}");
    assert_eq!(scene.count("notify", "done").await, 1, "{what}");
}

#[tokio::test]
async fn a_crash_around_a_new_member() {
    for failpoint in [
        Failpoint::BeforeCall,
        Failpoint::AfterResponse,
        Failpoint::BeforeFinish,
    ] {
        scenario(async |scene| {
            scene.portal.make_service_account_administrator();
            scene.listen_with(rule(&scene.portal.seed().group.clone()));
            join(scene, &owner(scene)).await;
            scene.crash_at(failpoint, 1).await;
            is_added_once(scene, &format!("{failpoint:?}")).await;
            assert_eq!(scene.calls("PUT", MEMBERS), 1, "{failpoint:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_new_member_whose_answer_is_lost() {
    for (effect, calls) in [
        (FaultEffect::DropAfter, 1),
        (FaultEffect::StatusAfter(500), 1),
        (FaultEffect::GatewayAfter(502), 1),
        (FaultEffect::DropBefore, 2),
        (FaultEffect::Status(402), 2),
        (FaultEffect::Status(403), 2),
        (FaultEffect::Status(429), 2),
    ] {
        scenario(async |scene| {
            scene.portal.make_service_account_administrator();
            scene.listen_with(rule(&scene.portal.seed().group.clone()));
            scene.fail("PUT", MEMBERS, 1, effect.clone());
            join(scene, &owner(scene)).await;
            scene.work_to_the_end().await;
            is_added_once(scene, &format!("{effect:?}")).await;
            assert_eq!(scene.calls("PUT", MEMBERS), calls, "{effect:?}");
        })
        .await;
    }
}

/// Guests cannot be in groups, and members need no call.
#[tokio::test]
async fn guests_and_members_stay_as_they_are() {
    scenario(async |scene| {
        scene.portal.make_service_account_administrator();
        let seed = scene.portal.seed().clone();
        scene.listen_with(rule(&seed.group));
        for user in [&seed.client_user, &seed.colleague] {
            join(scene, user).await;
        }
        scene.work_to_the_end().await;
        assert_eq!(scene.portal.group_members(&seed.group), [seed.colleague]);
        assert_eq!(scene.calls("PUT", MEMBERS), 0);
        assert_eq!(scene.count("add_to_group", "done").await, 2);
    })
    .await;
}

/// Expects this code of the dead letter of a new user.
async fn dead_code(group: &str, user: &str, prepare: impl AsyncFn(&Scene), code: &str) {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::WaitingActions, 1);
        scene.listen_with(rule(group));
        prepare(scene).await;
        join(scene, user).await;
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some(code));
        assert!(scene.portal.group_members(group).len() <= 1, "{code}");
    })
    .await;
}

#[tokio::test]
async fn somebody_who_can_never_be_added_is_a_dead_letter() {
    let (mut group, mut user) = (String::new(), String::new());
    scenario(async |scene| {
        group.clone_from(&scene.portal.seed().group);
        user = owner(scene);
    })
    .await;
    let administrator = async |scene: &Scene| scene.portal.make_service_account_administrator();
    let nobody = "00000000-aaaa-bbbb-cccc-000000000000";
    dead_code(&group, nobody, administrator, "account_gone").await;
    dead_code(nobody, &user, administrator, "group_gone").await;
    dead_code(&group, &user, async |_: &Scene| {}, "no_right").await;
    let plain = async |scene: &Scene| scene.portal.make_service_account_plain();
    dead_code(&group, &user, plain, "no_right").await;
    let disabled = async |scene: &Scene| {
        scene.portal.make_service_account_administrator();
        scene.portal.disable_account(&user);
    };
    dead_code(&group, &user, disabled, "not_added").await;
    let invalid = async |scene: &Scene| {
        scene.portal.make_service_account_administrator();
        scene.fail("PUT", MEMBERS, 1, FaultEffect::Status(400));
    };
    dead_code(&group, &user, invalid, "refused").await;
}
