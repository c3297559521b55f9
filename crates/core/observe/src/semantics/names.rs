//! Work that no attribute tells: mail and templates, by the names of scopes and spans.

use model::{Span, SpanKind, Work};

use super::{
    cut,
    facts::{Facts, Key},
};

/// Ports on which mail is handed in: RFC 5321, RFC 8314, RFC 6409, and the usual stand-in.
const MAIL_PORTS: &[u64] = &[25, 465, 587, 2525];

/// What people call the sending of mail, in lower case.
const MAIL_NAMES: &[&str] = &[
    "send_mail",
    "sendmail",
    "send mail",
    "send_email",
    "sendemail",
    "send email",
    "deliver.action_mailer",
    "action_mailer deliver",
    "mailer.deliver",
    "deliver_mail",
    "mailer.send",
];

/// Scopes of libraries that send mail, in lower case.
const MAIL_SCOPES: &[&str] =
    &["nodemailer", "action_mailer", "actionmailer", "mailkit", "javamail"];

/// Longest name that is kept.
const NAME_BYTES_MAX: usize = 128;

/// What a span does that names neither a database nor a remote endpoint.
pub(super) fn work(span: &Span, facts: &Facts<'_>) -> Work {
    if is_mail(span, facts) {
        let peer = facts.text(Key::PeerHost).or_else(|| facts.text(Key::PeerName));
        return Work::Mail { peer: cut(peer.unwrap_or_default(), NAME_BYTES_MAX) };
    }
    if let Some(template) = rendered(span, facts) {
        return Work::Render { template: cut(template, NAME_BYTES_MAX) };
    }
    Work::Own
}

fn is_mail(span: &Span, facts: &Facts<'_>) -> bool {
    let to_mail_port = span.kind == SpanKind::Client
        && facts.count(Key::PeerPort).is_some_and(|port| MAIL_PORTS.contains(&port));
    to_mail_port
        || contains_mail(&span.name, MAIL_NAMES)
        || contains_mail(&span.scope.name, MAIL_SCOPES)
}

fn rendered<'a>(span: &'a Span, facts: &Facts<'a>) -> Option<&'a str> {
    let template = facts.text(Key::TemplateName);
    let name = span.name.as_str();
    let by_name =
        ["render ", "Render ", "render_", "render.", "jinja2.", "view.render", "View.render"]
            .iter()
            .find_map(|start| name.strip_prefix(start));
    if by_name.is_some() || is_of_templates(&span.scope.name) {
        return template
            .or_else(|| span.attributes.text("identifier"))
            .or_else(|| span.attributes.text("code.filepath"))
            .or_else(|| by_name.filter(|rest| !rest.is_empty()))
            .or(Some(name));
    }
    None
}

/// Whether a scope is that of a template engine: by the last part of its name.
fn is_of_templates(scope: &str) -> bool {
    let last = scope.rsplit(['.', ':', '-', '/']).next().unwrap_or_default();
    matches!(last, "jinja2" | "ActionView" | "action_view" | "thymeleaf" | "twig" | "ejs")
}

/// Whether `text` speaks of mail and contains one of `parts`, which are in lower case.
fn contains_mail(text: &str, parts: &[&str]) -> bool {
    // Every part holds `mail`: one look for that letter by letter spares most spans the rest.
    let bytes = text.as_bytes();
    let at = |from: usize, word: &[u8]| {
        bytes.get(from..from + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word))
    };
    let mut places = (0..bytes.len()).filter(|place| matches!(bytes[*place], b'm' | b'M'));
    places.any(|place| {
        0 < place && at(place - 1, b"smtp")
            || at(place, b"mail")
                && parts.iter().any(|part| (0..=place).any(|from| at(from, part.as_bytes())))
    })
}
