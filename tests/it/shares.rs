//! Sharing rooms with people, groups and email addresses: each role given once.

use docspace_courier::actions::failpoint::Failpoint;
use docspace_courier::rules::Rule;
use docspace_sandbox::FaultEffect;

use crate::rules::read;
use crate::scene::{Leftover, Scene, scenario};

/// The calls that share rooms.
const SHARE: &str = "/share";

/// A rule with this action and a notification.
fn rule_with(scene: &Scene, share: &str) -> Vec<Rule> {
    let seed = scene.portal.seed();
    let share = share
        .replace("GROUP", &seed.group)
        .replace("COLLEAGUE", &seed.colleague)
        .replace("CLIENT", &seed.client_user)
        .replace("SELF", &seed.service_account);
    read(&format!(
        "[[rule]]\nname = \"welcome\"\ntriggers = [\"file.uploaded\"]\nroom = {}\n\
         [[rule.action]]\nshare = {share}\n[[rule.action]]\nnotify = {{ email = \"a@x.example\" }}\n",
        scene.client_room
    ))
}

const TO_GUEST: &str = "{ email = \"new@acme.example\", role = \"viewer\" }";
const TO_GROUP: &str = "{ group = \"GROUP\", role = \"editor\" }";
const TO_PERSON: &str = "{ person = \"COLLEAGUE\", role = \"content creator\", notify = true }";

/// The people and groups in the client room, each with the number of its level.
fn members(scene: &Scene) -> Vec<(String, u8)> {
    let room = scene.portal.room(&scene.client_room).unwrap();
    let members = room.members.into_iter();
    let members = members.map(|member| (member.email.unwrap_or(member.id), member.access));
    members.collect()
}

/// Checks that the last member has this level, and how many mails went out.
async fn is_shared_once(scene: &Scene, before: usize, mails: usize, what: &str) {
    assert_eq!(
        members(scene).len(),
        before + 1,
        "{what}: {:?}",
        members(scene)
    );
    assert_eq!(scene.portal.invitation_mails().len(), mails, "{what}");
    assert_eq!(scene.count("share", "done").await, 1, "{what}");
    assert_eq!(scene.count("notify", "done").await, 1, "{what}");
}

#[tokio::test]
async fn a_crash_around_a_share() {
    for (share, mails) in [(TO_GUEST, 1), (TO_GROUP, 0), (TO_PERSON, 1)] {
        for failpoint in [
            Failpoint::BeforeCall,
            Failpoint::AfterResponse,
            Failpoint::BeforeFinish,
        ] {
            scenario(async |scene| {
                let before = members(scene).len();
                let rules = rule_with(scene, share);
                scene.listen_with(rules);
                scene.upload(&scene.client_room, "plan.docx");
                scene.crash_at(failpoint, 1).await;
                let what = format!("{share} {failpoint:?}");
                is_shared_once(scene, before, mails, &what).await;
                assert_eq!(scene.calls("PUT", SHARE), 1, "{what}");
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_share_whose_answer_is_lost() {
    for (share, mails) in [(TO_GUEST, 1), (TO_GROUP, 0), (TO_PERSON, 1)] {
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
                let before = members(scene).len();
                let rules = rule_with(scene, share);
                scene.listen_with(rules);
                scene.fail("PUT", SHARE, 1, effect.clone());
                scene.upload(&scene.client_room, "plan.docx");
                scene.work_to_the_end().await;
                let what = format!("{share} {effect:?}");
                is_shared_once(scene, before, mails, &what).await;
                assert_eq!(scene.calls("PUT", SHARE), calls, "{what}");
            })
            .await;
        }
    }
}

/// The request is still on its way when the service looks for the member, and an invitation would mail again.
#[tokio::test]
async fn an_invitation_in_flight_is_not_repeated() {
    scenario(async |scene| {
        let rules = rule_with(scene, TO_GUEST);
        scene.listen_with(rules);
        scene.fail("PUT", SHARE, 1, FaultEffect::Hold);
        scene.upload(&scene.client_room, "plan.docx");
        scene.decide().await;
        tokio::select! {
            _ = scene.worker.process_next() => panic!("the call is held"),
            () = async {
                crate::bounds::until(crate::bounds::STATE_BOUND, "the call is held", async || {
                    scene.portal.held_calls() > 0
                })
                .await;
            } => {}
        }
        let rules = scene.parts.rules.get().rules().to_vec();
        scene
            .restart_with_rules(
                rules,
                docspace_courier::actions::failpoint::Failpoints::default(),
            )
            .await;
        scene.work().await;
        assert_eq!(scene.calls("PUT", SHARE), 1);
        scene.portal.release_held_calls().await;
        scene.work_to_the_end().await;
        assert_eq!(scene.calls("PUT", SHARE), 1);
        assert_eq!(scene.portal.invitation_mails().len(), 1);
        assert_eq!(scene.count("share", "done").await, 1);
    })
    .await;
}

#[tokio::test]
async fn what_members_get() {
    scenario(async |scene| {
        let colleague = "anna.archivist@sandbox.example.test";
        let rules = rule_with(
            scene,
            "{ person = [\"CLIENT\"], group = \"GROUP\", email = [\"new@acme.example\", \"ANNA.archivist@sandbox.example.test\"], \
             role = \"commenter\" }",
        );
        scene.listen_with(rules);
        scene.upload(&scene.subfolder, "plan.docx");
        scene.work_to_the_end().await;
        let mut shared = members(scene);
        shared.retain(|(_, access)| *access == 6);
        shared.sort();
        let mut expected: Vec<(String, u8)> = [
            scene.portal.seed().group.as_str(),
            colleague,
            "chris.client@acme.example.test",
            "new@acme.example",
        ]
        .map(|member| (member.to_owned(), 6))
        .to_vec();
        expected.sort();
        assert_eq!(shared, expected);
        // Only the guest who is invited to the portal gets a mail.
        let mails = scene.portal.invitation_mails();
        assert_eq!(mails, [(scene.client_room.clone(), "new@acme.example".to_owned())]);
        // A role that is there needs no call.
        let calls = scene.calls("PUT", SHARE);
        scene.upload(&scene.client_room, "next.docx");
        scene.work_to_the_end().await;
        assert_eq!(scene.calls("PUT", SHARE), calls);
        assert_eq!(scene.count("share", "done").await, 8);
    })
    .await;
}

#[tokio::test]
async fn the_owner_of_a_room_stays_its_owner() {
    scenario(async |scene| {
        let rules = rule_with(
            scene,
            "{ email = [\"olga.owner@sandbox.example.test\"], role = \"manager\" }",
        );
        scene.listen_with(rules);
        scene.upload(&scene.client_room, "plan.docx");
        let before = members(scene);
        scene.work_to_the_end().await;
        assert_eq!(members(scene), before);
        assert_eq!(scene.calls("PUT", SHARE), 0);
    })
    .await;
}

/// Does this after the event was decided, and expects this code of the dead letter.
async fn dead_code(share: &str, prepare: impl AsyncFn(&Scene), code: &str) {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        scene.leaving(Leftover::WaitingActions, 1);
        let rules = rule_with(scene, share);
        scene.change_rules(rules);
        scene.upload(&scene.client_room, "plan.docx");
        scene.decide().await;
        prepare(scene).await;
        let before = members(scene);
        scene.work_to_the_end().await;
        assert_eq!(scene.dead_code().await.as_deref(), Some(code), "{share}");
        assert_eq!(members(scene), before, "{share}");
    })
    .await;
}

