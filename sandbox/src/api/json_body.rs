//! The JSON body of a request. One that cannot be read is refused as by the portal, not as by the HTTP library.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::response::{IntoResponse as _, Response};
use serde::de::DeserializeOwned;

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
        match Json::<T>::from_request(request, portal).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(JsonRejection::MissingJsonContentType(_)) => {
                Err(ApiError::UnsupportedBody.into_response())
            }
            Err(_) => Err(responder.invalid("$", "The JSON value could not be converted.")),
        }
    }
}
