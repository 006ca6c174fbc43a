//! The conditions of a rule.

use crate::rules::{
    Account, Condition, EmptyText, FieldTest, Pattern, PatternError, SizeRange, TextTest,
};
use crate::similar::did_you_mean;
use crate::table_reader::{FieldValue, TableReader, is_guid};
use crate::wire::RoomType;

use super::size;

/// Parses the conditions in the table of a rule.
pub(super) fn parse(table: &mut TableReader<'_>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let places: [(&'static str, fn(_) -> _); 3] = [
        ("room", Condition::Room),
        ("folder", Condition::Folder),
        ("folder_tree", Condition::FolderTree),
    ];
    for (name, condition) in places {
        let value = table.field(name);
        conditions.extend(value.map(|value| condition(value.folder_ids())));
    }
    if let Some(value) = table.field("room_title") {
        let tests = texts_or_tests(&value, "room").into_iter();
        conditions.extend(tests.map(Condition::RoomTitle));
    }
    if let Some(value) = table.field("room_tag") {
        let tags = value.texts();
        conditions.push(Condition::room_tag(tags.iter().map(String::as_str)));
    }
    if let Some(value) = table.field("room_type") {
        let types = value.items().into_iter();
        let types = types.filter_map(|item| room_type(&item)).collect();
        conditions.push(Condition::RoomType(types));
    }
    if let Some(value) = table.field("title")
        && let Some(title) = value.table("{ prefix = \"invoice\" }")
    {
        let tests = text_tests(title, "title").into_iter();
        conditions.extend(tests.map(Condition::Title));
    }
    if let Some(value) = table.field("extension") {
        let extensions = value.texts();
        let extensions = extensions.iter().map(String::as_str);
        conditions.push(Condition::extension(extensions));
    }
    if let Some(value) = table.field("field")
        && let Some(members) = value.table("{ \"payload.status\" = 2 }")
    {
        let fields = members.into_fields().into_iter();
        conditions.extend(fields.flat_map(|(path, value)| field_tests(path, &value)));
    }
    if let Some(value) = table.field("size") {
        conditions.extend(size_range(&value).map(Condition::Size));
    }
    conditions.extend(accounts(table, "by").map(Condition::By));
    conditions.extend(accounts(table, "by_not").map(Condition::NotBy));
    if let Some(value) = table.field("by_group") {
        let groups = value.texts();
        conditions.push(Condition::by_group(groups.iter().map(String::as_str)));
    }
    if let Some(value) = table.field("by_group_not") {
        let groups = value.texts();
        conditions.push(Condition::not_by_group(groups.iter().map(String::as_str)));
    }
    if let Some(value) = table.field("by_guest") {
        conditions.extend(value.flag().map(Condition::ByGuest));
    }
    conditions
}

fn accounts(table: &mut TableReader<'_>, name: &'static str) -> Option<Vec<Account>> {
    let items = table.field(name)?.items().into_iter();
    Some(items.filter_map(|item| account(&item)).collect())
}

fn account(value: &FieldValue<'_>) -> Option<Account> {
    let text = value.text()?;
    match text.trim() {
        "self" => Some(Account::ApiKeyUser),
        id if is_guid(id) => Some(Account::Id(id.to_owned())),
        _ => {
            value.report("must be \"self\" (the user of the API key) or the id of a user");
            None
        }
    }
}

/// What a table such as `{ prefix = "invoice" }` requires of a text; `what` is the text.
fn text_tests(mut table: TableReader<'_>, what: &str) -> Vec<TextTest> {
    type Texts = fn(&[&str]) -> Result<TextTest, EmptyText>;
    type Compile = fn(&str) -> Result<Pattern, PatternError>;
    type Make = fn(Pattern) -> TextTest;
    const TEXTS: [(&str, Texts); 2] = [
        ("prefix", |texts| TextTest::prefix(texts.iter().copied())),
        ("contains", |texts| {
            TextTest::contains(texts.iter().copied())
        }),
    ];
    const PATTERNS: [(&str, Compile, Make); 2] = [
        ("glob", Pattern::glob, TextTest::Glob),
        ("regex", Pattern::regex, TextTest::Regex),
    ];

    let mut tests = Vec::new();
    for (name, test) in TEXTS {
        let Some(value) = table.field(name) else {
            continue;
        };
        let given = value.texts();
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        match test(&given) {
            Ok(test) => tests.push(test),
            Err(EmptyText) => {
                value.report(&format!("is empty, which matches every {what}; remove it"));
            }
        }
    }
    for (name, compile, test) in PATTERNS {
        if let Some(value) = table.field(name)
            && let Some(text) = value.text()
        {
            match compile(&text) {
                Ok(pattern) => tests.push(test(pattern)),
                Err(error) => value.report(&error.to_string()),
            }
        }
    }
    if !table.has_known_field() {
        table.report("needs prefix, contains, glob or regex");
    }
    table.finish();
    tests
}

/// What the value of a path in `field` requires of that member of the delivery.
fn field_tests(path: &str, value: &FieldValue<'_>) -> Vec<Condition> {
    const PARTS: [&str; 3] = ["payload", "event", "webhook"];
    let mut names = path.split('.');
    let first = names.next().unwrap_or_default();
    let mut names = names.peekable();
    if !PARTS.contains(&first) || names.peek().is_none() || names.any(str::is_empty) {
        let hint = did_you_mean(first, PARTS).map_or_else(String::new, |hint| format!("; {hint}"));
        value.report(&format!(
            "is not a path in quotation marks such as \"payload.status\"{hint}"
        ));
        return Vec::new();
    }
    let tests = texts_or_tests(value, "value");
    let condition = |test| {
        let path = path.to_owned();
        Condition::Field(FieldTest { path, test })
    };
    tests.into_iter().map(condition).collect()
}

/// A text, one of a list, or what a table requires; `what` is the text.
fn texts_or_tests(value: &FieldValue<'_>, what: &str) -> Vec<TextTest> {
    if let Some(table) = value.as_table() {
        return text_tests(table, what);
    }
    let items = value.items();
    let texts: Vec<String> = items.iter().filter_map(FieldValue::scalar).collect();
    vec![TextTest::is(texts.iter().map(String::as_str))]
}

fn room_type(value: &FieldValue<'_>) -> Option<RoomType> {
    let text = value.text()?;
    let text = text.trim();
    let is_named = |kind: &RoomType| kind.name().eq_ignore_ascii_case(text);
    let found = RoomType::NAMED.into_iter().find(is_named);
    if found.is_none() {
        let names = RoomType::NAMED.map(RoomType::name);
        let hint = did_you_mean(text, names)
            .unwrap_or_else(|| format!("expected one of {}", names.join(", ")));
        value.report(&format!("{text} is not a type of room; {hint}"));
    }
    found
}

/// `size = { at_least = "10 MB", at_most = "1 GB" }`.
fn size_range(value: &FieldValue<'_>) -> Option<SizeRange> {
    let mut table = value.table("{ at_most = \"10 MB\" }")?;
    let at_least = table.field("at_least").map(|value| size::parse(&value));
    let at_most = table.field("at_most").map(|value| size::parse(&value));
    let is_given = table.has_known_field();
    if !is_given {
        table.report("needs at_least or at_most");
    }
    table.finish();
    let range = SizeRange {
        at_least: at_least.unwrap_or(Some(0))?,
        at_most: match at_most {
            Some(most) => Some(most?),
            None => None,
        },
    };
    if range.at_most.is_some_and(|most| most < range.at_least) {
        value.report("matches no file: at_most is smaller than at_least");
    }
    is_given.then_some(range)
}
