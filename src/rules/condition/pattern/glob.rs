//! Globs for texts. Those of the usual library are for paths: they match bytes, so that `?` is a part of
//! a Chinese character, and know no capitals but Latin ones.

/// The regular expression for a whole text; the error says what is wrong with the glob.
///
/// `*` is anything, `?` one character, `[a-z]` and `[!a-z]` one of some, `{pdf,docx}` either, and `\`
/// before any of them the character itself.
pub(super) fn to_regex(glob: &str) -> Result<String, &'static str> {
    let mut regex = String::from("^(?s:");
    let mut open_braces = 0;
    let mut characters = glob.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => class(&mut characters, &mut regex)?,
            '{' => {
                open_braces += 1;
                regex.push_str("(?:");
            }
            '}' if open_braces > 0 => {
                open_braces -= 1;
                regex.push(')');
            }
            ',' if open_braces > 0 => regex.push('|'),
            '\\' => {
                let escaped = characters.next().ok_or("it ends with a backslash")?;
                push_literal(escaped, &mut regex);
            }
            literal => push_literal(literal, &mut regex),
        }
    }
    if open_braces > 0 {
        return Err("a { is not closed");
    }
    regex.push_str(")$");
    Ok(regex)
}

/// Parses a character class, what is between square brackets.
fn class(characters: &mut std::str::Chars<'_>, regex: &mut String) -> Result<(), &'static str> {
    let mut inside = String::new();
    for character in characters.by_ref() {
        match character {
            ']' if inside.is_empty() || inside == "^" => return Err("a [ ] is empty"),
            ']' => {
                regex.push('[');
                regex.push_str(&inside);
                regex.push(']');
                return Ok(());
            }
            '!' | '^' if inside.is_empty() => inside.push('^'),
            '-' => inside.push('-'),
            literal => push_literal(literal, &mut inside),
        }
    }
    Err("a [ is not closed")
}

fn push_literal(character: char, regex: &mut String) {
    let mut buffer = [0; 4];
    regex.push_str(&regex::escape(character.encode_utf8(&mut buffer)));
}

#[cfg(test)]
mod tests {
    use super::super::Pattern;
    use crate::rules::normalization::ComparableText;

    #[test]
    fn whole_titles() {
        let check = |glob: &str, title: &str, expected: bool| {
            let pattern = Pattern::glob(glob).unwrap_or_else(|error| panic!("{glob}: {error}"));
            assert_eq!(
                pattern.matches(&ComparableText::new(title)),
                expected,
                "{glob} {title}"
            );
        };
        check("*.pdf", "Plan.PDF", true);
        check("*.pdf", "plan.pdf.zip", false);
        check("plan", "planned", false);
        check("pl?n", "plän", true);
        check("合同?.docx", "合同甲.docx", true);
        check("合同?.docx", "合同甲乙.docx", false);
        check("договор*", "ДОГОВОР 7.docx", true);
        check("*.{pdf,do[ct]x}", "a.docx", true);
        check("*.{pdf,{doc,odt}}", "a.odt", true);
        check("[0-9]*", "7.txt", true);
        check("[!0-9]*", "7.txt", false);
        check("[^0-9]*", "x.txt", true);
        check("a.b", "axb", false);
        check("a, b", "a, b", true);
        check(r"\*\{\[", "*{[", true);
        check("a+(b)^$", "a+(b)^$", true);
        check("a}", "a}", true);
        check("[a&&b]", "&", true);
        check("*", "", true);
    }

    #[test]
    fn what_is_no_glob() {
        for glob in ["{a", "[a", "[]", "[!]", "a\\"] {
            assert!(Pattern::glob(glob).is_err(), "{glob}");
        }
    }
}
