//! `CREATE INDEX` and `DROP INDEX` taken apart and put together again, in PostgreSQL's words.
//!
//! Expressions, predicates and storage parameters stay as they are written: only what frameworks have words of
//! their own for, and what decides about locks, is told apart. What is not understood is `None`, never a guess.

use crate::{Locking, identifier};

/// A `CREATE INDEX` as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexStatement {
    /// `UNIQUE`
    pub unique: bool,
    /// `CONCURRENTLY`
    pub concurrently: bool,
    /// Its name, unquoted; empty if the server is to choose one.
    pub name: String,
    /// Schema of the table, unquoted; empty if the search path decides.
    pub schema: String,
    /// The table, unquoted.
    pub table: String,
    /// `ONLY`: of a partitioned table alone.
    pub only: bool,
    /// `btree`
    pub method: String,
    /// Keys, in order.
    pub keys: Vec<KeyText>,
    /// Columns of `INCLUDE`, unquoted.
    pub include: Vec<String>,
    /// `NULLS NOT DISTINCT`, `WITH (…)`, `TABLESPACE …` as written; empty if there are none.
    pub options: String,
    /// What follows `WHERE`, as written; empty for all rows.
    pub predicate: String,
}

/// A key of a `CREATE INDEX` as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyText {
    /// The column, unquoted; `None` if it is an expression.
    pub column: Option<String>,
    /// Column, function or expression in parentheses, as written.
    pub text: String,
    /// What follows `COLLATE`, as written; empty if nothing.
    pub collation: String,
    /// Operator class with its parameters, as written; empty if it is the default.
    pub operator_class: String,
    /// `DESC`
    pub descending: bool,
    /// `NULLS FIRST` or `NULLS LAST`, if said.
    pub nulls_first: Option<bool>,
}

impl IndexStatement {
    /// Takes one statement apart; a `;` at its end is allowed. `None` if it is no `CREATE INDEX`, or one with
    /// parts that are not known.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let tokens = tokens(text)?;
        let mut reader = Reader { text, tokens: &tokens, at: 0 };
        reader.word("create").then_some(())?;
        let mut index = Self { unique: reader.word("unique"), ..Self::default() };
        reader.word("index").then_some(())?;
        index.concurrently = reader.word("concurrently");
        if reader.word("if") {
            (reader.word("not") && reader.word("exists")).then_some(())?;
        }
        if !reader.word("on") {
            index.name = reader.name()?;
            reader.word("on").then_some(())?;
        }
        index.only = reader.word("only");
        index.table = reader.name()?;
        if reader.sign('.') {
            index.schema = std::mem::replace(&mut index.table, reader.name()?);
        }
        index.method = if reader.word("using") { reader.name()? } else { "btree".to_owned() };
        for part in reader.list()? {
            index.keys.push(key(text, part)?);
        }
        if reader.word("include") {
            for part in reader.list()? {
                let mut part = Reader { text, tokens: part, at: 0 };
                index.include.push(part.name()?);
                part.ended().then_some(())?;
            }
        }
        let options = reader.at;
        while !reader.ended() && !reader.peeks("where") {
            reader.skip()?;
        }
        reader.between(options, reader.at).clone_into(&mut index.options);
        if reader.word("where") {
            let predicate = reader.at;
            while !reader.ended() {
                reader.skip()?;
            }
            reader.between(predicate, reader.at).clone_into(&mut index.predicate);
            (!index.predicate.is_empty()).then_some(())?;
        }
        known_options(&index.options).then_some(index)
    }

    /// The statement, without `;`; `only` of a partitioned table alone.
    #[must_use]
    pub fn text(&self, locking: Locking) -> String {
        let mut text = format!(
            "CREATE {}INDEX{}",
            if self.unique { "UNIQUE " } else { "" },
            if locking == Locking::Concurrently { " CONCURRENTLY" } else { "" }
        );
        if !self.name.is_empty() {
            text.push_str(&format!(" {}", identifier(&self.name)));
        }
        text.push_str(if self.only { " ON ONLY " } else { " ON " });
        if !self.schema.is_empty() {
            text.push_str(&format!("{}.", identifier(&self.schema)));
        }
        text.push_str(&format!("{} {}", identifier(&self.table), self.body()));
        text
    }

    /// What follows the table: method, keys and all the rest. Two indexes of one table with equal bodies, as
    /// the server prints them, are equal.
    #[must_use]
    pub fn body(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(KeyText::text).collect();
        let mut text = format!("USING {} ({})", identifier(&self.method), keys.join(", "));
        if !self.include.is_empty() {
            let columns: Vec<_> = self.include.iter().map(|column| identifier(column)).collect();
            text.push_str(&format!(" INCLUDE ({})", columns.join(", ")));
        }
        if !self.options.is_empty() {
            text.push_str(&format!(" {}", self.options));
        }
        if !self.predicate.is_empty() {
            text.push_str(&format!(" WHERE {}", self.predicate));
        }
        text
    }

    /// Has a key that is no plain column.
    #[must_use]
    pub fn has_expression(&self) -> bool {
        self.keys.iter().any(|key| key.column.is_none())
    }
}