#[tokio::test]
async fn what_can_never_be_shared_is_a_dead_letter() {
    let nothing = async |_: &Scene| {};
    for share in [TO_GUEST, TO_GROUP, TO_PERSON] {
        let invalid = async |scene: &Scene| scene.fail("PUT", SHARE, 1, FaultEffect::Status(400));
        dead_code(share, invalid, "refused").await;
        let gone = async |scene: &Scene| scene.fail("PUT", SHARE, 1, FaultEffect::Status(404));
        dead_code(share, gone, "room_gone").await;
        let refused = async |scene: &Scene| {
            scene.fail("PUT", SHARE, u32::MAX, FaultEffect::Status(403));
        };
        dead_code(share, refused, "role_refused").await;
        let no_manager = async |scene: &Scene| {
            scene.portal.make_service_account_administrator();
            scene.portal.remove_service_account(&scene.client_room);
        };
        dead_code(share, no_manager, "no_right").await;
    }
    let disabled = async |scene: &Scene| {
        let colleague = scene.portal.seed().colleague.clone();
        scene.portal.disable_account(&colleague);
    };
    dead_code(TO_PERSON, disabled, "not_shared").await;
    let bad_address = "{ email = \"nobody@localhost\", role = \"viewer\" }";
    dead_code(bad_address, nothing, "not_shared").await;
    let stranger = "{ person = \"00000000-aaaa-bbbb-cccc-000000000000\", role = \"viewer\" }";
    dead_code(stranger, nothing, "no_account").await;
    let no_group = "{ group = \"00000000-aaaa-bbbb-cccc-000000000000\", role = \"viewer\" }";
    dead_code(no_group, nothing, "no_account").await;
    let unknown = "{ email = \"new@acme.example\", role = \"manager\" }";
    dead_code(unknown, nothing, "no_account").await;
    let plain = "{ person = \"COLLEAGUE\", role = \"manager\" }";
    dead_code(plain, nothing, "role_refused").await;
    let itself = "{ person = \"SELF\", role = \"viewer\" }";
    dead_code(itself, nothing, "no_right").await;
}

/// Such a user may not look up accounts, and the portal adds nobody.
#[tokio::test]
async fn a_key_that_may_not_look_people_up() {
    scenario(async |scene| {
        scene.portal.set_scopes(&["files:write", "rooms:write"]);
        let before = members(scene).len();
        let rules = rule_with(scene, TO_GUEST);
        scene.listen_with(rules);
        scene.upload(&scene.client_room, "plan.docx");
        scene.work_to_the_end().await;
        is_shared_once(scene, before, 1, "without accounts:read").await;
    })
    .await;
}
