//! Reads what the server made of a statement: its own tree, as `debug_print_rewritten` and the catalogs print it.
//!
//! Every function, operator, type and table stands in it by number, with views, row security and implicit
//! casts resolved, whatever names the text used. Only labels and the numbers behind them are looked at, so the
//! trees of all versions read alike, and a name that somebody chose cannot hide a label: labels of the server's
//! own are always there, a faked one only adds to them.

use std::collections::BTreeSet;

/// What trees name, and what they do.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) functions: BTreeSet<u32>,
    pub(super) operators: BTreeSet<u32>,
    pub(super) types: BTreeSet<u32>,
    pub(super) relations: BTreeSet<u32>,
    /// How many queries it holds, those within it included.
    pub(super) queries: usize,
    /// Something in it is no SELECT.
    pub(super) writes: bool,
    /// It takes locks on rows.
    pub(super) locks: bool,
}

impl Tree {
    /// Adds what another tree says.
    pub(super) fn read(&mut self, text: &str) {
        let mut words = text.split_ascii_whitespace().peekable();
        while let Some(word) = words.next() {
            if let Some(node) = word.trim_start_matches('(').strip_prefix('{') {
                self.queries += usize::from(node == "QUERY");
                self.locks |= node == "ROWMARKCLAUSE";
            }
            let Some(label) = word.strip_prefix(':') else { continue };
            let Some(value) = words.peek() else { continue };
            match label {
                // 1 is SELECT in every version.
                "commandType" => self.writes |= bare(value) != "1",
                "hasModifyingCTE" => self.writes |= bare(value) != "false",
                "hasForUpdate" => self.locks |= bare(value) != "false",
                _ => {
                    let Some(kind) = kind(label) else { continue };
                    for number in numbers(words.clone()) {
                        self.of(kind).insert(number);
                    }
                }
            }
        }
    }

    fn of(&mut self, kind: Kind) -> &mut BTreeSet<u32> {
        match kind {
            Kind::Function => &mut self.functions,
            Kind::Operator => &mut self.operators,
            Kind::Type => &mut self.types,
            Kind::Relation => &mut self.relations,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Function,
    Operator,
    Type,
    Relation,
}

/// What the numbers behind a label are. By their endings, as versions add labels; enumerations that end alike
/// are small numbers, which no object of a user has.
fn kind(label: &str) -> Option<Kind> {
    let label = label.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| label.ends_with(ending));
    if ends(&["funcid", "fnoid", "func", "handler"]) {
        Some(Kind::Function)
    } else if ends(&["opno", "opnos", "op", "ops", "operators", "opoid"]) {
        Some(Kind::Operator)
    } else if ends(&["type", "types", "typeid", "typid", "typeids"]) {
        Some(Kind::Type)
    } else if ends(&["relid"]) {
        Some(Kind::Relation)
    } else {
        None
    }
}

/// The number, or the numbers of a list: `16385`, `(o 16385 16386)`.
fn numbers<'a>(mut words: impl Iterator<Item = &'a str>) -> Vec<u32> {
    let Some(first) = words.next() else { return Vec::new() };
    if first != "(o" && first != "(i" {
        return bare(first).parse().ok().filter(|number| *number != 0).into_iter().collect();
    }
    let mut found = Vec::new();
    for word in words {
        let Ok(number) = bare(word).parse() else { break };
        found.push(number);
        if word.ends_with(')') {
            break;
        }
    }
    found
}

/// A word without the brackets that close behind it.
fn bare(word: &str) -> &str {
    word.trim_end_matches([')', '}'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Tree {
        let mut tree = Tree::default();
        tree.read(text);
        tree
    }

    #[test]
    fn a_plain_query_names_what_it_uses() {
        let tree = read(
            "({QUERY :commandType 1 :hasModifyingCTE false :hasForUpdate\nfalse :rtable ({RTE :relid 16385 \
             :relkind r}) :targetList ({FUNCEXPR :funcid 1574 :funcresulttype 20}) :quals {OPEXPR :opno 96 \
             :opfuncid 65} {ROWCOMPARE :opnos (o 97 98) :opfamilies (o 1)}})",
        );
        assert_eq!(tree.functions, BTreeSet::from([65, 1574]));
        assert_eq!(tree.operators, BTreeSet::from([96, 97, 98]));
        assert_eq!(tree.relations, BTreeSet::from([16385]));
        assert_eq!(tree.types, BTreeSet::from([20]));
        assert!(!tree.writes && !tree.locks && tree.queries == 1);
    }

    #[test]
    fn what_writes_or_locks_anywhere_is_seen() {
        assert!(read("({QUERY :commandType 4 :hasModifyingCTE false})").writes);
        assert!(read("({QUERY :commandType 1 :ctequery {QUERY :commandType 2}})").writes);
        assert!(read("({QUERY :commandType 1 :hasModifyingCTE true})").writes);
        assert!(read("({QUERY :commandType 1 :rowMarks ({ROWMARKCLAUSE :rti 1})})").locks);
        assert!(read("({QUERY :commandType 1 :hasForUpdate true})").locks);
    }

    #[test]
    fn a_name_that_looks_like_a_label_hides_nothing() {
        let tree = read("{ALIAS :aliasname :funcid :colnames <>} {FUNCEXPR :funcid 1574}");
        assert_eq!(tree.functions, BTreeSet::from([1574]));
    }

    proptest! {
        #[test]
        fn whatever_stands_around_a_call_it_is_found(before in "[ :(){}a-z0-9<>\"]{0,80}", number in 1_u32.., after in "\\PC{0,80}") {
            let tree = read(&format!("{before} {{FUNCEXPR :funcid {number}}} {after}"));
            prop_assert!(tree.functions.contains(&number));
        }
    }
}
