//! JSON as .NET's default encoder writes it.
//!
//! DocSpace writes its deliveries with that encoder: no white space; every character outside ASCII and each of
//! `"`, `&`, `'`, `+`, `<`, `>` and the backtick as `\uXXXX` with upper-case digits; `/` unescaped
//! (docs/DOCSPACE.md 1.1). The signature covers these bytes, so a test of a receiver needs the same ones.

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CharEscape, Formatter};

/// Encodes a value as DocSpace does.
pub(super) fn to_string<T: Serialize>(value: &T) -> String {
    let mut bytes = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, DotNet))
        .expect("plain structs with text keys, written into memory");
    String::from_utf8(bytes).expect("only ASCII is written")
}

struct DotNet;

impl Formatter for DotNet {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for character in fragment.chars() {
            if is_unescaped(character) {
                writer.write_all(&[character as u8])?;
            } else {
                write_units(writer, character)?;
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        let short: &[u8] = match escape {
            CharEscape::Quote => return write_units(writer, '"'),
            CharEscape::AsciiControl(byte) => return write_units(writer, char::from(byte)),
            CharEscape::ReverseSolidus => b"\\\\",
            CharEscape::Solidus => b"/",
            CharEscape::Backspace => b"\\b",
            CharEscape::FormFeed => b"\\f",
            CharEscape::LineFeed => b"\\n",
            CharEscape::CarriageReturn => b"\\r",
            CharEscape::Tab => b"\\t",
        };
        writer.write_all(short)
    }
}

fn is_unescaped(character: char) -> bool {
    matches!(character, ' '..='~') && !matches!(character, '"' | '&' | '\'' | '+' | '<' | '>' | '`')
}

/// Writes the UTF-16 units of a character; there are two outside the basic multilingual plane.
fn write_units<W: ?Sized + io::Write>(writer: &mut W, character: char) -> io::Result<()> {
    for unit in character.encode_utf16(&mut [0; 2]) {
        write!(writer, "\\u{unit:04X}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_escaped_as_in_dotnet() {
        let check = |text: &str, json: &str| assert_eq!(to_string(&text), json, "{text:?}");
        check("a/b c~", r#""a/b c~""#);
        check(
            "\"&'+<>`",
            r#""\u0022\u0026\u0027\u002B\u003C\u003E\u0060""#,
        );
        check("Ü№😀", r#""\u00DC\u2116\uD83D\uDE00""#);
        check(
            "\\\n\r\t\u{8}\u{c}\u{1}\u{7f}",
            r#""\\\n\r\t\b\f\u0001\u007F""#,
        );
    }

    #[test]
    fn every_text_survives_encoding_and_parsing() {
        let text: String = (0..=0x1_1000_u32).filter_map(char::from_u32).collect();
        assert_eq!(
            serde_json::from_str::<String>(&to_string(&text)).unwrap(),
            text
        );
    }
}
