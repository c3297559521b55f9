//! Stands in for the crate `sql` until that has its `Statements`.

use std::sync::Arc;

use model::{Parameters, StatementKind, StatementText, Text};

/// Reads statements.
#[derive(Debug, Default)]
pub struct Statements {}

/// What was read.
#[derive(Debug)]
pub struct StatementRead {
    /// The text without literals.
    pub text: Arc<StatementText>,
    /// The parameters.
    pub parameters: Parameters,
    /// The offset.
    pub offset: Option<u64>,
}

impl Statements {
    /// Reads a statement.
    #[expect(clippy::unused_self, reason = "stands in")]
    pub fn read(&mut self, raw: &str) -> StatementRead {
        let first = raw.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let kind = match first.as_str() {
            "SELECT" => StatementKind::Select,
            "INSERT" => StatementKind::Insert,
            "UPDATE" => StatementKind::Update,
            "DELETE" => StatementKind::Delete,
            "BEGIN" | "COMMIT" | "ROLLBACK" | "SET" | "SAVEPOINT" => StatementKind::Session,
            _ => StatementKind::Other,
        };
        let mut text = String::new();
        let mut hidden = false;
        let mut known = 0_u64;
        for word in raw.split_whitespace() {
            if !text.is_empty() {
                text.push(' ');
            }
            if matches!(word, "?" | "%s" | "$1") {
                hidden = true;
                text.push('?');
            } else if word.bytes().all(|b| b.is_ascii_digit()) {
                known = known * 31 + word.parse::<u64>().unwrap_or(1) + 1;
                text.push('?');
            } else {
                text.push_str(word);
            }
        }
        let fingerprint =
            text.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31) + u64::from(byte));
        let parameters = match (known, hidden) {
            (0, true) => Parameters::Hidden,
            (0, false) => Parameters::None,
            (known, _) => Parameters::Known(known),
        };
        let text = Arc::new(StatementText {
            fingerprint,
            text: Text::from(text),
            kind,
            tables: Vec::new(),
            shape: None,
            truncated: false,
        });
        StatementRead { text, parameters, offset: None }
    }
}
