//! Adaptive cards: what a workflow of Microsoft Teams posts to a channel or chat.
//!
//! Text is put into plain runs, which know no Markdown, unlike text blocks. Addresses become runs that open them:
//! untrusted text contains none ([`super::ChatFormat::untrusted`]).

use serde_json::{Value, json};

/// The version of the format whose elements are used.
const VERSION: &str = "1.2";

/// A message with one card that shows the text.
pub(super) fn message(text: &str) -> Value {
    let blocks: Vec<Value> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| json!({ "type": "RichTextBlock", "inlines": runs(line) }))
        .collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": VERSION,
                "msteams": { "width": "Full" },
                "body": blocks,
            },
        }],
    })
}

/// The runs of a line, of which those with an address open it.
fn runs(line: &str) -> Vec<Value> {
    let mut runs = Vec::new();
    let mut rest = line;
    while let Some((start, end)) = address(rest) {
        let address = &rest[start..end];
        if start > 0 {
            runs.push(run(&rest[..start]));
        }
        let mut opening = run(address);
        opening["selectAction"] = json!({ "type": "Action.OpenUrl", "url": address });
        runs.push(opening);
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        runs.push(run(rest));
    }
    runs
}

fn run(text: &str) -> Value {
    json!({ "type": "TextRun", "text": text })
}

/// Where the first address of a text begins and ends. Punctuation behind it is no part of it.
fn address(text: &str) -> Option<(usize, usize)> {
    let schemes = ["https://", "http://"].into_iter();
    let start = schemes.filter_map(|scheme| text.find(scheme)).min()?;
    let end = text[start..].find(char::is_whitespace);
    let address = &text[start..end.map_or(text.len(), |end| start + end)];
    let address = address.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '>']);
    Some((start, start + address.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_open_and_everything_else_is_plain() {
        let message = message("New **invoice** (https://a.example/x?y=1).\n\nHello");
        let body = &message["attachments"][0]["content"]["body"];
        let expected = json!([
            { "type": "RichTextBlock", "inlines": [
                { "type": "TextRun", "text": "New **invoice** (" },
                {
                    "type": "TextRun",
                    "text": "https://a.example/x?y=1",
                    "selectAction": { "type": "Action.OpenUrl", "url": "https://a.example/x?y=1" },
                },
                { "type": "TextRun", "text": ")." },
            ] },
            { "type": "RichTextBlock", "inlines": [{ "type": "TextRun", "text": "Hello" }] },
        ]);
        assert_eq!(body, &expected);
    }

    #[test]
    fn a_line_of_addresses_ends() {
        assert_eq!(runs("http://a https://b").len(), 3);
        assert_eq!(runs("https://").len(), 1);
        assert_eq!(runs("https://)").len(), 2);
    }
}