impl KeyText {
    /// All of it, as it stands in the statement.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.text.clone();
        if !self.collation.is_empty() {
            text.push_str(&format!(" COLLATE {}", self.collation));
        }
        if !self.operator_class.is_empty() {
            text.push_str(&format!(" {}", self.operator_class));
        }
        if self.descending {
            text.push_str(" DESC");
        }
        match self.nulls_first {
            Some(true) => text.push_str(" NULLS FIRST"),
            Some(false) => text.push_str(" NULLS LAST"),
            None => {}
        }
        text
    }
}

/// Schema (empty if the search path decides) and name of the one index that a `DROP INDEX` drops, unquoted.
/// `None` if it is no such statement, drops several, or drops what hangs on them.
#[must_use]
pub fn dropped_index(text: &str) -> Option<(String, String)> {
    let tokens = tokens(text)?;
    let mut reader = Reader { text, tokens: &tokens, at: 0 };
    (reader.word("drop") && reader.word("index")).then_some(())?;
    reader.word("concurrently");
    if reader.word("if") {
        reader.word("exists").then_some(())?;
    }
    let first = reader.name()?;
    let dropped = if reader.sign('.') { (first, reader.name()?) } else { (String::new(), first) };
    reader.word("restrict");
    reader.ended().then_some(dropped)
}

/// Schema (empty if the search path decides) and name of the index that a `REINDEX INDEX CONCURRENTLY` builds anew,
/// unquoted. `None` if it is no such statement.
#[must_use]
pub fn rebuilt_index(text: &str) -> Option<(String, String)> {
    let tokens = tokens(text)?;
    let mut reader = Reader { text, tokens: &tokens, at: 0 };
    reader.word("reindex").then_some(())?;
    // `(CONCURRENTLY)` came later, and says the same.
    let listed = reader.parenthesis();
    if listed {
        let options = reader.list()?;
        let said = |option: &&[Token<'_>]| {
            option.first().is_some_and(|word| word.text.eq_ignore_ascii_case("concurrently"))
        };
        options.iter().any(said).then_some(())?;
    }
    reader.word("index").then_some(())?;
    (reader.word("concurrently") || listed).then_some(())?;
    let first = reader.name()?;
    let rebuilt = if reader.sign('.') { (first, reader.name()?) } else { (String::new(), first) };
    reader.ended().then_some(rebuilt)
}

