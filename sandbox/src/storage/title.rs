//! The titles of files and folders: what the portal makes of a requested one (docs/DOCSPACE.md 2.1, A3.1).

/// The longest title the portal keeps, in UTF-16 units.
const LONGEST_TITLE: usize = 170;

/// The name, and the extension with its dot or an empty extension.
pub(crate) fn split_extension(title: &str) -> (&str, &str) {
    title.split_at(title.rfind('.').unwrap_or(title.len()))
}

/// The title the portal stores for a requested one.
pub(crate) fn clean_title(title: &str) -> String {
    let replaced: String = title
        .chars()
        .map(|character| match character {
            '\t' | '*' | '+' | ':' | '"' | '<' | '>' | '?' | '|' | '\\' | '/' | '\u{10000}'.. => {
                '_'
            }
            _ => character,
        })
        .collect();
    let (name, extension) = split_extension(&replaced);
    let room = LONGEST_TITLE.saturating_sub(extension.chars().count());
    if name.chars().count() <= room {
        return replaced;
    }
    let shortened: String = name.chars().take(room).collect();
    let whole = shortened + extension;
    whole.chars().take(LONGEST_TITLE).collect()
}

/// The title that a file gets when it is renamed. Renaming cannot change the extension: if the requested title has another
/// one, that of the file is appended.
pub(crate) fn renamed_title(present: &str, requested: &str) -> String {
    let requested = clean_title(requested.trim());
    let (_, extension) = split_extension(present);
    if split_extension(&requested)
        .1
        .eq_ignore_ascii_case(extension)
    {
        requested
    } else {
        clean_title(&(requested + extension))
    }
}

/// The title itself, or the first of `name (1).ext`, `name (2).ext` … that is free.
pub(super) fn first_free(
    (name, extension): (&str, &str),
    is_free: impl Fn(&str) -> bool,
) -> String {
    let title = format!("{name}{extension}");
    if is_free(&title) {
        return title;
    }
    (1..=u32::MAX)
        .map(|number| format!("{name} ({number}){extension}"))
        .find(|candidate| is_free(candidate))
        .expect("a folder contains fewer entries than there are numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_cleaned() {
        let check = |given: &str, kept: &str| assert_eq!(clean_title(given), kept);
        check(
            "Рахунок №42 — Müller & Söhne's.pdf",
            "Рахунок №42 — Müller & Söhne's.pdf",
        );
        check("a\tb*c+d:e\"f<g>h?i|j\\k/l", "a_b_c_d_e_f_g_h_i_j_k_l");
        check("party 🎉.pdf", "party _.pdf");
        let long = clean_title(&format!("{}.pdf", "x".repeat(300)));
        assert_eq!(long.len(), 170);
        assert!(long.ends_with("x.pdf"));
    }

    #[test]
    fn a_new_title_keeps_the_extension() {
        let check = |requested: &str, kept: &str| {
            assert_eq!(renamed_title("Letter.docx", requested), kept);
        };
        check("Contract.docx", "Contract.docx");
        check("Contract.DOCX", "Contract.DOCX");
        check("Contract", "Contract.docx");
        check("x.pdf", "x.pdf.docx");
        check(" Acme: invoice 3/11.docx ", "Acme_ invoice 3_11.docx");
        let long = renamed_title("a.docx", &"x".repeat(300));
        assert_eq!((long.len(), &long[165..]), (170, ".docx"));
    }
}
