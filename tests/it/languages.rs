//! The language and time zone of notifications and alerts: as configured, or as the portal has them.

use docspace_courier::alerts::AlertRecipients;
use docspace_courier::notify::{Channels, Language, LocaleSource, PartialLocale};
use docspace_sandbox::FaultEffect;
use jiff::tz::TimeZone;

use crate::mail_server::MailServer;
use crate::notify::{by_mail, notify};
use crate::scene::{Leftover, Scene, scenario};
use crate::untrusted_text::shown;

const MANAGER: &str = "manager@example.com";

fn channels(server: &MailServer, language: Option<Language>, zone: Option<&str>) -> Channels {
    let zone = zone.map(|name| TimeZone::get(name).unwrap());
    Channels {
        locale: LocaleSource::new(PartialLocale { language, zone }),
        ..by_mail(server.mailer())
    }
}

/// The text of the email about an invoice.
async fn text_of_email(
    scene: &mut Scene,
    language: Option<Language>,
    zone: Option<&str>,
) -> String {
    let server = MailServer::start(&[]);
    scene.notify_after_move(channels(&server, language, zone), notify(&[MANAGER]));
    scene.upload(&scene.client_room, "Invoice.pdf");
    scene.work_to_the_end().await;
    shown(server.mails(1).await[0].text())
}

#[tokio::test]
async fn an_email_in_the_configured_language_and_time_zone() {
    scenario(async |scene| {
        let text = text_of_email(scene, Some(Language::De), Some("Europe/Berlin")).await;
        assert!(text.contains("Neue Rechnung"), "{text}");
        assert!(
            text.contains("Hochgeladen am   2. März 2026, 10:00 CET"),
            "{text}"
        );
        assert_eq!(scene.calls("GET", "/settings"), 0, "nobody has to be asked");
    })
    .await;
}

#[tokio::test]
async fn the_time_zone_of_the_portal() {
    scenario(async |scene| {
        let text = text_of_email(scene, None, None).await;
        assert!(
            text.contains("Uploaded on  2 March 2026, 11:00 EET"),
            "{text}"
        );
        assert_eq!(scene.calls("GET", "/settings"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_may_not_read_the_time_zone() {
    scenario(async |scene| {
        let scopes = ["files:write", "rooms:read", "accounts.self:read"];
        scene.portal.set_scopes(&scopes);
        let text = text_of_email(scene, None, None).await;
        assert!(
            text.contains("Uploaded on  2 March 2026, 09:00 UTC"),
            "{text}"
        );
        // With the key, and without it, as anybody sees them.
        assert_eq!(scene.calls("GET", "/settings"), 2);
    })
    .await;
}

#[tokio::test]
async fn a_portal_that_does_not_say_its_settings_delays_nothing() {
    scenario(async |scene| {
        scene.fail("GET", "/settings", 10, FaultEffect::DropBefore);
        let text = text_of_email(scene, Some(Language::Fr), None).await;
        assert!(text.contains("Ouvrir : http://"), "{text}");
        assert!(
            text.contains("Déposé le     2 mars 2026, 09:00 UTC"),
            "{text}"
        );
    })
    .await;
}

#[tokio::test]
async fn an_alert_in_the_configured_language() {
    scenario(async |scene| {
        scene.leaving(Leftover::DeadLetters, 1);
        let server = MailServer::start(&[]);
        let channels = channels(&server, Some(Language::Ru), None);
        scene.notify_after_move(channels, Vec::new());
        scene.fail("PUT", "fileops/move", 1_000, FaultEffect::Status(400));
        scene.upload(&scene.client_room, "Invoice.pdf");
        scene.work_to_the_end().await;
        let recipients = AlertRecipients {
            addresses: vec!["operator@example.com".to_owned()],
            mailer: Some(server.mailer()),
            chat: None,
        };
        scene.parts.alerts(recipients).run_once().await;
        let mails = server.mails(1).await;
        let subject = mails[0].header("Subject");
        assert_eq!(subject, "docspace-courier: 1 действие не выполнено");
        let text = mails[0].text();
        assert!(
            text.contains("events replay --dead --all   повторяет их"),
            "{text}"
        );
    })
    .await;
}
