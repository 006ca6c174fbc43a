//! What a failed transfer of an email means: whether it concerns the email, or the mail server or our set-up,
//! which concern every email.
//!
//! Servers may delay a rejection of the client's name or of the sender until they know the recipient, as
//! Postfix does by default. Such a reply repeats what it rejects in angle brackets.

use std::error::Error;
use std::io;

use lettre::transport::smtp;

use crate::certificates;
use crate::outgoing::{ChannelProblem, Failure};
use crate::root_cause::root_cause;

use super::server::{SmtpRejection, Stage};
use super::{SUBJECT_LENGTH, one_line};

/// Replies that reject the login (RFC 4954).
const LOGIN_REJECTED: [u16; 4] = [530, 534, 535, 538];

/// Replies that reject a command as such, for example because of the name in EHLO (RFC 5321, 4.2.2).
const COMMAND_REJECTED: [u16; 4] = [500, 502, 503, 504];

/// The reply that the server is shutting down.
const SHUTTING_DOWN: u16 = 421;

/// The reply to a sender whose email is too large.
const TOO_LARGE: u16 = 552;

/// The failure after a rejection of an email from this sender to this recipient.
pub(super) fn failure(rejection: &SmtpRejection, from: &str, to: &str) -> Failure {
    let (stage, error) = match rejection {
        SmtpRejection::Smtp { stage, error } => (stage, error),
        SmtpRejection::Unreachable(error) => return unreachable(error),
        SmtpRejection::AddressNotAscii => {
            return Failure::Permanent {
                code: "bad_address",
                reason: "the mail server supports only addresses of ASCII characters".to_owned(),
            };
        }
    };
    let cause = one_line(&reply_or_cause(error), SUBJECT_LENGTH);
    let Some(code) = error.status().map(u16::from) else {
        return no_reply(*stage, error, &cause);
    };
    let names_sender = from != to && cause.to_lowercase().contains(&format!("<{from}>"));
    if code == SHUTTING_DOWN {
        let reason = format!("the mail server is shutting down: {cause}");
        Failure::channel(ChannelProblem::Unreachable, reason)
    } else if LOGIN_REJECTED.contains(&code) {
        set_up_rejected("the login", &cause)
    } else if COMMAND_REJECTED.contains(&code) || *stage == Stage::MailConnection {
        connection_rejected(error, &cause)
    } else if (*stage == Stage::Sender && code != TOO_LARGE) || names_sender {
        sender_rejected(error, &cause)
    } else if error.is_permanent() {
        Failure::Permanent {
            code: "mail_refused",
            reason: format!("the mail server rejects the email: {cause}"),
        }
    } else {
        Failure::transient(format!(
            "the mail server cannot accept the email now: {cause}"
        ))
    }
}

fn connection_rejected(error: &smtp::Error, cause: &str) -> Failure {
    if error.is_permanent() {
        set_up_rejected("this client", cause)
    } else {
        let reason = format!("the mail server accepts no connection now: {cause}");
        Failure::channel(ChannelProblem::Unreachable, reason)
    }
}

fn sender_rejected(error: &smtp::Error, cause: &str) -> Failure {
    if error.is_permanent() {
        set_up_rejected("the sender", cause)
    } else {
        let reason = format!("the mail server does not accept the sender now: {cause}");
        Failure::channel(ChannelProblem::Unreachable, reason)
    }
}

fn set_up_rejected(what: &str, cause: &str) -> Failure {
    let reason = format!("the mail server rejects {what}: {cause}");
    Failure::channel(ChannelProblem::SetUpRejected, reason)
}

/// The failure without a connection.
fn unreachable(error: &io::Error) -> Failure {
    let cause = one_line(&root_cause(error).to_string(), SUBJECT_LENGTH);
    if let Some(failure) = certificate_refused(error) {
        failure
    } else if error.kind() == io::ErrorKind::TimedOut {
        timed_out(false)
    } else {
        let reason = format!("the mail server cannot be reached: {cause}");
        Failure::channel(ChannelProblem::Unreachable, reason)
    }
}

fn certificate_refused(error: &(dyn Error + 'static)) -> Option<Failure> {
    let reason = certificates::refusal(error)?;
    let reason = format!("the certificate of the mail server {reason}");
    Some(Failure::channel(ChannelProblem::SetUpRejected, reason))
}

/// The failure after a transfer that the server did not reply to.
fn no_reply(stage: Stage, error: &smtp::Error, cause: &str) -> Failure {
    if let Some(failure) = certificate_refused(error) {
        failure
    } else if stage == Stage::Content {
        let reason = format!("the mail server did not confirm the email: {cause}");
        Failure::channel(ChannelProblem::Failing, reason)
    } else if error.is_timeout() {
        timed_out(false)
    } else if error.is_tls() {
        let reason = format!("no encrypted connection to the mail server: {cause}");
        Failure::channel(ChannelProblem::SetUpRejected, reason)
    } else if error.is_client() {
        // It offers neither STARTTLS nor a supported way to log in.
        let reason = format!("the mail server cannot be used: {cause}");
        Failure::channel(ChannelProblem::SetUpRejected, reason)
    } else {
        let reason = format!("the mail server cannot be reached: {cause}");
        Failure::channel(ChannelProblem::Unreachable, reason)
    }
}

/// The failure when the server takes too long. It may have accepted an email whose content was sent.
pub(super) fn timed_out(content_sent: bool) -> Failure {
    let problem = if content_sent {
        ChannelProblem::Failing
    } else {
        ChannelProblem::Unreachable
    };
    Failure::channel(problem, "the mail server did not respond in time")
}

/// The reply code, if any, and the innermost cause: the server's text or the system's.
fn reply_or_cause(error: &smtp::Error) -> String {
    let cause = root_cause(error);
    match error.status() {
        Some(code) => format!("{code} {cause}"),
        None => cause.to_string(),
    }
}
