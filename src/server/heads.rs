//! Heads that can be read in one way only.
//!
//! A proxy and a service that disagree about where a request ends let a stranger hide one request in
//! another. Hyper is lenient in a few such places: it takes a bare line feed for the end of a line,
//! `Content-Length` beside `Transfer-Encoding`, and the same length twice. So every byte is
//! followed here on its way to hyper, and no head of such a shape gets there whole. What hyper refuses by
//! itself is not looked at.

use std::mem;

/// The longest line of a head that is followed; hyper takes no head of this size.
const LONGEST_LINE: usize = 2 * super::HEAD_BYTES;

/// A head that could be read in more than one way, or that no honest client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unclear;

/// Where in a connection's requests the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// Before a request's first line, or in its head.
    Head,
    /// In a body of which so much is still to come.
    Body(u64),
    /// After the head of a request in chunks: the last one of its connection.
    Chunks,
}

/// Follows the requests of one connection.
#[derive(Debug)]
pub struct Heads {
    position: Position,
    line: Vec<u8>,
    has_request_line: bool,
    length: Option<u64>,
    chunked: bool,
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            position: Position::Head,
            line: Vec::new(),
            has_request_line: false,
            length: None,
            chunked: false,
        }
    }
}

impl Heads {
    /// Follows what came. An error is the number of bytes before the one that must not be passed on.
    pub fn follow(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            match &mut self.position {
                Position::Head => {
                    self.take(byte)
                        .map_err(|Unclear| bytes.len() - rest.len())?;
                    rest = after;
                }
                Position::Body(left) => {
                    let here =
                        usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    *left -= here as u64;
                    rest = &rest[here..];
                    if *left == 0 {
                        self.position = Position::Head;
                    }
                }
                Position::Chunks => return Ok(()),
            }
        }
        Ok(())
    }

    /// Whether all that came so far is whole requests.
    pub(super) fn is_between_requests(&self) -> bool {
        self.position == Position::Head && self.line.is_empty() && !self.has_request_line
    }

    fn take(&mut self, byte: u8) -> Result<(), Unclear> {
        let after_return = self.line.last() == Some(&b'\r');
        if after_return != (byte == b'\n') || self.line.len() >= LONGEST_LINE {
            return Err(Unclear);
        }
        if byte != b'\n' {
            self.line.push(byte);
            return Ok(());
        }
        let mut line = mem::take(&mut self.line);
        line.pop();
        if !line.is_empty() && self.has_request_line {
            self.take_field(&line)?;
        } else if !line.is_empty() {
            self.has_request_line = true;
        } else if self.has_request_line {
            self.end_head()?;
        }
        // The next line needs no memory of its own.
        line.clear();
        self.line = line;
        Ok(())
    }

    fn take_field(&mut self, line: &[u8]) -> Result<(), Unclear> {
        let colon = line.iter().position(|&byte| byte == b':').ok_or(Unclear)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        // A folded line begins with white space, and none may stand before the colon.
        if name.is_empty() || name.iter().any(|byte| !byte.is_ascii_graphic()) {
            return Err(Unclear);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = length(value).ok_or(Unclear)?;
            if self.length.replace(length).is_some() {
                return Err(Unclear);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Unclear);
            }
            self.chunked = true;
        }
        Ok(())
    }

    fn end_head(&mut self) -> Result<(), Unclear> {
        self.position = match (self.length, self.chunked) {
            (Some(_), true) => return Err(Unclear),
            (None, true) => Position::Chunks,
            (None | Some(0), false) => Position::Head,
            (Some(length), false) => Position::Body(length),
        };
        self.has_request_line = false;
        self.length = None;
        Ok(())
    }
}

fn length(value: &[u8]) -> Option<u64> {
    let digits = value.iter().all(u8::is_ascii_digit);
    digits.then_some(())?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Checks where following stops, whatever pieces the bytes come in.
    fn check(text: &str, expected: Result<(), usize>) {
        let bytes = text.as_bytes();
        assert_eq!(Heads::default().follow(bytes), expected, "{text:?}");
        let mut heads = Heads::default();
        let one_by_one = (0..bytes.len())
            .find(|&at| heads.follow(&bytes[at..=at]).is_err())
            .map_or(Ok(()), Err);
        assert_eq!(one_by_one, expected, "byte by byte: {text:?}");
    }

    /// Checks that the head is refused at the first byte of this part.
    fn check_refused(text: &str, at: &str) {
        check(text, Err(text.find(at).unwrap() + at.len() - 1));
    }

    #[test]
    fn clear_heads_pass() {
        check("GET / HTTP/1.1\r\nHost: x\r\n\r\n", Ok(()));
        check("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", Ok(()));
        check(
            "POST / HTTP/1.1\r\nContent-Length:3 \r\n\r\n\r\n\nGET / HTTP/1.1\r\n\r\n",
            Ok(()),
        );
        check(
            "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            Ok(()),
        );
        check(
            "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n\n\n",
            Ok(()),
        );
    }

    #[test]
    fn unclear_heads_do_not() {
        check_refused("GET / HTTP/1.1\nHost: x\r\n\r\n", "\n");
        check_refused("GET / HTTP/1.1\r\nHost: x\n\r\n", "x\n");
        check_refused("GET / HTTP/1.1\r\nHost: x\r\n\n", "x\r\n\n");
        check_refused("GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", "\rC");
        check_refused("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "c\r\n");
        check_refused("GET / HTTP/1.1\r\nHost : x\r\n\r\n", "x\r\n");
        check_refused("GET / HTTP/1.1\r\nHost\r\n\r\n", "Host\r\n");
        check_refused("GET / HTTP/1.1\r\n: x\r\n\r\n", "x\r\n");
        for length in ["", "+1", "-1", "0x1", "1, 1", "1 1", "99999999999999999999"] {
            let head = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
            check(&head, Err(head.len() - 3));
        }
        for encoding in [
            "",
            "gzip, chunked",
            "chunked, chunked",
            "identity",
            "\u{b}chunked",
        ] {
            let head = format!("POST / HTTP/1.1\r\nTransfer-Encoding: {encoding}\r\n\r\n");
            check(&head, Err(head.len() - 3));
        }
        let both = ["Content-Length: 1", "Transfer-Encoding: chunked"];
        for [one, other] in [both, [both[1], both[0]]] {
            let head = format!("POST / HTTP/1.1\r\n{one}\r\n{other}\r\n\r\n");
            check(&head, Err(head.len() - 1));
            let head = format!("POST / HTTP/1.1\r\n{one}\r\n{one}\r\n\r\n");
            check(&head, Err(head.len() - 3));
        }
    }

    #[test]
    fn a_request_within_a_body_is_no_head() {
        let hidden = "GET /hidden HTTP/1.1\nA: b\n\n";
        let length = hidden.len();
        let post = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{hidden}");
        check(&post, Ok(()));
        check(&format!("{post}x\n"), Err(post.len() + 1));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'\r'), Just(b'\n'), Just(b':'), Just(b' '), any::<u8>()],
                0..200,
            ),
            cut in any::<proptest::sample::Index>(),
        ) {
            let cut = if bytes.is_empty() { 0 } else { cut.index(bytes.len()) };
            let mut heads = Heads::default();
            let in_two = heads
                .follow(&bytes[..cut])
                .and_then(|()| heads.follow(&bytes[cut..]).map_err(|at| cut + at));
            prop_assert_eq!(Heads::default().follow(&bytes), in_two);
        }
    }
}
