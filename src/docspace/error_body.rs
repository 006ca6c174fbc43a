//! The form of an error response's body, which shows whether the portal sent it (docs/DOCSPACE.md 5.4).

use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorBody {
    /// The JSON error of the API, or a failed validation: a verdict about what was requested.
    Api,
    /// A problem document of the portal: a verdict about the portal, the tariff or the key.
    Problem,
    /// Nothing. The portal sends nothing with 401, 429, and the 403 for a missing scope.
    Empty,
    /// Not a body of the portal's API: a page of a gateway, or the plain text of the portal's IP restriction.
    Foreign,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiError {
    status_code: u16,
    error: Option<Object>,
    response: Option<Object>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProblemDocument {
    status: u16,
    #[serde(rename = "traceId")]
    _trace_id: IgnoredAny,
}

/// Any JSON object.
#[derive(Deserialize)]
struct Object {}

impl ErrorBody {
    /// The form of the body of a response with this status.
    pub(super) fn of(status: StatusCode, body: &[u8]) -> Self {
        let api = serde_json::from_slice::<ApiError>(body).is_ok_and(|api| {
            api.status_code == status && (api.error.is_some() || api.response.is_some())
        });
        let problem = || {
            serde_json::from_slice::<ProblemDocument>(body)
                .is_ok_and(|problem| problem.status == status)
        };
        if body.trim_ascii().is_empty() {
            Self::Empty
        } else if api {
            Self::Api
        } else if problem() {
            Self::Problem
        } else {
            Self::Foreign
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_body_shows_who_sent_it() {
        let check = |status: u16, body: &str, expected: ErrorBody| {
            let status = StatusCode::from_u16(status).unwrap();
            let form = ErrorBody::of(status, body.as_bytes());
            assert_eq!(form, expected, "{status} {body}");
        };
        let api = r#"{"error":{"message":"Access denied","type":null,"stack":null,"hresult":1},"status":1,"statusCode":403}"#;
        check(403, api, ErrorBody::Api);
        check(404, api, ErrorBody::Foreign);
        let validation =
            r#"{"response":{"title":"One or more"},"count":1,"status":1,"statusCode":400}"#;
        check(400, validation, ErrorBody::Api);
        let problem =
            r#"{"type":"https://x.example","title":"Not Found","status":404,"traceId":"00-0a"}"#;
        check(404, problem, ErrorBody::Problem);
        check(
            402,
            r#"{"status":402,"traceId":"00-0a"}"#,
            ErrorBody::Problem,
        );
        check(401, "", ErrorBody::Empty);
        check(401, "\r\n", ErrorBody::Empty);
        check(403, "<html>blocked</html>", ErrorBody::Foreign);
        check(403, "RBAC: access denied", ErrorBody::Foreign);
        check(403, r#"{"message":"Forbidden"}"#, ErrorBody::Foreign);
        check(
            404,
            r#"{"statusCode":404,"error":"Not Found","message":"Cannot GET /"}"#,
            ErrorBody::Foreign,
        );
        check(
            404,
            r#"{"title":"Not Found","status":404}"#,
            ErrorBody::Foreign,
        );
    }

    #[derive(Deserialize)]
    struct Recorded {
        name: String,
        http: u16,
        body: serde_json::Value,
    }

    #[test]
    fn recorded_errors_have_the_form_of_their_sender() {
        for file in ["api.errors", "api.act.errors"] {
            let path = format!("{}/tests/data/api/{file}.json", env!("CARGO_MANIFEST_DIR"));
            let recorded = std::fs::read(path).unwrap();
            for Recorded { name, http, body } in
                serde_json::from_slice::<Vec<Recorded>>(&recorded).unwrap()
            {
                let sent = match &body {
                    serde_json::Value::Null => String::new(),
                    serde_json::Value::String(text) => text.clone(),
                    json => json.to_string(),
                };
                let expected = match name.as_str() {
                    "unauthorized"
                    | "scope-missing"
                    | "rate-limited-window"
                    | "rate-limited-concurrency"
                    | "rate-limited-daily" => ErrorBody::Empty,
                    "key-invalid-on-anonymous-endpoint"
                    | "scope-missing-anonymous-endpoint"
                    | "payment-required"
                    | "portal-suspended" => ErrorBody::Problem,
                    "address-not-allowed" | "gateway-html" => ErrorBody::Foreign,
                    _ => ErrorBody::Api,
                };
                let status = StatusCode::from_u16(http).unwrap();
                assert_eq!(ErrorBody::of(status, sent.as_bytes()), expected, "{name}");
            }
        }
    }
}
