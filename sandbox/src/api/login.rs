//! Signing in with a name and a password (docs/DOCSPACE.md 6).

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;

use super::json_body::JsonBody;
use super::{ApiError, ApiResult, Responder, authorization};
use crate::access::Authorization;
use crate::json::date;
use crate::portal::Portal;
use crate::user::User;

/// How long a login token is valid.
const VALIDITY: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The credentials of an account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Credentials {
    user_name: Option<String>,
    password: Option<String>,
}

/// Signs in. The sandbox knows one account that can: the service account, whose password is the API key.
pub(super) async fn sign_in(
    State(portal): State<Portal>,
    responder: Responder,
    JsonBody(body): JsonBody<Credentials>,
) -> ApiResult {
    let is_known = body.user_name.as_deref() == Some(User::Service.email().as_str())
        && body.password.as_deref() == Some(portal.api_key());
    if !is_known {
        return Err(ApiError::BadCredentials);
    }
    let token = portal.state().access.add_token();
    Ok(responder.ok(&json!({
        "token": token,
        "expires": date(portal.now() + VALIDITY),
        "sms": false,
        "tfa": false,
    })))
}

/// Whether the caller is signed in. Anonymous visitors may ask, too.
pub(super) async fn is_signed_in(
    State(portal): State<Portal>,
    headers: HeaderMap,
    responder: Responder,
) -> Response {
    let given = headers.get(header::AUTHORIZATION);
    match authorization(&portal, given, None) {
        Authorization::Allowed => responder.ok(&true.into()),
        Authorization::NoKey => responder.ok(&false.into()),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}