/// One of the parts of a list of keys.
fn key(text: &str, tokens: &[Token<'_>]) -> Option<KeyText> {
    let mut reader = Reader { text, tokens, at: 0 };
    let mut key = KeyText::default();
    if reader.parenthesis() {
        reader.skip()?;
    } else {
        key.column = Some(reader.name()?);
        while reader.sign('.') {
            reader.name()?;
            key.column = None;
        }
        if reader.parenthesis() {
            reader.skip()?;
            key.column = None;
        } else {
            // A qualified name is that of a function, never of a column.
            key.column.as_ref()?;
        }
    }
    reader.between(0, reader.at).clone_into(&mut key.text);
    if reader.word("collate") {
        let from = reader.at;
        reader.qualified()?;
        reader.between(from, reader.at).clone_into(&mut key.collation);
    }
    if !reader.ended() && !["asc", "desc", "nulls"].iter().any(|word| reader.peeks(word)) {
        let from = reader.at;
        reader.qualified()?;
        if reader.parenthesis() {
            reader.skip()?;
        }
        reader.between(from, reader.at).clone_into(&mut key.operator_class);
    }
    key.descending = reader.word("desc");
    if !key.descending {
        reader.word("asc");
    }
    if reader.word("nulls") {
        key.nulls_first = Some(reader.word("first"));
        (key.nulls_first == Some(true) || reader.word("last")).then_some(())?;
    }
    reader.ended().then_some(key)
}

/// Nothing but `NULLS [NOT] DISTINCT`, `WITH (…)` and `TABLESPACE name`, in that order.
fn known_options(options: &str) -> bool {
    let Some(tokens) = tokens(options) else { return false };
    let mut reader = Reader { text: options, tokens: &tokens, at: 0 };
    if reader.word("nulls") {
        reader.word("not");
        if !reader.word("distinct") {
            return false;
        }
    }
    if reader.word("with") && !(reader.parenthesis() && reader.skip().is_some()) {
        return false;
    }
    if reader.word("tablespace") && reader.name().is_none() {
        return false;
    }
    reader.ended()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A name or keyword without quotes.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A string or a number.
    Value,
    Sign(char),
}

#[derive(Debug, Clone, Copy)]
struct Token<'text> {
    kind: Kind,
    text: &'text str,
    at: usize,
}

struct Reader<'text> {
    text: &'text str,
    tokens: &'text [Token<'text>],
    at: usize,
}

impl<'text> Reader<'text> {
    fn peek(&self) -> Option<&Token<'text>> {
        self.tokens.get(self.at)
    }

    fn ended(&self) -> bool {
        self.at == self.tokens.len()
    }

    fn peeks(&self, word: &str) -> bool {
        self.peek()
            .is_some_and(|token| token.kind == Kind::Word && token.text.eq_ignore_ascii_case(word))
    }

    /// Takes this keyword if it is next.
    fn word(&mut self, word: &str) -> bool {
        let there = self.peeks(word);
        self.at += usize::from(there);
        there
    }

    fn sign(&mut self, sign: char) -> bool {
        let there = self.peek().is_some_and(|token| token.kind == Kind::Sign(sign));
        self.at += usize::from(there);
        there
    }

    fn parenthesis(&self) -> bool {
        self.peek().is_some_and(|token| token.kind == Kind::Sign('('))
    }

    /// Takes a name, unquoted: folded as the server folds it, or what stands between quotes.
    fn name(&mut self) -> Option<String> {
        let token = *self.peek()?;
        let name = match token.kind {
            Kind::Word => token.text.to_ascii_lowercase(),
            Kind::Quoted => token.text.strip_prefix('"')?.strip_suffix('"')?.replace("\"\"", "\""),
            Kind::Value | Kind::Sign(_) => return None,
        };
        self.at += 1;
        (!name.is_empty()).then_some(name)
    }

    fn qualified(&mut self) -> Option<()> {
        self.name()?;
        while self.sign('.') {
            self.name()?;
        }
        Some(())
    }

    /// Goes past the next token, or past all of a pair of parentheses.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()?.kind {
                Kind::Sign('(') => depth += 1,
                Kind::Sign(')') => depth = depth.checked_sub(1)?,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Takes a list in parentheses: the tokens of each part.
    fn list(&mut self) -> Option<Vec<&'text [Token<'text>]>> {
        self.parenthesis().then_some(())?;
        let from = self.at + 1;
        self.skip()?;
        let inner = self.tokens.get(from..self.at - 1)?;
        let (mut parts, mut depth, mut begin) = (Vec::new(), 0_usize, 0);
        for (place, token) in inner.iter().enumerate() {
            match token.kind {
                Kind::Sign('(') => depth += 1,
                Kind::Sign(')') => depth = depth.checked_sub(1)?,
                Kind::Sign(',') if depth == 0 => {
                    parts.push(inner.get(begin..place)?);
                    begin = place + 1;
                }
                _ => {}
            }
        }
        parts.push(inner.get(begin..)?);
        parts.iter().all(|part| !part.is_empty()).then_some(parts)
    }

    /// The text from one token to before another, without the space around it.
    fn between(&self, from: usize, to: usize) -> &'text str {
        let begin = self.tokens.get(from).map_or(self.text.len(), |token| token.at);
        let end = to.checked_sub(1).and_then(|last| self.tokens.get(last));
        let end = end.map_or(begin, |token| token.at + token.text.len());
        if to <= from { "" } else { self.text.get(begin..end).unwrap_or_default() }
    }
}

