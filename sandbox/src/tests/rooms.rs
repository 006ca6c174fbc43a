//! Changing, tagging, archiving and sharing rooms, and groups.

use super::*;

const ROOM: &str = "files/rooms/539564";

fn message(body: &Value) -> &str {
    body["error"]["message"].as_str().unwrap_or_default()
}

impl Served {
    fn room(&self) -> RoomView {
        let room = &self.portal.seed().client_room;
        self.portal.room(room).unwrap()
    }

    async fn share(&self, invitation: Value) -> (u16, Value) {
        let body = json!({ "invitations": [invitation], "notify": false });
        self.put(&format!("{ROOM}/share"), body).await
    }

    fn access_of(&self, id: &str) -> Option<u8> {
        let members = self.room().members;
        let member = members.iter().find(|member| member.id == id);
        member.map(|member| member.access)
    }

    async fn set_link(&self, path: &str, body: Value) -> (u16, Value) {
        self.put(&format!("{path}/links"), body).await
    }
}

#[tokio::test]
async fn tags_are_added_to_a_room_and_taken_off() {
    let served = Served::new().await;
    let path = format!("{ROOM}/tags");
    let body = json!({ "names": ["client", "docflow"] });
    let (status, tagged) = served.put(&path, body.clone()).await;
    assert_eq!(
        (status, &tagged["response"]["tags"]),
        (200, &json!(["client", "docflow"]))
    );
    served.put(&path, body).await;
    let removed = json!({ "names": ["client", "unknown"] });
    let (_, left) = served.call("DELETE", &path, Some(removed)).await;
    assert_eq!(left["response"]["tags"], json!(["docflow"]));
    assert_eq!(served.room().tags, ["docflow"]);
    assert_eq!(served.get("files/tags").await, json!(["client", "docflow"]));
    let tags = "%5B%22docflow%22%5D";
    let found = served.get(&format!("files/rooms?tags={tags}")).await;
    assert_eq!(found["total"], 1);
    assert_eq!(
        served.call("GET", "files/rooms?tags=docflow", None).await.0,
        500
    );
    assert_eq!(
        served
            .put("files/rooms/1/tags", json!({ "names": [] }))
            .await
            .0,
        404
    );
    assert_eq!(served.put(&path, json!({})).await.0, 400);
}

#[tokio::test]
async fn a_room_has_tags_from_its_creation() {
    let (receiver, url) = Receiver::responding(&[]).await;
    let served = Served::new().await;
    served.portal.add_webhook(&url, &[]);
    let body =
        json!({ "title": "Globex", "roomType": 5, "tags": ["docflow-7f3c91"], "color": "6191F2" });
    let (_, created) = served.call("POST", "files/rooms", Some(body)).await;
    let room = &created["response"];
    assert_eq!(
        (&room["tags"], &room["access"]),
        (&json!(["docflow-7f3c91"]), &json!(0))
    );
    assert_eq!(room["logo"]["color"], "6191F2");
    served.portal.wait_for_deliveries().await;
    let [event] = &receiver.bodies()[..] else {
        panic!()
    };
    assert_eq!(event["event"]["trigger"], "room.created");
    served.portal.make_service_account_plain();
    let body = json!({ "title": "Globex", "roomType": 5 });
    assert_eq!(served.call("POST", "files/rooms", Some(body)).await.0, 403);
    assert_eq!(
        served
            .call("POST", "files/tags", Some(json!({ "name": "a" })))
            .await
            .0,
        403
    );
}

#[tokio::test]
async fn rooms_and_folders_are_renamed() {
    let (receiver, url) = Receiver::responding(&[]).await;
    let served = Served::new().await;
    served.portal.add_webhook(&url, &[]);
    let title = |title: &str| json!({ "title": title });
    for _ in 0..2 {
        served.put(ROOM, title("Acme Ltd")).await;
        served
            .put("files/folder/539702", title("closed: 2026"))
            .await;
        served.put("files/folder/539702", title("closed")).await;
        served.put("files/folder/539702", title("closed")).await;
    }
    assert_eq!(served.room().title, "Acme Ltd");
    served.portal.wait_for_deliveries().await;
    let triggers = receiver.bodies();
    let count = |trigger: &str| {
        let triggers = triggers.iter();
        triggers
            .filter(|body| body["event"]["trigger"] == trigger)
            .count()
    };
    assert_eq!((count("room.updated"), count("folder.updated")), (2, 4));
    let (status, body) = served.put("files/rooms/1", title("a")).await;
    assert_eq!(
        (status, message(&body)),
        (403, "The required folder was not found")
    );
    assert_eq!(served.put("files/folder/1", title("a")).await.0, 404);
    served
        .portal
        .remove_service_account(&served.portal.seed().client_room);
    let (status, body) = served.put(ROOM, title("a")).await;
    assert_eq!(
        (status, message(&body)),
        (403, "You don't have permission to edit the room")
    );
}

