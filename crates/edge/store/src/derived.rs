//! Payloads of spans to rows, without a span in between: texts go from the bytes into the columns, and operation and
//! statement, which take reading, are read once for all spans of which the same is said.

use keep::{Chunk, Column, spans::SpanRows, table::span as place};
use model::{Attributes, Span, SpanKind, SpanView, Value, ValueView, text_of};
use observe::Tells;
use rustc_hash::FxHashMap;

/// Spans of which different things are said, as many as are remembered: some megabytes. Beyond it begins anew.
const KNOWN_MAX: usize = 1 << 16;

/// The rows of payloads.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    spans: SpanRows,
    known: Known,
    statements: &'a mut sql::Statements,
}

impl<'a> Rows<'a> {
    /// Fills a chunk that has no rows.
    pub(crate) fn over(chunk: Chunk, statements: &'a mut sql::Statements) -> Self {
        Self { spans: SpanRows::over(chunk), known: Known::default(), statements }
    }

    /// Adds the rows of a payload; one that cannot be read to its end has none.
    pub(crate) fn add(&mut self, payload: &[u8]) {
        let Self { spans, known, statements } = self;
        let before = spans.chunk().rows();
        let read = observe::otlp::view(payload, |view| {
            spans.push_view(view, |chunk, placed| known.derive(view, chunk, placed, statements));
        });
        if read.is_err() {
            spans.truncate(before);
        }
    }

    pub(crate) fn into_chunk(self) -> Chunk {
        self.spans.into_chunk()
    }
}

/// What was read of spans, by what is said of them. Numbers are those of the rows at hand.
#[derive(Debug, Default)]
struct Known {
    /// What the attribute at each place of the rows has to do with it.
    tells: Vec<Tells>,
    /// Operation and statement by what has a say in them.
    derived: FxHashMap<Box<[u64]>, (u32, u32)>,
    /// The key of the span at hand.
    key: Vec<u64>,
}

impl Known {
    fn derive(
        &mut self,
        view: &SpanView<'_>,
        chunk: &mut Chunk,
        placed: &[(u32, u64)],
        statements: &mut sql::Statements,
    ) -> (u32, u32) {
        if view.kind == SpanKind::Producer {
            return (0, 0);
        }
        for attribute in chunk.attributes().iter().skip(self.tells.len()) {
            self.tells.push(observe::tells(chunk.texts().get(attribute.key)));
        }
        let is_root = view.parent_id.is_none();
        let has_route = self.has_telling_route(view, placed);
        let has_say =
            |tells: Tells| tells.is_for(view.kind, is_root) && !(tells == Tells::Path && has_route);
        self.key.clear();
        let Column::Text(names) = chunk.column(place::NAME) else { return (0, 0) };
        let name = names.last().copied().unwrap_or(0);
        self.key.push((view.kind as u64) << 33 | u64::from(is_root) << 32 | u64::from(name));
        for (place, bits) in placed {
            if has_say(self.tells[*place as usize]) {
                self.key.extend([u64::from(*place), *bits]);
            }
        }
        if let Some(derived) = self.derived.get(self.key.as_slice()) {
            return *derived;
        }
        let said = placed.iter().zip(view.attributes);
        let said = said.filter(|((place, _), _)| has_say(self.tells[*place as usize]));
        let attributes = said.map(|(_, (key, value))| (text_of(key), value.to_value())).collect();
        let span = Span { attributes: Attributes(attributes), ..view.without_lists() };
        let derived = read(&span, chunk, statements);
        if KNOWN_MAX <= self.derived.len() {
            self.derived.clear();
        }
        self.derived.insert(self.key.as_slice().into(), derived);
        derived
    }

    /// Whether a route tells the operation, so that the path has no say in it.
    fn has_telling_route(&self, view: &SpanView<'_>, placed: &[(u32, u64)]) -> bool {
        let routes = placed.iter().zip(view.attributes);
        let mut routes =
            routes.filter(|((place, _), _)| self.tells[*place as usize] == Tells::Route);
        let route = routes.find(|(_, (_, value))| !is_empty(value));
        route.is_some_and(|(_, (_, value))| match value {
            ValueView::Text(route) => {
                std::str::from_utf8(route).is_ok_and(observe::is_telling_route)
            }
            _ => false,
        })
    }
}

