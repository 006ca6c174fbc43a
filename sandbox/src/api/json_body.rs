//! The JSON body of a request. One that cannot be read is refused as by the portal, not as by the HTTP library. As in .NET,
//! a member may start with a capital.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::response::{IntoResponse as _, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ApiError, Responder};
use crate::portal::Portal;

/// A JSON body of this type.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Portal> for JsonBody<T> {
    type Rejection = Response;

    async fn from_request(request: Request, portal: &Portal) -> Result<Self, Response> {
        let (mut head, body) = request.into_parts();
        let Ok(responder) = Responder::from_request_parts(&mut head, portal).await;
        let request = Request::from_parts(head, body);
        let body = match Json::<Value>::from_request(request, portal).await {
            Ok(Json(body)) => serde_json::from_value(with_small_initials(body)).ok(),
            Err(JsonRejection::MissingJsonContentType(_)) => {
                return Err(ApiError::UnsupportedBody.into_response());
            }
            Err(_) => None,
        };
        body.map(Self)
            .ok_or_else(|| responder.invalid("$", "The JSON value could not be converted."))
    }
}

fn with_small_initials(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(mut name, value)| {
                if let Some(initial) = name.get_mut(..1) {
                    initial.make_ascii_lowercase();
                }
                (name, with_small_initials(value))
            });
            Value::Object(members.collect())
        }
        Value::Array(values) => values.into_iter().map(with_small_initials).collect(),
        other => other,
    }
}