#[tokio::test]
async fn a_room_is_archived_by_its_owner_or_an_administrator_while_no_file_is_open() {
    let (receiver, url) = Receiver::responding(&[]).await;
    let served = Served::new().await;
    served.portal.add_webhook(&url, &[]);
    let file = served.file("a.pdf");
    let run = async |call: &str| {
        let body = json!({ "deleteAfter": false });
        let (status, started) = served.put(&format!("{ROOM}/{call}"), body).await;
        assert_eq!(status, 200, "{started}");
        assert_eq!(started["response"]["Operation"], 0);
        served.portal.wait_for_operations().await;
        let id = started["response"]["id"].as_str().unwrap();
        served.get(&format!("files/fileops?id={id}")).await[0].clone()
    };
    let body = json!({ "deleteAfter": false });
    assert_eq!(
        served.put(&format!("{ROOM}/archive"), body.clone()).await.0,
        403
    );
    assert_eq!(served.put("files/rooms/1/archive", body).await.0, 404);
    served.portal.make_service_account_administrator();
    served.portal.open_in_editor(&file, true);
    let busy = run("archive").await;
    assert_eq!(
        (&busy["processed"], busy["error"] == ""),
        (&json!("0"), false)
    );
    served.portal.open_in_editor(&file, false);
    let archived = run("archive").await;
    assert_eq!(archived["folders"][0]["rootFolderType"], 20);
    assert_eq!(run("archive").await["processed"], "0");
    assert!(served.room().archived);
    assert_eq!(served.get("files/rooms").await["total"], 2);
    assert_eq!(
        served.get("files/rooms?searchArea=Archive").await["total"],
        1
    );
    assert_eq!(served.get("files/rooms?searchArea=Any").await["total"], 3);
    let path = format!("files/file/{file}");
    assert_eq!(served.put(&path, json!({ "title": "b" })).await.0, 403);
    assert_eq!(served.get(&path).await["rootFolderType"], 20);
    served.operate("copy", &file, 2).await;
    assert_eq!(served.inbox().len(), 1);

    run("unarchive").await;
    assert!(!served.room().archived);
    served.portal.wait_for_deliveries().await;
    let mut triggers: Vec<_> = receiver
        .bodies()
        .iter()
        .map(|body| body["event"]["trigger"].as_str().unwrap().to_owned())
        .collect();
    triggers.sort();
    assert_eq!(triggers, ["file.copied", "room.archived", "room.restored"]);
}

#[tokio::test]
async fn a_room_is_shared_with_people_and_groups() {
    let (receiver, url) = Receiver::responding(&[]).await;
    let served = Served::new().await;
    served.portal.add_webhook(&url, &[]);
    let seed = served.portal.seed();
    let (client, group) = (seed.client_user.as_str(), seed.group.as_str());
    let (_, shared) = served.share(json!({ "id": client, "access": 2 })).await;
    let member = &shared["response"]["members"][0];
    assert_eq!(
        (&member["access"], &member["sharedToUser"]["isVisitor"]),
        (&json!(2), &json!(true))
    );
    let (_, again) = served
        .share(json!({ "id": client, "access": "Read" }))
        .await;
    assert_eq!(again["response"], json!({ "members": [], "error": 0 }));
    served.share(json!({ "id": group, "access": 10 })).await;
    assert_eq!(
        (served.access_of(client), served.access_of(group)),
        (Some(2), Some(10))
    );

    let (_, listed) = served
        .call("GET", &format!("{ROOM}/share?filterType=0"), None)
        .await;
    assert_eq!((&listed["count"], &listed["total"]), (&json!(4), &json!(4)));
    let subjects: Vec<_> = listed["response"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| json!([member["access"], member["subjectType"]]))
        .collect();
    assert_eq!(subjects[..2], [json!([1, 0]), json!([10, 2])]);
    let groups = served.get(&format!("{ROOM}/share?filterType=32")).await;
    assert_eq!(groups[0]["sharedToGroup"]["name"], "Accounting");

    // A text that is not a level removes.
    served
        .share(json!({ "id": client, "access": "Reader" }))
        .await;
    assert_eq!(served.access_of(client), None);
    served.portal.wait_for_deliveries().await;
    assert!(receiver.bodies().is_empty(), "sharing raises no event");
}

