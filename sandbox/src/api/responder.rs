//! The envelope of responses (docs/DOCSPACE.md 5.1).

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::portal::Portal;

/// Writes the envelope of a response, which contains a link to the call itself.
pub(super) struct Responder {
    pub(super) base_url: String,
    path: String,
    method: String,
}

impl FromRequestParts<Portal> for Responder {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        portal: &Portal,
    ) -> Result<Self, Self::Rejection> {
        let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
        Ok(Self {
            base_url: portal.state().base_url(),
            path: path.to_owned(),
            method: parts.method.to_string(),
        })
    }
}

impl Responder {
    /// A successful response.
    pub(super) fn ok(&self, response: &Value) -> Response {
        json_response(&self.envelope(response))
    }

    /// A successful response with a page of a longer list.
    pub(super) fn page(&self, response: &Value, total: usize) -> Response {
        let mut envelope = self.envelope(response);
        envelope["total"] = total.into();
        json_response(&envelope)
    }

    /// A successful response without a `response`.
    pub(super) fn empty(&self) -> Response {
        let mut envelope = self.envelope(&Value::Null);
        envelope["count"] = 0.into();
        if let Some(envelope) = envelope.as_object_mut() {
            envelope.remove("response");
        }
        json_response(&envelope)
    }

    /// A successful response with a list that the portal does not stream, so that it knows the number of its elements.
    pub(super) fn counted(&self, response: Vec<Value>) -> Response {
        let count = response.len();
        let mut envelope = self.envelope(&response.into());
        envelope["count"] = count.into();
        json_response(&envelope)
    }

    /// The same with a page of a longer list.
    pub(super) fn counted_page(&self, response: Vec<Value>, total: usize) -> Response {
        let count = response.len();
        let mut envelope = self.envelope(&response.into());
        envelope["count"] = count.into();
        envelope["total"] = total.into();
        json_response(&envelope)
    }

    /// The response to a request with an invalid field. DocSpace wraps it like a success.
    pub(super) fn invalid(&self, field: &str, message: &str) -> Response {
        let mut envelope = self.envelope(&json!({
            "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
            "title": "One or more validation errors occurred.",
            "status": 400,
            "errors": { field: [message] },
            "traceId": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        }));
        envelope["status"] = 1.into();
        envelope["statusCode"] = 400.into();
        (StatusCode::BAD_REQUEST, json_response(&envelope)).into_response()
    }

    fn envelope(&self, response: &Value) -> Value {
        json!({
            "response": response,
            "count": 1,
            "links": [{ "href": format!("{}{}", self.base_url, self.path), "action": self.method }],
            "status": 0,
            "statusCode": 200,
        })
    }
}

pub(super) fn json_response(value: &Value) -> Response {
    let mut response = Json(value).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    response
}
