//! Email addresses as mail servers accept them.

use lettre::Address;

/// The address with its domain in ASCII (RFC 5891). Only a server that supports SMTPUTF8 (RFC 6531) accepts other
/// characters, and only before the @ are they unavoidable.
pub(super) fn with_ascii_domain(address: Address) -> Address {
    if address.domain().is_ascii() {
        return address;
    }
    let domain = idna::domain_to_ascii(address.domain());
    let converted = domain
        .ok()
        .and_then(|domain| Address::new(address.user(), domain).ok());
    converted.unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_written_in_ascii() {
        let check = |text: &str, expected: &str| {
            let address = with_ascii_domain(text.parse().unwrap());
            assert_eq!(address.to_string(), expected, "{text}");
        };
        check("info@müller.test", "info@xn--mller-kva.test");
        check("jörg@MÜLLER.test", "jörg@xn--mller-kva.test");
        check("info@mail.example", "info@mail.example");
        check("info@[192.0.2.1]", "info@[192.0.2.1]");
    }
}
