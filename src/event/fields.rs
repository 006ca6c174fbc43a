//! The members of a delivery by their paths, such as `payload.status`, for conditions on what this program does not know.

use serde_json::value::RawValue;

use super::{MAX_TEXT_CHARS, Members, Name};

/// How many objects deep members are read. DocSpace nests them three deep at most (docs/DOCSPACE.md 2).
const MAX_DEPTH: usize = 8;

/// The texts, numbers and truth values in a body, each as text, with their paths. A list gives each of its values.
///
/// The portal leaves out members whose value is the default of their type (docs/DOCSPACE.md 1.1).
pub fn fields(body: &[u8]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    if let Ok(members) = serde_json::from_slice::<Members<'_>>(body) {
        collect(&members, "", MAX_DEPTH, &mut fields);
    }
    fields
}

fn collect(members: &Members<'_>, prefix: &str, depth: usize, fields: &mut Vec<(String, String)>) {
    for (Name(name), value) in &members.0 {
        let path = format!("{prefix}{name}");
        if let Some(text) = scalar(value) {
            fields.push((path, text));
        } else if let Ok(values) = serde_json::from_str::<Vec<&RawValue>>(value.get()) {
            let texts = values.into_iter().filter_map(scalar);
            fields.extend(texts.map(|text| (path.clone(), text)));
        } else if depth > 0
            && let Ok(inner) = serde_json::from_str::<Members<'_>>(value.get())
        {
            collect(&inner, &format!("{path}."), depth - 1, fields);
        }
    }
}

/// A text, a number or a truth value, as text; a long text is cut.
fn scalar(value: &RawValue) -> Option<String> {
    let json = value.get();
    if json.starts_with(['{', '[', 'n']) {
        return None;
    }
    let mut text: String = match serde_json::from_str(json) {
        Ok(text) => text,
        Err(_) => json.to_owned(),
    };
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT_CHARS) {
        text.truncate(end);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_paths() {
        let body = br#"{"event": {"trigger": "user.updated"}, "payload": {"status": 2, "email": "a\u0040b", "none": null,
            "isActive": true, "tags": ["one", 2, {"x": 1}], "createdBy": {"id": "c"}, "empty": []}, "n": -1.5}"#;
        let expected = [
            ("event.trigger", "user.updated"),
            ("payload.status", "2"),
            ("payload.email", "a@b"),
            ("payload.isActive", "true"),
            ("payload.tags", "one"),
            ("payload.tags", "2"),
            ("payload.createdBy.id", "c"),
            ("n", "-1.5"),
        ];
        let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(fields(body), expected);
    }

    #[test]
    fn any_body_has_fields_or_none() {
        let deep = r#"{"a":"#.repeat(20) + "1" + &"}".repeat(20);
        let long = format!(r#"{{"a": "{}"}}"#, "x".repeat(10_000));
        assert_eq!(fields(deep.as_bytes()), []);
        assert_eq!(fields(long.as_bytes())[0].1.len(), MAX_TEXT_CHARS);
        for body in ["", "[1]", "\"a\"", "{\"a\": 1", &"[".repeat(100_000)] {
            assert_eq!(fields(body.as_bytes()), []);
        }
        let nested = format!(
            r#"{{"a": {}{}, "b": 1}}"#,
            "[".repeat(50_000),
            "]".repeat(50_000)
        );
        assert_eq!(
            fields(nested.as_bytes()),
            [("b".to_owned(), "1".to_owned())]
        );
    }
}
