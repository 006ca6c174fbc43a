//! The portal's settings and version, which it also shows to anonymous visitors (docs/DOCSPACE.md A10.3).

use axum::extract::State;
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::{ApiError, Responder, authorization};
use crate::access::Authorization;
use crate::portal::Portal;
use crate::user::User;

/// The version of the portal that the sandbox imitates, and of its document editors.
const DOCSPACE_VERSION: &str = "3.7.2";
const DOCS_VERSION: &str = "9.2.1";

/// The languages that the configuration of the portal enables.
const CULTURES: [&str; 29] = [
    "az", "bg", "cs", "de", "el-GR", "en-GB", "en-US", "es", "fi", "fr", "hy-AM", "it", "ja-JP",
    "ko-KR", "lo-LA", "lv", "nl", "pl", "pt", "pt-BR", "ro", "ru", "si", "sk", "sl", "tr", "uk-UA",
    "vi", "zh-CN",
];

/// The owner whom anonymous visitors see, which says nothing.
const NO_OWNER: &str = "00000000-0000-0000-0000-000000000000";

/// The versions of the portal and of its editors.
pub(super) async fn version(
    State(portal): State<Portal>,
    headers: HeaderMap,
    responder: Responder,
) -> Result<Response, ApiError> {
    caller(&portal, &headers)?;
    Ok(responder.ok(&json!({ "docSpace": DOCSPACE_VERSION, "documentServer": DOCS_VERSION })))
}

/// The languages of the portal.
pub(super) async fn cultures(
    State(portal): State<Portal>,
    headers: HeaderMap,
    responder: Responder,
) -> Result<Response, ApiError> {
    caller(&portal, &headers)?;
    Ok(responder.ok(&json!(CULTURES)))
}

/// The settings. Anonymous visitors see no time zone, and defaults instead of the offset and the owner.
pub(super) async fn settings(
    State(portal): State<Portal>,
    headers: HeaderMap,
    responder: Responder,
) -> Result<Response, ApiError> {
    let mut settings = json!({
        "trustedDomainsType": 0,
        "culture": "en-US",
        "greetingSettings": "Web Office",
        "docSpace": true,
        "standalone": false,
        "baseDomain": "example.test",
        "version": DOCSPACE_VERSION,
        "tenantStatus": 0,
        "tenantAlias": "sandbox",
    });
    let own = match caller(&portal, &headers)? {
        Caller::Anonymous => json!({
            "utcOffset": "00:00:00",
            "utcHoursOffset": 0,
            "ownerId": NO_OWNER,
            "enabledJoin": false,
        }),
        Caller::SignedIn => json!({
            "timezone": "Europe/Riga",
            "trustedDomains": [],
            "utcOffset": "02:00:00",
            "utcHoursOffset": 2,
            "ownerId": User::Owner.id(),
            "invitationLimit": i32::MAX,
        }),
    };
    if let (Value::Object(settings), Value::Object(own)) = (&mut settings, own) {
        settings.extend(own);
    }
    Ok(responder.ok(&settings))
}

enum Caller {
    Anonymous,
    SignedIn,
}

/// Who calls. A key is refused without the scope, although anonymous visitors may call.
fn caller(portal: &Portal, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let given = headers.get(header::AUTHORIZATION);
    let call = (&Method::GET, "/api/2.0/settings");
    match authorization(portal, given, Some(call)) {
        Authorization::Allowed => Ok(Caller::SignedIn),
        Authorization::NoKey => Ok(Caller::Anonymous),
        Authorization::BadKey | Authorization::ScopeMissing => Err(ApiError::ScopeMissing),
    }
}
