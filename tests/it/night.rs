//! A night without mail server and pipeline, and with a file open in the editor: in the morning, everything is
//! done without a manual replay.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use docspace_courier::actions::Call;
use docspace_courier::catch_up::ListRooms;
use docspace_courier::notify::Channels;
use docspace_courier::notify::mail::Mailer;
use docspace_courier::pipeline::{Pipeline, PipelineSettings};

use crate::mail_server::MailServer;
use crate::notify::{by_mail, closed_port, notify};
use crate::pipeline::Receiver;
use crate::scene::{Scene, scenario};

/// How the clock moves, as timers do.
const STEP: Duration = Duration::from_secs(30);

/// How often missed deliveries are fetched.
const CATCH_UP_INTERVAL: Duration = Duration::from_mins(5);

/// The most calls to the portal in the night: ten a minute on average.
const MAX_CALLS: usize = 6_000;

/// Works for this long, and catches up regularly.
async fn work_for(scene: &Scene, time: Duration) {
    let catch_up = scene.catch_up();
    for step in 0..time.as_secs() / STEP.as_secs() {
        scene.work().await;
        if step % (CATCH_UP_INTERVAL.as_secs() / STEP.as_secs()) == 0 {
            catch_up.run_once(ListRooms::IfNeeded).await.unwrap();
        }
        scene.clock.advance(STEP);
    }
    scene.work().await;
}

#[tokio::test]
async fn after_a_night_of_ten_hours_everything_is_done() {
    scenario(async |scene| {
        let [mail, pipeline] = [closed_port(), closed_port()];
        let settings = PipelineSettings {
            name: "pipeline".to_owned(),
            url: format!("http://127.0.0.1:{pipeline}/hook").into(),
            signer: None,
        };
        let channels = Channels {
            pipeline: Some(Pipeline::new(settings).unwrap()),
            ..by_mail(Mailer::new(MailServer::plain(mail)).unwrap())
        };
        let mut actions = notify(&["manager@example.com"]);
        actions.push(Call::Call.into());
        scene.notify_after_move(channels, actions);

        let open = scene.upload(&scene.client_room, "Invoice open.pdf");
        scene.portal.open_in_editor(&open, true);
        for hour in 1..=10 {
            scene.upload(&scene.client_room, &format!("Invoice {hour}.pdf"));
            work_for(scene, Duration::from_hours(1)).await;
        }
        assert_eq!(scene.failures().await, 0);
        assert_eq!(scene.titles(&scene.internal).len(), 11);
        assert_eq!(scene.titles(&scene.incoming).len(), 10);
        assert_eq!(scene.count("notify", "waiting").await, 11);
        assert_eq!(scene.count("call", "waiting").await, 11);
        let mut calls: BTreeMap<String, usize> = BTreeMap::new();
        for call in scene.portal.calls() {
            *calls
                .entry(format!("{} {}", call.method, call.path))
                .or_default() += 1;
        }
        assert!(calls.values().sum::<usize>() < MAX_CALLS, "{calls:?}");

        let server = MailServer::start(&["--port", &mail.to_string()]);
        let receiver = Receiver::start_on(pipeline).await;
        scene.portal.open_in_editor(&open, false);
        work_for(scene, Duration::from_mins(20)).await;
        assert_eq!(scene.titles(&scene.incoming).len(), 11);
        let mails = server.mails(11).await;
        let subjects: BTreeSet<&str> = mails.iter().map(|mail| mail.header("Subject")).collect();
        assert_eq!(subjects.len(), 11, "{subjects:?}");
        assert_eq!(receiver.calls().len(), 11);
    })
    .await;
}