#[tokio::test]
async fn an_unknown_address_becomes_a_guest_who_gets_a_mail() {
    let served = Served::new().await;
    let email = "new.client@partner.example.test";
    for level in [2, 10] {
        let (status, shared) = served
            .share(json!({ "email": email, "access": level }))
            .await;
        assert_eq!((status, &shared["response"]["members"]), (200, &json!([])));
    }
    let guest = served.portal.account_with_email(email).unwrap();
    assert_eq!(served.access_of(&guest), Some(10));
    assert_eq!(served.portal.invitation_mails().len(), 2);
    let person = served.get(&format!("people/{guest}")).await;
    assert_eq!(
        (&person["status"], &person["displayName"]),
        (&json!(4), &json!(email))
    );
    served.share(json!({ "email": email, "access": 0 })).await;
    assert_eq!(
        served.access_of(&guest),
        Some(10),
        "addresses are not looked up for a removal"
    );
    let (status, warned) = served
        .share(json!({ "email": "nobody", "access": 2 }))
        .await;
    assert_eq!(
        (status, warned["response"]["warning"].is_string()),
        (200, true)
    );
}

#[tokio::test]
async fn levels_that_a_room_or_account_does_not_allow_are_refused_mid_list() {
    let served = Served::new().await;
    let seed = served.portal.seed();
    let (client, colleague) = (seed.client_user.as_str(), seed.colleague.as_str());
    for invitation in [
        json!({ "id": client, "access": 9 }),
        json!({ "id": client, "access": 7 }),
        json!({ "id": seed.group, "access": 9 }),
        json!({ "email": "olga.owner@sandbox.example.test", "access": 9 }),
    ] {
        let (status, body) = served.share(invitation.clone()).await;
        assert_eq!(
            (status, message(&body)),
            (403, "The role is not available for this user type"),
            "{invitation}"
        );
    }
    let body = json!({ "invitations": [
        { "id": colleague, "access": 2 },
        { "id": client, "access": 9 },
        { "id": seed.group, "access": 2 },
    ]});
    assert_eq!(served.put(&format!("{ROOM}/share"), body).await.0, 403);
    assert_eq!(served.access_of(colleague), Some(2));
    assert_eq!(served.access_of(&seed.group), None);
    served.portal.disable_account(client);
    served.share(json!({ "id": client, "access": 2 })).await;
    assert_eq!(
        served.access_of(client),
        Some(11),
        "disabled accounts are ignored"
    );
    let empty = served
        .put(&format!("{ROOM}/share"), json!({ "invitations": [] }))
        .await;
    assert_eq!(empty.1["response"], json!({ "error": 0 }));
    assert_eq!(
        served
            .put("files/rooms/1/share", json!({ "invitations": [] }))
            .await
            .0,
        404
    );
    served.portal.remove_service_account(&seed.client_room);
    assert_eq!(
        served.share(json!({ "id": client, "access": 2 })).await.0,
        403
    );
}

#[tokio::test]
async fn a_link_with_an_id_of_ones_own_is_updated_by_a_repeat() {
    let served = Served::new().await;
    let id = "8a61c0de-7f52-4d0c-b1a9-0c5e4d3f2b02";
    let link = |access: u8, expires: &str| json!({ "linkId": id, "access": access, "linkType": 1, "title": "Auditor", "expirationDate": expires });
    for access in [2, 10] {
        let (status, set) = served.set_link(ROOM, link(access, "2100-01-01")).await;
        assert_eq!(status, 200, "{set}");
    }
    let [found] = &served.room().links[..] else {
        panic!()
    };
    assert_eq!(
        (found.id.as_str(), found.access, found.invites),
        (id, 10, false)
    );
    assert_eq!(
        found.expires, None,
        "a date that cannot be read means that it does not expire"
    );
    let (status, _) = served.set_link(ROOM, link(2, "2100-01-01T00:00:00Z")).await;
    assert_eq!(status, 400);
    let (status, deleted) = served.set_link(ROOM, link(0, "")).await;
    assert_eq!((status, deleted.get("response")), (200, None));
    assert!(served.room().links.is_empty());

    let invitation = json!({ "access": 2, "expirationDate": "2020-01-01T00:00:00Z" });
    assert_eq!(served.set_link(ROOM, invitation).await.0, 400);
    for status in [200, 403] {
        assert_eq!(
            served.set_link(ROOM, json!({ "access": 2 })).await.0,
            status
        );
    }
    assert!(served.room().links[0].invites);
    let short = json!({ "access": 2, "linkType": 1, "password": "short" });
    assert_eq!(served.set_link(ROOM, short).await.0, 400);
}