/// The tokens of one statement, without comments and without the `;` at its end; `None` if it is cut, if there
/// are several statements, or if it has something that only a server can read (`U&"…"`).
fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut at = 0;
    while let Some(letter) = text.get(at..)?.chars().next() {
        let rest = text.get(at..)?;
        let (kind, length) = if letter.is_whitespace() {
            (None, letter.len_utf8())
        } else if rest.starts_with("--") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (None, comment(rest)?)
        } else if letter == '"' {
            (Some(Kind::Quoted), quoted(rest, '"', false)?)
        } else if letter == '\'' {
            let escapes = tokens
                .last()
                .is_some_and(|before| before.at + 1 == at && before.text.eq_ignore_ascii_case("e"));
            (Some(Kind::Value), quoted(rest, '\'', escapes)?)
        } else if letter == '$' {
            (Some(Kind::Value), dollar(rest)?)
        } else if letter.is_alphabetic() || letter == '_' {
            let inside = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
            let length = rest.find(|letter| !inside(letter)).unwrap_or(rest.len());
            let end = rest.get(length..)?;
            if rest.get(..length)?.eq_ignore_ascii_case("u") && end.starts_with('&') {
                return None;
            }
            (Some(Kind::Word), length)
        } else if letter.is_ascii_digit() {
            let inside = |letter: char| letter.is_alphanumeric() || letter == '.' || letter == '_';
            (Some(Kind::Value), rest.find(|letter| !inside(letter)).unwrap_or(rest.len()))
        } else {
            (Some(Kind::Sign(letter)), letter.len_utf8())
        };
        if let Some(kind) = kind {
            tokens.push(Token { kind, text: rest.get(..length)?, at });
        }
        at += length;
    }
    if tokens.last().is_some_and(|token| token.kind == Kind::Sign(';')) {
        tokens.pop();
    }
    tokens.iter().all(|token| token.kind != Kind::Sign(';')).then_some(tokens)
}

/// Bytes of a comment; they nest.
fn comment(rest: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        let here = rest.get(at..)?;
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += here.chars().next()?.len_utf8();
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Bytes of what stands between quotes, with both of them.
fn quoted(rest: &str, quote: char, escapes: bool) -> Option<usize> {
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == '\0' {
            return None;
        }
        if escapes && letter == '\\' {
            letters.next();
        } else if letter == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
            return Some(at + quote.len_utf8());
        }
    }
    None
}

/// Bytes of `$tag$…$tag$`; of a lone `$`, or of `$1`, those of what it is.
fn dollar(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('$')?;
    let digits = inner.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(inner.len());
    if 0 < digits {
        return Some(1 + digits);
    }
    let tag = inner.find('$')?;
    let tag = rest.get(..tag + 2)?;
    let end = rest.get(tag.len()..)?.find(tag)?;
    Some(tag.len() + end + tag.len())
}

#[cfg(test)]
#[path = "index_text_tests.rs"]
mod tests;
