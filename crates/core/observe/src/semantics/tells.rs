//! Which attributes have a say in the operation and the statement that [`call`](super::call) reads from a span: who reads
//! many spans alike needs to read them once.

use model::SpanKind;

use super::{facts, request};

/// What an attribute has to do with the operation and the statement of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tells {
    /// Nothing.
    Nothing,
    /// The statement, if the span runs one.
    Statement,
    /// The operation, if the span answers a request.
    Operation,
    /// The same, but only where no route tells it.
    Path,
    /// The same, as the framework names it: see [`is_telling_route`].
    Route,
}

/// What the attribute called `key` has to do with it.
#[must_use]
pub fn tells(key: &str) -> Tells {
    use facts::Key;
    match facts::key(key) {
        Some(Key::DbText | Key::DbSystem | Key::DbTable | Key::DbSummary | Key::DbOperation) => {
            Tells::Statement
        }
        Some(
            Key::Destination
            | Key::GraphqlOperation
            | Key::HttpMethod
            | Key::JobClass
            | Key::RpcMethod
            | Key::RpcService
            | Key::RpcSystem,
        ) => Tells::Operation,
        Some(Key::HttpTarget | Key::HttpUrl | Key::UrlPath) => Tells::Path,
        Some(Key::HttpRoute) => Tells::Route,
        _ => Tells::Nothing,
    }
}

/// Whether a route tells the operation whatever the path is. The first [`Tells::Route`] that is not empty counts.
#[must_use]
pub fn is_telling_route(route: &str) -> bool {
    route != "/" && request::is_telling(route, "")
}

impl Tells {
    /// Whether it may matter to a span of that kind.
    #[must_use]
    pub fn is_for(self, kind: SpanKind, is_root: bool) -> bool {
        match (self, kind) {
            (Self::Nothing, _) | (_, SpanKind::Producer) => false,
            (Self::Statement, kind) => !matches!(kind, SpanKind::Server | SpanKind::Consumer),
            (_, SpanKind::Server | SpanKind::Consumer) => true,
            (_, SpanKind::Client) => false,
            (_, SpanKind::Internal | SpanKind::Unspecified) => is_root,
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Attributes, Span, Text, Value};
    use proptest::prelude::*;
    use sql::Statements;
    use testkit::arbitrary;

    use super::*;
    use crate::call;

    /// The attributes that have a say.
    fn telling(span: &Span) -> Vec<(Text, Value)> {
        let is_empty = |value: &Value| match value {
            Value::Text(text) => text.is_empty(),
            Value::List(list) => list.is_empty(),
            Value::Empty => true,
            _ => false,
        };
        let routes = span.attributes.0.iter().filter(|(key, _)| tells(key) == Tells::Route);
        let route = routes.map(|(_, value)| value).find(|value| !is_empty(value));
        let is_told = route.and_then(Value::as_text).is_some_and(is_telling_route);
        let says = |key: &Text| {
            let tells = tells(key);
            tells.is_for(span.kind, span.parent_id.is_none()) && !(tells == Tells::Path && is_told)
        };
        span.attributes.0.iter().filter(|(key, _)| says(key)).cloned().collect()
    }

    fn told(span: &Span) -> (Option<Text>, Option<Text>) {
        let call = call(span, &mut Statements::default());
        let operation = call.request().map(|it| it.operation.clone());
        (operation, call.statement().map(|it| it.text.text.clone()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn attributes_that_tell_nothing_change_nothing(span in arbitrary::telling_span()) {
            let bare = Span { attributes: Attributes(telling(&span)), ..span.clone() };
            prop_assert_eq!(told(&bare), told(&span));
        }
    }

    #[test]
    fn a_route_spares_the_path() {
        assert!(is_telling_route("/orders/{id}"));
        assert!(!is_telling_route("/") && !is_telling_route("/*") && !is_telling_route(""));
        assert_eq!(tells("url.path"), Tells::Path);
        assert!(!Tells::Path.is_for(SpanKind::Client, true));
    }
}
