//! HTTP headers that several modules read: `Date` and `Retry-After` of responses, `X-Forwarded-Proto` of requests.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// The server's time when it answered.
pub(crate) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    parse_date(text(headers, &DATE)?)
}

/// The wait that the server asks for: a number of seconds, or a date, of which one in the past gives zero.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = text(headers, &RETRY_AFTER)?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let wait = parse_date(text)?.duration_since(now);
    Some(Duration::try_from(wait).unwrap_or_default())
}

/// Whether the proxy received the request over HTTPS; `None` without a proxy. A client may send the header
/// too, so the last value counts, which our proxy added.
pub(crate) fn is_https(headers: &HeaderMap) -> Option<bool> {
    let value = headers.get_all("x-forwarded-proto").iter().next_back()?;
    let scheme = value
        .to_str()
        .ok()
        .and_then(|value| value.rsplit(',').next());
    Some(scheme.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https")))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

fn parse_date(text: &str) -> Option<Timestamp> {
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn the_date_is_read() {
        let read = |text: &str| date(&headers(DATE, text));
        let expected = "2026-03-02T09:14:31Z".parse().ok();
        assert_eq!(read("Mon, 02 Mar 2026 09:14:31 GMT"), expected);
        assert_eq!(read("yesterday"), None);
        assert_eq!(date(&HeaderMap::new()), None);
    }

    #[test]
    fn retry_after_is_in_seconds_or_a_date() {
        let now = "2026-03-02T09:14:31Z".parse().unwrap();
        let check = |text: &str, seconds: Option<u64>| {
            let wait = retry_after(&headers(RETRY_AFTER, text), now);
            assert_eq!(wait, seconds.map(Duration::from_secs), "{text}");
        };
        check("0", Some(0));
        check(" 90 ", Some(90));
        check("999999", Some(999_999));
        check("Mon, 02 Mar 2026 09:15:31 GMT", Some(60));
        check("Mon, 02 Mar 2026 09:00:00 GMT", Some(0));
        check("soon", None);
        check("-1", None);
    }
}
