//! The texts of built-in emails and chat messages, in several languages. Each language is a file in the format of Fluent,
//! `notify/texts/*.ftl`; a new one is such a file and a line in `LANGUAGES`.

use std::fmt;
use std::sync::OnceLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use jiff::Zoned;
use unic_langid::LanguageIdentifier;

/// A language of the built-in texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// Spanish.
    Es,
    /// Italian.
    It,
    /// Portuguese.
    Pt,
    /// Russian.
    Ru,
    /// Chinese.
    Zh,
}

/// Each language with its tag and its texts.
const LANGUAGES: [(Language, &str, &str); 8] = [
    (Language::En, "en", include_str!("texts/en.ftl")),
    (Language::De, "de", include_str!("texts/de.ftl")),
    (Language::Fr, "fr", include_str!("texts/fr.ftl")),
    (Language::Es, "es", include_str!("texts/es.ftl")),
    (Language::It, "it", include_str!("texts/it.ftl")),
    (Language::Pt, "pt", include_str!("texts/pt.ftl")),
    (Language::Ru, "ru", include_str!("texts/ru.ftl")),
    (Language::Zh, "zh", include_str!("texts/zh.ftl")),
];

const _: () = {
    let mut position = 0;
    while position < LANGUAGES.len() {
        assert!(
            LANGUAGES[position].0 as usize == position,
            "`BUNDLES` has the same order"
        );
        position += 1;
    }
};

/// The texts of each language, parsed when they are first needed.
static BUNDLES: [OnceLock<FluentBundle<FluentResource>>; LANGUAGES.len()] =
    [const { OnceLock::new() }; LANGUAGES.len()];

impl Language {
    /// The tags of all languages.
    pub fn tags() -> impl Iterator<Item = &'static str> {
        LANGUAGES.iter().map(|(_, tag, _)| *tag)
    }

    /// The language of a tag such as `de`, `de-AT` or `de_AT.UTF-8`. Of several, separated by colons, the first counts, as in
    /// the variable of gettext.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let first = tag.split(':').next().unwrap_or_default();
        let primary = first.split(['-', '_', '.', '@']).next().unwrap_or_default();
        if matches!(primary, "C" | "POSIX") {
            return Some(Self::En);
        }
        let primary = primary.to_ascii_lowercase();
        let mut languages = LANGUAGES.iter();
        let found = languages.find(|(_, tag, _)| *tag == primary);
        found.map(|(language, ..)| *language)
    }

    /// Its tag.
    pub fn tag(self) -> &'static str {
        let (_, tag, _) = LANGUAGES[self as usize];
        tag
    }

    /// A text without values.
    pub(crate) fn text(self, id: &str) -> String {
        self.format(id, None)
    }

    /// A text with values, each with its name.
    pub(crate) fn text_with<const N: usize>(
        self,
        id: &str,
        values: [(&'static str, &str); N],
    ) -> String {
        let values = values.map(|(name, value)| (name, FluentValue::from(value)));
        self.format(id, Some(&FluentArgs::from_iter(values)))
    }

    /// A text about a number of things, which its value `count` is.
    pub(crate) fn text_about(self, id: &str, count: usize) -> String {
        self.format(id, Some(&FluentArgs::from_iter([("count", count)])))
    }

    /// Date and time, as one writes them.
    pub(crate) fn date_time(self, at: &Zoned) -> String {
        let values = [
            ("year", FluentValue::from(at.year().to_string())),
            ("month", FluentValue::from(at.month())),
            ("day", FluentValue::from(at.day().to_string())),
            ("time", FluentValue::from(at.strftime("%H:%M").to_string())),
            ("zone", FluentValue::from(at.strftime("%Z").to_string())),
        ];
        self.format("date-time", Some(&FluentArgs::from_iter(values)))
    }

    fn format(self, id: &str, values: Option<&FluentArgs<'_>>) -> String {
        let bundle = self.bundle();
        let pattern = bundle.get_message(id).and_then(|message| message.value());
        // A test renders each text in each language.
        let Some(pattern) = pattern else {
            return id.to_owned();
        };
        let mut errors = Vec::new();
        bundle
            .format_pattern(pattern, values, &mut errors)
            .into_owned()
    }

    fn bundle(self) -> &'static FluentBundle<FluentResource> {
        BUNDLES[self as usize].get_or_init(|| {
            let (_, tag, texts) = LANGUAGES[self as usize];
            let tag: LanguageIdentifier = tag.parse().unwrap_or_default();
            let mut bundle = FluentBundle::new_concurrent(vec![tag]);
            // The values are cleaned of direction marks, and marks around them would break addresses and subjects.
            bundle.set_use_isolating(false);
            // What cannot be parsed is left out; a test renders each text.
            let resource = FluentResource::try_new(texts.to_owned());
            let resource = resource.unwrap_or_else(|(partial, _)| partial);
            bundle.add_resource_overriding(resource);
            bundle
        })
    }
}

