//! Which events to list, as the address of the page and of the API says it.

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::ids::InboxId;
use crate::journal::{EventFilter, NoDay, StateFilter, end_of, start_of};
use crate::text::clean;

/// Which events to list. Every member can be left out or empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ListQuery {
    /// The word of a state.
    show: String,
    /// Part of the title, or a whole id.
    search: String,
    pub(super) rule: String,
    pub(super) trigger: String,
    pub(super) file: String,
    pub(super) room: String,
    pub(super) person: String,
    /// The first day, or a time.
    pub(super) since: String,
    /// The last day, or a time.
    pub(super) until: String,
    /// The event before which the page begins.
    before: Option<i64>,
    /// Identifies the events that a confirmation showed.
    pub(super) confirmed: String,
    /// Most events in the response of the API.
    pub(super) limit: Option<u32>,
}

impl ListQuery {
    /// The filter, or why there is none: an unknown word must not show everything.
    pub(super) fn filter(&self) -> Result<EventFilter, String> {
        Ok(EventFilter {
            states: self.states()?,
            file: given(&self.file),
            trigger: given(&self.trigger),
            rule: given(&self.rule),
            room: given(&self.room),
            person: given(&self.person),
            since: bound("since", &self.since, start_of)?,
            until: bound("until", &self.until, end_of)?,
            search: self.search(),
            before: self.before.map(InboxId),
        })
    }

    fn states(&self) -> Result<StateFilter, String> {
        if self.show.is_empty() {
            return Ok(StateFilter::Any);
        }
        StateFilter::from_word(&self.show).ok_or_else(|| {
            let words = StateFilter::WORDS.map(|(word, _)| word);
            format!("show must be one of: {}", words.join(", "))
        })
    }

    /// The text that is searched for. One that is copied from an email or chat has zero-width spaces.
    pub(super) fn search(&self) -> Option<String> {
        given(&clean(&self.search))
    }

    /// Whether anything but the state and the search narrows the list.
    pub(super) fn has_more_filters(&self) -> bool {
        self.more_filters()
            .iter()
            .any(|(_, value)| !value.trim().is_empty())
    }

    fn more_filters(&self) -> [(&'static str, &str); 7] {
        [
            ("rule", &self.rule),
            ("trigger", &self.trigger),
            ("file", &self.file),
            ("room", &self.room),
            ("person", &self.person),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }

    /// The address of the same list for other states, from this event on if there is one.
    pub(super) fn address(&self, states: StateFilter, before: Option<InboxId>) -> String {
        self.address_below("/", states, before)
    }

    /// The address of another page about the same list.
    pub(super) fn address_below(
        &self,
        path: &str,
        states: StateFilter,
        before: Option<InboxId>,
    ) -> String {
        let fields = self.fields(states, before).into_iter();
        let encoded = fields.map(|(name, value)| {
            let value = utf8_percent_encode(&value, NON_ALPHANUMERIC);
            format!("{name}={value}")
        });
        let encoded: Vec<String> = encoded.collect();
        format!("{path}?{}", encoded.join("&"))
    }

    /// What says which events to list, by name; for other states, from this event on if there is one.
    pub(super) fn fields(
        &self,
        states: StateFilter,
        before: Option<InboxId>,
    ) -> Vec<(&'static str, String)> {
        let show = [("show", states.as_str().to_owned())];
        let search = [("search", self.search().unwrap_or_default())];
        let filters = self.more_filters().into_iter();
        let filters = filters.map(|(name, value)| (name, value.trim().to_owned()));
        let before = before.map(|id| ("before", id.to_string()));
        let fields = show.into_iter().chain(search).chain(filters).chain(before);
        fields.filter(|(_, value)| !value.is_empty()).collect()
    }
}

/// The address of the list of events for which a filter has this value.
pub(super) fn list_of(name: &str, value: &str) -> String {
    let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
    format!("/?{name}={value}")
}

/// The address of the page that changes a rule.
pub(super) fn rule_address(change: &str, rule: &str) -> String {
    let rule = utf8_percent_encode(rule, NON_ALPHANUMERIC);
    format!("/rules/{change}?rule={rule}")
}

fn given(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn bound(
    name: &str,
    text: &str,
    parse: fn(&str) -> Result<Timestamp, NoDay>,
) -> Result<Option<Timestamp>, String> {
    let parsed = given(text).map(|text| parse(&text)).transpose();
    parsed.map_err(|error| format!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_the_filters() {
        let query = ListQuery {
            search: " a&b ".to_owned(),
            rule: "copy all".to_owned(),
            since: "2026-03-02".to_owned(),
            ..ListQuery::default()
        };
        assert_eq!(
            query.address(StateFilter::Dead, Some(InboxId(7))),
            "/?show=dead&search=a%26b&rule=copy%20all&since=2026%2D03%2D02&before=7"
        );
        assert!(query.has_more_filters());
        assert!(!ListQuery::default().has_more_filters());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let refused = |query: ListQuery, part: &str| {
            let sentence = query.filter().unwrap_err();
            assert!(sentence.contains(part), "{sentence}");
        };
        let show = "dead letters".to_owned();
        refused(
            ListQuery {
                show,
                ..ListQuery::default()
            },
            "show must be one of: all, waiting",
        );
        let until = "tomorrow".to_owned();
        refused(
            ListQuery {
                until,
                ..ListQuery::default()
            },
            "until: use a date such as 2026-03-02",
        );
        assert_eq!(ListQuery::default().filter(), Ok(EventFilter::default()));
    }
}