#[tokio::test]
async fn the_primary_link_is_created_by_reading_it() {
    let served = Served::new().await;
    let file = served.file("a.pdf");
    let path = format!("files/file/{file}");
    assert_eq!(served.get(&format!("{path}/links")).await, json!([]));
    let link = served.get(&format!("{path}/link")).await;
    let body = json!({ "access": 10, "title": "ignored" });
    let (_, again) = served
        .call("POST", &format!("{path}/link"), Some(body))
        .await;
    assert_eq!(again["response"], link);
    assert_eq!(served.portal.links_to_file(&file)[0].access, 2);
    for _ in 0..5 {
        assert_eq!(served.set_link(&path, json!({ "access": 2 })).await.0, 200);
    }
    let (status, body) = served.set_link(&path, json!({ "access": 2 })).await;
    assert_eq!(
        (status, message(&body)),
        (403, "The maximum number of links may not exceed 6")
    );
    let other = served.file("b.pdf");
    let (status, body) = served
        .call("POST", &format!("files/file/{other}/link"), Some(json!({})))
        .await;
    assert_eq!((status, body.get("response")), (200, None));
    assert_eq!(
        served.get(&format!("{ROOM}/link")).await["sharedLink"]["primary"],
        true
    );
    assert_eq!(
        served
            .get(&format!("{ROOM}/links?type=1"))
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(served.get(&format!("{ROOM}/links?type=0")).await, json!([]));
}

#[tokio::test]
async fn people_are_found_by_id_name_and_address() {
    let served = Served::new().await;
    let colleague = &served.portal.seed().colleague;
    for path in [
        format!("people/{colleague}"),
        "people/anna.archivist".to_owned(),
        "people/email?email=Anna.Archivist%40sandbox.example.test".to_owned(),
    ] {
        let person = served.get(&path).await;
        assert_eq!(person["displayName"], "Anna Archivist", "{path}");
        assert_eq!(person["isCollaborator"], true);
        assert_eq!(person["groups"][0]["name"], "Accounting");
    }
    assert_eq!(
        served
            .get("people/filter?filterValue=anna")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(served.call("GET", "people/email?email=", None).await.0, 400);
    assert_eq!(served.call("GET", "people/nobody", None).await.0, 404);
    served.portal.make_service_account_plain();
    assert_eq!(
        served.call("GET", "people/anna.archivist", None).await.0,
        403
    );
    assert_eq!(served.call("GET", "group", None).await.0, 403);
}

#[tokio::test]
async fn administrators_change_the_members_of_a_group() {
    let served = Served::new().await;
    let seed = served.portal.seed();
    let path = format!("group/{}/members", seed.group);
    let add = json!({ "members": [seed.service_account, seed.client_user, "nobody"] });
    assert_eq!(served.put(&path, add.clone()).await.0, 403);
    served.portal.make_service_account_administrator();
    let (status, added) = served.put(&path, add).await;
    assert_eq!(
        (status, &added["response"]["membersCount"]),
        (200, &json!(2))
    );
    let members = served.portal.group_members(&seed.group);
    assert_eq!(
        members,
        [seed.colleague.clone(), seed.service_account.clone()]
    );
    let removed = json!({ "members": [seed.colleague] });
    served.call("DELETE", &path, Some(removed)).await;
    let group = served.get(&format!("group/{}", seed.group)).await;
    assert_eq!(group["members"][0]["id"], json!(seed.service_account));
    let without = served
        .get(&format!("group/{}?includeMembers=false", seed.group))
        .await;
    assert_eq!(without.get("members"), None);
    assert_eq!(served.put("group/1/members", json!({})).await.0, 404);

    // The group opens the rooms that are shared with it.
    served.portal.remove_service_account(&seed.other_room);
    let path = format!("files/rooms/{}", seed.other_room);
    assert_eq!(served.get(&path).await["inRoom"], false);
}

/// A portal with a template that contains a file in a folder.
async fn with_template(operation_time: Duration) -> (Served, FolderId) {
    let served = Served::new().await;
    served.portal.set_operation_time(operation_time);
    let template = served.portal.create_template("Client");
    let folder = served.portal.create_folder(&template, "Invoices");
    served
        .portal
        .upload(&folder, "read me.txt", b"1", UploadEvents::None);
    (served, template)
}

impl Served {
    async fn create_from(&self, template: &FolderId, title: &str) -> Value {
        let body = json!({ "templateId": template, "title": title, "tags": ["docflow-1"] });
        let path = "files/rooms/fromTemplate";
        let (status, started) = self.call("POST", path, Some(body)).await;
        assert_eq!(status, 200, "{started}");
        started["response"].clone()
    }
}

#[tokio::test]
async fn a_room_is_created_from_a_template_with_one_event() {
    let (receiver, url) = Receiver::responding(&[]).await;
    let (served, template) = with_template(Duration::ZERO).await;
    served.portal.add_webhook(&url, &[]);
    let done = served.create_from(&template, "Initech").await;
    assert_eq!(done["isCompleted"], true);
    let room = FolderId::from(done["roomId"].as_i64().unwrap());
    let view = served.portal.room(&room).unwrap();
    assert_eq!(
        (view.title.as_str(), view.tags),
        ("Initech", vec!["docflow-1".to_owned()])
    );
    let [copy] = &served.portal.folders_in(&room)[..] else {
        panic!()
    };
    assert_eq!(served.portal.files_in(copy)[0].title, "read me.txt");
    served.portal.wait_for_deliveries().await;
    let [event] = &receiver.bodies()[..] else {
        panic!()
    };
    assert_eq!(event["event"]["trigger"], "room.created");
    let templates = served.get("files/rooms?searchArea=4").await;
    assert_eq!(templates["folders"][0]["id"], json!(template));

    let failed = served.create_from(&FolderId::from(1), "Initech").await;
    assert_eq!(
        (&failed["roomId"], &failed["error"]),
        (&json!(-1), &json!("Access denied"))
    );
}

#[tokio::test]
async fn a_second_creation_from_a_template_is_dropped_while_one_runs() {
    let (served, template) = with_template(Duration::from_hours(1)).await;
    let status = "files/rooms/fromTemplate/status";
    let (_, none) = served.call("GET", status, None).await;
    assert_eq!(none.get("response"), None);
    let queued = json!({ "roomId": -1, "progress": 0, "error": "", "isCompleted": false });
    for title in ["Initech", "dropped"] {
        assert_eq!(served.create_from(&template, title).await, queued);
    }
    assert_eq!(served.get(status).await, queued);
    assert_eq!(served.portal.rooms().len(), 3);
}

#[tokio::test]
async fn pinned_rooms_come_first_and_there_are_ten_at_most() {
    let served = Served::new().await;
    let seed = served.portal.seed();
    let pin = async |room: &FolderId, call: &str| {
        let path = format!("files/rooms/{room}/{call}");
        served.call("PUT", &path, None).await
    };
    let (status, pinned) = pin(&seed.internal_room, "pin").await;
    assert_eq!((status, &pinned["response"]["pinned"]), (200, &json!(true)));
    let first = served.get("files/rooms").await["folders"][0].clone();
    assert_eq!(first["id"], json!(seed.internal_room));
    for number in 0..9 {
        let room = json!({ "title": format!("room {number}"), "roomType": 5 });
        let (_, created) = served.call("POST", "files/rooms", Some(room)).await;
        let id = FolderId::from(created["response"]["id"].as_i64().unwrap());
        assert_eq!(pin(&id, "pin").await.0, 200);
    }
    for room in [&seed.client_room, &seed.internal_room, &FolderId::from(1)] {
        let (status, body) = pin(room, "pin").await;
        assert_eq!((status, message(&body)), (403, "You can't pin a room"));
    }
    assert_eq!(pin(&seed.internal_room, "unpin").await.0, 200);
    assert_eq!(pin(&seed.client_room, "pin").await.0, 200);
}