/// Operation and statement as the semantic conventions tell them.
fn read(span: &Span, chunk: &mut Chunk, statements: &mut sql::Statements) -> (u32, u32) {
    let call = observe::call(span, statements);
    let operation = call.request().map_or("", |request| &request.operation);
    let statement = call.statement().map_or("", |it| it.text.text.as_str());
    let mut number = |text: &str| if text.is_empty() { 0 } else { chunk.text(text) };
    (number(operation), number(statement))
}

fn is_empty(value: &ValueView<'_>) -> bool {
    match value {
        ValueView::Text(text) => text.is_empty(),
        ValueView::Other(Value::Empty) => true,
        ValueView::Other(Value::Text(text)) => text.is_empty(),
        ValueView::Other(Value::List(list)) => list.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use keep::{
        SPANS,
        spans::{self, Derived},
    };
    use proptest::{prelude::*, sample::Index};
    use testkit::arbitrary;

    use super::*;

    /// Rows by way of spans, each read by itself.
    fn plainly(payloads: &[Vec<u8>]) -> Chunk {
        let (mut rows, mut statements) = (SpanRows::default(), sql::Statements::default());
        for payload in payloads {
            let decoded = observe::otlp::decode(payload).map(|it| it.spans).unwrap_or_default();
            for span in decoded {
                let call = observe::call(&span, &mut statements);
                let operation = call.request().map_or("", |request| &request.operation);
                let statement = call.statement().map_or("", |it| it.text.text.as_str());
                rows.push(&span, Derived { operation, statement });
            }
        }
        rows.into_chunk()
    }

    /// Everything that rows say.
    fn told(chunk: &Chunk) -> Vec<String> {
        let all: Vec<usize> = (0..chunk.rows()).collect();
        let column = |name: &str| match chunk.column(SPANS.column(name).unwrap()) {
            Column::Text(numbers) => numbers.clone(),
            _ => Vec::new(),
        };
        let derived = ["operation", "statement", "service"].map(column);
        let text = |number: u32| chunk.texts().get(number);
        let mut told = Vec::new();
        for (row, mut span) in spans::read(chunk, &all).into_iter().enumerate() {
            // The order in which a chunk met keys is not that of each span.
            span.attributes.0.sort_by_key(|(key, value)| (key.clone(), format!("{value:?}")));
            told.push(format!(
                "{span:?} {:?}",
                derived.each_ref().map(|numbers| text(numbers[row]))
            ));
        }
        told
    }

    fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let telling = prop::collection::vec(arbitrary::telling_span(), 0..12);
        let spans = prop_oneof![3 => telling, 1 => arbitrary::spans()];
        let payload = spans.prop_map(|spans| observe::otlp::encode(&spans));
        prop::collection::vec(payload, 0..4)
    }

    proptest! {
        #[test]
        fn rows_are_those_of_the_spans(
            mut payloads in payloads(),
            changes in prop::collection::vec((any::<Index>(), any::<Index>(), any::<u8>()), 0..3),
            cut in prop::option::weighted(0.2, (any::<Index>(), any::<Index>())),
        ) {
            if !payloads.is_empty() {
                for (which, place, byte) in changes {
                    let at = which.index(payloads.len());
                    let length = payloads[at].len();
                    if 0 < length {
                        payloads[at][place.index(length)] = byte;
                    }
                }
                if let Some((which, place)) = cut {
                    let at = which.index(payloads.len());
                    let length = place.index(payloads[at].len() + 1);
                    payloads[at].truncate(length);
                }
            }
            let mut statements = sql::Statements::default();
            let mut rows = Rows::over(Chunk::new(&SPANS), &mut statements);
            for payload in &payloads {
                rows.add(payload);
            }
            let mut chunk = rows.into_chunk();
            let plainly = told(&plainly(&payloads));
            prop_assert_eq!(&told(&chunk), &plainly);
            // What a chunk held before it was cleared is not seen in its rows.
            chunk.clear();
            prop_assert_eq!(chunk.rows(), 0);
            let mut rows = Rows::over(chunk, &mut statements);
            for payload in &payloads {
                rows.add(payload);
            }
            prop_assert_eq!(told(&rows.into_chunk()), plainly);
        }
    }
}