impl fmt::Display for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.tag())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(texts: &str) -> Vec<&str> {
        let mut ids: Vec<&str> = texts
            .lines()
            .filter(|line| !line.starts_with([' ', '#', '}']))
            .filter_map(|line| Some(line.split_once(" =")?.0))
            .collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn every_language_has_every_text_with_the_same_values() {
        let (_, _, english) = LANGUAGES[0];
        assert!(ids(english).len() > 40);
        for (language, tag, texts) in LANGUAGES {
            let parsed = FluentResource::try_new(texts.to_owned());
            assert!(parsed.is_ok(), "{tag}: {:?}", parsed.err());
            assert_eq!(ids(texts), ids(english), "{tag}");
            let values = [
                "rule", "trigger", "title", "id", "person", "room", "folder", "day", "year",
                "time", "zone", "portal", "address",
            ];
            let mut args = FluentArgs::from_iter(values.map(|name| (name, format!("<{name}>"))));
            args.set("count", 7);
            args.set("month", 3);
            for id in ids(english) {
                let shown = |language: Language| {
                    let mut errors = Vec::new();
                    let bundle = language.bundle();
                    let pattern = bundle.get_message(id).unwrap().value().unwrap();
                    let text = bundle.format_pattern(pattern, Some(&args), &mut errors);
                    assert!(errors.is_empty(), "{tag} {id}: {errors:?}");
                    let shown = values.map(|name| text.matches(&format!("<{name}>")).count());
                    (shown, text.contains('7'))
                };
                assert_eq!(shown(language), shown(Language::En), "{tag} {id}");
            }
        }
    }

    #[test]
    fn tags() {
        let check = |tag: &str, expected| assert_eq!(Language::of_tag(tag), expected, "{tag}");
        check("de", Some(Language::De));
        check("de-AT", Some(Language::De));
        check("de_AT.UTF-8", Some(Language::De));
        check("de_DE:en_US:en", Some(Language::De));
        check("zh-CN", Some(Language::Zh));
        check("PT-BR", Some(Language::Pt));
        check("C", Some(Language::En));
        check("C.UTF-8", Some(Language::En));
        check("pl", None);
        check("", None);
    }

    #[test]
    fn dates_and_numbers() {
        let at: Zoned = "2026-03-02T10:14:31+01:00[Europe/Berlin]".parse().unwrap();
        let check = |language: Language, expected: &str| {
            assert_eq!(language.date_time(&at), expected);
        };
        check(Language::En, "2 March 2026, 10:14 CET");
        check(Language::De, "2. März 2026, 10:14 CET");
        check(Language::Es, "2 de marzo de 2026, 10:14 CET");
        check(Language::Ru, "2 марта 2026 г., 10:14 CET");
        check(Language::Zh, "2026年3月2日 10:14 CET");
        let dead = |language: Language, count| language.text_about("alert-dead-letters", count);
        assert_eq!(dead(Language::En, 1), "1 dead letter");
        assert_eq!(dead(Language::En, 1_234), "1234 dead letters");
        assert_eq!(dead(Language::Ru, 21), "21 действие не выполнено");
        assert_eq!(dead(Language::Ru, 3), "3 действия не выполнены");
        assert_eq!(dead(Language::Ru, 5), "5 действий не выполнено");
    }
}
