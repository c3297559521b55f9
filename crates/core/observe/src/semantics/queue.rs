//! Messages and jobs: handed to a queue, or taken from it.

use model::{Request, Span, Text, Work};

use super::{
    cut,
    facts::{Facts, Key},
    request, template,
};

/// Longest name of a queue that is kept.
const NAME_BYTES_MAX: usize = 128;

/// A message is handled: a request for which nobody waits.
pub(super) fn handled(span: &Span, facts: &Facts<'_>) -> Work {
    let job = facts.text(Key::JobClass).map(Text::from);
    let mut operation = Text::const_new("process ");
    operation.push_str(&job.or_else(|| destination(facts)).unwrap_or_else(|| bare_name(span)));
    Work::Request(Box::new(Request {
        operation,
        background: true,
        attributes: request::attributes(span, ""),
        ..Request::default()
    }))
}

/// A message is sent.
pub(super) fn sent(span: &Span, facts: &Facts<'_>) -> Work {
    let system = facts.text(Key::MessagingSystem);
    let system = system.or_else(|| span.scope.name.contains("celery").then_some("celery"));
    let job = facts.text(Key::JobClass).map(Text::from);
    Work::Send {
        system: cut(system.unwrap_or_default(), NAME_BYTES_MAX),
        destination: destination(facts).or(job).unwrap_or_else(|| bare_name(span)),
    }
}

/// Whether a client span sends a message.
pub(super) fn is_sent(facts: &Facts<'_>) -> bool {
    facts.has(Key::MessagingSystem)
        && facts.text(Key::MessagingOperation).is_some_and(|operation| {
            matches!(operation, "send" | "publish" | "create" | "SendMessage" | "SendMessageBatch")
        })
}

fn destination(facts: &Facts<'_>) -> Option<Text> {
    let name = facts.text(Key::Destination)?;
    // Queues for one reply each, and addresses of queues, are as many as there are messages.
    let name = name.rsplit_once("://").map_or(name, |(_, rest)| rest);
    let variable = template::is_variable(name) && !name.contains(['-', '.', '_', '/']);
    Some(if variable { Text::const_new("{id}") } else { cut(name, NAME_BYTES_MAX) })
}

/// What a span is called, without the word for what it does: `run/tasks.mail` and `orders process`.
fn bare_name(span: &Span) -> Text {
    const VERBS: &[&str] = &["process", "receive", "send", "publish", "deliver", "run", "consume"];
    let name = span.name.as_str();
    let name =
        name.strip_prefix("run/").or_else(|| name.strip_prefix("apply_async/")).unwrap_or(name);
    let bare = match name.rsplit_once(' ') {
        Some((rest, verb)) if VERBS.contains(&verb) => rest,
        _ => match name.split_once(' ') {
            Some((verb, rest)) if VERBS.contains(&verb) => rest,
            _ => name,
        },
    };
    cut(bare, NAME_BYTES_MAX)
}
