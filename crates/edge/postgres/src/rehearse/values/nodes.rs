//! The tree that the server prints of a statement, as a tree: nodes with their fields, lists, words.
//!
//! All versions write `{NODE :field value …}` and `(value …)`; which nodes and fields there are differs, and whoever reads
//! asks for those that it knows. What is not understood is no error: then less is known of the parameters.

/// Deeper trees are not read: the server's own limit on the depth of its stack is about this.
const DEPTH_MAX: usize = 500;

/// A part of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// `{NAME :field value …}`
    Node(Node<'a>),
    /// `(…)`
    List(Vec<Self>),
    /// Anything else, up to a space or a bracket.
    Word(&'a str),
}

/// `{NAME :field value …}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    /// In their order; of a value of several words the first.
    fields: Vec<(&'a str, Part<'a>)>,
}

impl<'a> Node<'a> {
    pub(super) fn field(&self, name: &str) -> Option<&Part<'a>> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A field that is a number.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        match self.field(name)? {
            Part::Word(word) => word.parse().ok(),
            _ => None,
        }
    }

    /// A field that is a list; empty if there is none.
    pub(super) fn list(&self, name: &str) -> &[Part<'a>] {
        match self.field(name) {
            Some(Part::List(parts)) => parts,
            _ => &[],
        }
    }

    /// Everything that its fields hold.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Part<'a>> {
        self.fields.iter().map(|(_, value)| value)
    }
}

impl<'a> Part<'a> {
    pub(super) fn node(&self) -> Option<&Node<'a>> {
        match self {
            Self::Node(node) => Some(node),
            _ => None,
        }
    }
}

/// Reads all that stands at the top of a text.
pub(super) fn read(text: &str) -> Vec<Part<'_>> {
    let mut reader = Reader { text, at: 0 };
    let mut parts = Vec::new();
    while let Some(part) = reader.part(0) {
        parts.push(part);
    }
    parts
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next bracket or word; a backslash takes what follows it into the word.
    fn token(&mut self) -> Option<&'a str> {
        let rest = self.text.get(self.at..)?;
        let from = self.at + (rest.len() - rest.trim_start().len());
        let rest = self.text.get(from..)?;
        let first = rest.chars().next()?;
        let mut length = first.len_utf8();
        if !"(){}".contains(first) {
            let mut escaped = first == '\\';
            for letter in rest.chars().skip(1) {
                if !escaped && (letter.is_whitespace() || "(){}".contains(letter)) {
                    break;
                }
                escaped = letter == '\\' && !escaped;
                length += letter.len_utf8();
            }
        }
        self.at = from + length;
        self.text.get(from..self.at)
    }

    fn peek(&mut self) -> Option<&'a str> {
        let at = self.at;
        let token = self.token();
        self.at = at;
        token
    }

    /// The next part; `None` at the end, and where a bracket closes that nothing opened here.
    fn part(&mut self, depth: usize) -> Option<Part<'a>> {
        match self.token()? {
            "{" if depth < DEPTH_MAX => Some(self.node(depth)),
            "(" if depth < DEPTH_MAX => {
                let mut parts = Vec::new();
                while let Some(next) = self.peek() {
                    if next == ")" {
                        self.token();
                        break;
                    }
                    let Some(part) = self.part(depth + 1) else { break };
                    parts.push(part);
                }
                Some(Part::List(parts))
            }
            "{" | "(" | "}" | ")" => None,
            word => Some(Part::Word(word)),
        }
    }

    fn node(&mut self, depth: usize) -> Part<'a> {
        let name = match self.peek() {
            Some("{" | "}" | "(" | ")") | None => "",
            Some(_) => self.token().unwrap_or_default(),
        };
        let mut fields: Vec<(&'a str, Part<'a>)> = Vec::new();
        let mut open = None;
        while let Some(next) = self.peek() {
            if next == "}" {
                self.token();
                break;
            }
            if let Some(label) = next.strip_prefix(':') {
                self.token();
                open = Some(label);
                continue;
            }
            let Some(part) = self.part(depth + 1) else { break };
            if let Some(label) = open.take() {
                fields.push((label, part));
            }
        }
        Part::Node(Node { name, fields })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_lists_and_words_are_told_apart() {
        let parts = read(
            "({QUERY :commandType 1 :rtable ({RTE :alias {ALIAS :aliasname a\\ :b} :relid 16385}) \
             :quals {CONST :constvalue 4 [ 1 0 0 0 ] :location -1}})",
        );
        let [Part::List(list)] = parts.as_slice() else { panic!("{parts:?}") };
        let query = list[0].node().unwrap();
        assert_eq!(query.number::<i32>("commandType"), Some(1));
        let table = query.list("rtable")[0].node().unwrap();
        assert_eq!(table.number::<u32>("relid"), Some(16385));
        let value = query.field("quals").unwrap().node().unwrap();
        assert_eq!(value.number::<i32>("constvalue"), Some(4));
        assert_eq!(value.number::<i32>("location"), Some(-1));
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_an_end(text in "[{}() :a-z\\\\0-9]{0,200}") {
            let parts = read(&text);
            prop_assert!(parts.len() <= text.len());
        }
    }
}
