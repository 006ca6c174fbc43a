use super::*;

fn notification(title: &str) -> Notification {
    Notification {
        rule: "invoice".to_owned(),
        kind: EntryKind::File,
        file: FileId::from(7),
        title: title.to_owned(),
        room: Some(NamedFolder {
            id: FolderId::from(100),
            title: Some("Acme & Sons".to_owned()),
        }),
        folder: None,
        trigger: None,
        actor: Some("Chris Client".to_owned()),
        happened_at: "2026-03-02T09:14:31Z".parse().unwrap(),
        current_folder: Some(NamedFolder {
            id: FolderId::from(300),
            title: None,
        }),
        is_copy: false,
        link: "https://portal.example/doceditor?fileid=7".to_owned(),
        results: Results::default(),
        locale: Locale::default(),
    }
}

/// What a person sees.
fn shown(text: &str) -> String {
    text.replace('\u{200b}', "")
}

#[test]
fn the_default_email() {
    let text = notification("Invoice 1.pdf").email(String::new()).text;
    assert_eq!(
        shown(&text).replace('\r', ""),
        "New invoice\n\n  \
         File         Invoice 1.pdf\n  \
         Uploaded by  Chris Client\n  \
         Uploaded on  2 March 2026, 09:14 UTC\n  \
         Room         Acme & Sons (id 100)\n  \
         Moved to     id 300\n\n\
         Open it: https://portal.example/doceditor?fileid=7\n\n-- \n\
         Sent by docspace-courier, rule invoice\n"
    );
}

#[test]
fn the_default_texts_in_another_language_and_time_zone() {
    let german = Notification {
        locale: Locale {
            language: Language::De,
            zone: jiff::tz::TimeZone::get("Europe/Berlin").unwrap(),
        },
        ..notification("Rechnung 1.pdf")
    };
    let email = german.email(String::new());
    assert_eq!(email.subject, "Neue Rechnung: Rechnung 1.pdf");
    assert_eq!(
        shown(&email.text).replace('\r', ""),
        "Neue Rechnung\n\n  \
         Datei            Rechnung 1.pdf\n  \
         Hochgeladen von  Chris Client\n  \
         Hochgeladen am   2. März 2026, 10:14 CET\n  \
         Raum             Acme & Sons (ID 100)\n  \
         Verschoben nach  ID 300\n\n\
         Öffnen: https://portal.example/doceditor?fileid=7\n\n-- \n\
         Gesendet von docspace-courier, Regel invoice\n"
    );
    let html = email.html.unwrap();
    assert!(html.contains("<html lang=\"de\">"), "{html}");
    assert!(html.contains(">Öffnen</a>"), "{html}");
    assert_eq!(
        shown(&german.chat_message(ChatFormat::Slack)),
        "Neue Rechnung: Rechnung 1.pdf – hochgeladen von Chris Client in Acme &amp; Sons (ID 100), \
         jetzt in ID 300: https://portal.example/doceditor?fileid=7"
    );
    let templates = MessageTemplates {
        text: Some(MessageTemplate::parse("{time}").unwrap()),
        subject: None,
    };
    let email = german.email_with(&templates, String::new());
    assert_eq!(email.text, "2026-03-02 10:14 CET");
}

#[test]
fn a_copied_file_was_not_moved() {
    let copied = Notification {
        is_copy: true,
        ..notification("Invoice 1.pdf")
    };
    let text = copied.email(String::new()).text;
    assert!(text.contains("  Copied to    id 300"), "{text}");
    assert!(!text.contains("Moved to"), "{text}");
    let line = copied.chat_message(ChatFormat::Slack);
    assert!(line.contains(", copied to id 300:"), "{line}");
}

#[test]
fn the_default_texts_of_other_events_do_not_speak_of_an_upload() {
    let trashed = Notification {
        rule: "critical files".to_owned(),
        trigger: Some("file.trashed".to_owned()),
        current_folder: None,
        ..notification("Report.pdf")
    };
    assert_eq!(
        trashed.subject(),
        "critical files (file.trashed): Report.pdf"
    );
    assert_eq!(
        shown(&trashed.chat_message(ChatFormat::Slack)),
        "critical files (file.trashed): Report.pdf – by Chris Client in Acme & Sons (id 100): \
         https://portal.example/doceditor?fileid=7"
            .replace('&', "&amp;")
    );
    let text = trashed.email(String::new()).text;
    assert!(text.contains("  By           Chris Client"), "{text}");
    assert!(!text.to_lowercase().contains("upload"), "{text}");
}

#[test]
fn templates_are_rendered_and_the_subject_stays_one_line() {
    let template = |text: &str| Some(crate::template::MessageTemplate::parse(text).unwrap());
    let templates = MessageTemplates {
        subject: template("{rule}: {title}"),
        text: template("{title} by {person}\nin {room}, now {folder}: {link}\n{time}"),
    };
    let hostile = "a.pdf\r\nBcc: everybody@x.example <b>";
    let email = notification(hostile).email_with(&templates, String::new());
    assert_eq!(email.html, None);
    assert_eq!(
        email.subject,
        "invoice: a.pdf  Bcc: everybody@x.example <b>"
    );
    assert_eq!(
        shown(&email.text),
        "a.pdf  Bcc: everybody@x.example <b> by Chris Client\r\nin Acme & Sons, now 300: \
         https://portal.example/doceditor?fileid=7\r\n2026-03-02 09:14 UTC"
    );
    let line = notification("<!channel> @all.pdf").chat_message_with(&templates, ChatFormat::Slack);
    assert!(
        !line.contains("<!channel>") && !line.contains("@all"),
        "{line}"
    );

    let unknown = Notification {
        room: None,
        current_folder: None,
        actor: None,
        ..notification("a.pdf")
    };
    let text = unknown.email_with(&templates, String::new()).text;
    assert!(shown(&text).starts_with("a.pdf by \r\nin , now : https://"));
}

#[test]
fn untrusted_text_is_escaped_in_every_form() {
    let hostile = "Invoice <b onclick=\"x\">\r\nNow in: nowhere @all.pdf";
    let email = notification(hostile).email(String::new());
    let html = email.html.unwrap();
    assert!(!html.contains("<b onclick"), "{html}");
    assert!(html.contains("Acme &#38; Sons"), "{html}");
    assert!(!email.text.contains("\nNow in: nowhere"), "{}", email.text);
    let reversed = notification("invoice\u{202e}fdp.exe");
    let email = reversed.email(String::new());
    for text in [
        email.text,
        email.html.unwrap(),
        reversed.chat_message(ChatFormat::Slack),
    ] {
        assert!(shown(&text).contains("invoicefdp.exe"), "{text}");
    }
    let line = notification(hostile).chat_message(ChatFormat::Slack);
    assert!(!line.contains("<b") && !line.contains("@all"), "{line}");
    assert!(!line.contains('\n'), "{line}");
}
