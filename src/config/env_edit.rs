//! Changes variables in the text of an env file, and keeps everything else: comments, order and unknown variables.

use super::env_file::parse_line;

/// The comment before variables that a file did not have.
const HEADING: &str = "# Added by docspace-courier setup";

/// A variable, and its new value; `None` removes it.
pub type VariableChange = (&'static str, Option<String>);

/// A value that no line of an env file can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} has a value that an env file cannot hold, because of its quotes or line breaks")]
pub struct UnwritableValue(pub &'static str);

/// The text with these values. A line `NAME_FILE=` is replaced, too, because only one of both may be set.
pub fn change_variables(text: &str, changes: &[VariableChange]) -> Result<String, UnwritableValue> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut added = Vec::new();
    for (name, value) in changes {
        let positions = lines_of(&lines, name);
        let old = positions.last().map_or("", |last| &lines[*last]);
        let new_line = value.as_deref().map(|value| line(name, value, old));
        let new_line = new_line.transpose()?;
        match (new_line, positions.last()) {
            (Some(new_line), Some(last)) => lines[*last] = new_line,
            (Some(new_line), None) => added.push(new_line),
            (None, _) => {}
        }
        // The last line of a variable is the one that counts; the others would only mislead.
        let kept = value.is_some().then(|| positions.last()).flatten();
        for position in positions
            .iter()
            .rev()
            .filter(|position| Some(*position) != kept)
        {
            lines.remove(*position);
        }
    }
    if !added.is_empty() {
        if lines.last().is_some_and(|last| !last.trim().is_empty()) {
            lines.push(String::new());
        }
        if !text.contains(HEADING) {
            lines.push(HEADING.to_owned());
        } else if lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines.extend(added);
    }
    Ok(lines.into_iter().map(|line| line + "\n").collect())
}

/// The positions of the lines that set a variable, directly or with the file that contains its value.
fn lines_of(lines: &[String], name: &str) -> Vec<usize> {
    let sets = |line: &String| {
        let pair = parse_line(line).ok().flatten();
        pair.is_some_and(|(set, _)| set == name || set.strip_suffix("_FILE") == Some(name))
    };
    let positions = lines.iter().enumerate();
    positions
        .filter(|(_, line)| sets(line))
        .map(|(position, _)| position)
        .collect()
}

/// A line from which the value is read back unchanged: without quotes if possible, since containers and systemd keep or
/// interpret them. It keeps the `export` and the comment of the old line.
fn line(name: &'static str, value: &str, old: &str) -> Result<String, UnwritableValue> {
    let export = if old.trim_start().starts_with("export ") {
        "export "
    } else {
        ""
    };
    let comment = comment_of(old);
    let forms =
        ["", "'", "\""].map(|quote| format!("{export}{name}={quote}{value}{quote}{comment}"));
    let reads_back = |form: &String| {
        let is_one_line = form.lines().count() == 1;
        is_one_line && parse_line(form) == Ok(Some((name, value)))
    };
    let mut forms = forms.into_iter();
    forms.find(reads_back).ok_or(UnwritableValue(name))
}

/// The comment after the value of a line, with the white space before it.
fn comment_of(line: &str) -> &str {
    let Ok(Some((_, value))) = parse_line(line) else {
        return "";
    };
    let end = value.as_ptr() as usize - line.as_ptr() as usize + value.len();
    let rest = line[end..].trim_start_matches(['"', '\'']).trim_end();
    if rest.trim_start().starts_with('#') {
        rest
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, changes: &[(&'static str, Option<&str>)]) -> String {
        let changes: Vec<VariableChange> = changes
            .iter()
            .map(|(name, value)| (*name, value.map(str::to_owned)))
            .collect();
        change_variables(text, &changes).unwrap()
    }

    #[test]
    fn comments_order_and_other_variables_are_kept() {
        let text = "# mine\nOTHER=1\n\nSMTP_URL=smtp://old\nexport A=2 # two\n#MAIL_FROM=none\n";
        let expected =
            "# mine\nOTHER=1\n\nSMTP_URL=smtp://new\nexport A=2 # two\n#MAIL_FROM=none\n";
        assert_eq!(changed(text, &[("SMTP_URL", Some("smtp://new"))]), expected);
        let added = "# mine\n\n# Added by docspace-courier setup\nPORT=1\n";
        assert_eq!(changed("# mine", &[("PORT", Some("1"))]), added);
        let again = "# mine\n\n# Added by docspace-courier setup\nPORT=1\nRUST_LOG=info\n";
        assert_eq!(changed(added, &[("RUST_LOG", Some("info"))]), again);
        assert_eq!(changed(added, &[]), added);
    }

    #[test]
    fn a_line_keeps_its_comment() {
        let check = |old: &str, new: &str| {
            assert_eq!(changed(old, &[("A", Some("b c"))]), format!("{new}\n"));
        };
        check("export A=1 # one", "export A=b c # one");
        check("A='1'  # one", "A=b c  # one");
        check("A=1#2", "A=b c");
        check("A= # none", "A=b c # none");
    }

    #[test]
    fn one_line_sets_a_variable() {
        let text = "PORT=1\nA=1\nPORT=2\nPORT_FILE=/port\n";
        assert_eq!(changed(text, &[("PORT", Some("3"))]), "A=1\nPORT=3\n");
        assert_eq!(changed(text, &[("PORT", None)]), "A=1\n");
        assert_eq!(changed("", &[("PORT", None)]), "");
    }

    #[test]
    fn every_value_is_read_back() {
        for value in [
            "plain",
            "two words",
            "a #b",
            "#a",
            "it's",
            "\"quoted\"",
            "'q' #",
        ] {
            let text = changed("", &[("A", Some(value))]);
            let line = text.lines().last().unwrap();
            assert_eq!(parse_line(line), Ok(Some(("A", value))), "{text}");
        }
        for value in ["two\nlines", "'\" #\" #' #"] {
            let change = [("A", Some(value.to_owned()))];
            assert_eq!(change_variables("", &change), Err(UnwritableValue("A")));
        }
    }
}
