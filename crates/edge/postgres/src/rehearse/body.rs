//! The text of a function that somebody wrote: every name in it, whatever it stands for.
//!
//! Comments and quoted texts are not told from code, so that nothing can hide in what looks like one of them; the price
//! is that a function is refused, now and then, for a name in a comment.

use std::collections::BTreeSet;

/// Names in a function's text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Body {
    /// Names before a parenthesis, sorted.
    pub(super) called: Vec<String>,
    /// All names, sorted; as they are, and as the server folds them.
    pub(super) named: Vec<String>,
    /// Everything that may be part of an operator, in order.
    pub(super) signs: String,
    spells_names: bool,
}

impl Body {
    /// Why the text does not tell what is called; `None` if it does.
    pub(super) fn opaque(&self, language: &str) -> Option<&'static str> {
        if self.spells_names {
            return Some("it spells names with Unicode escapes");
        }
        let executes = self.named.iter().any(|name| name == "execute");
        (language == "plpgsql" && executes).then_some("it puts statements together as it runs")
    }
}

/// Reads the text of a function in SQL or PL/pgSQL.
pub(super) fn read(text: &str) -> Body {
    const SIGNS: &str = "+-*/<>=~!@#%^&|`?";
    let mut called = BTreeSet::new();
    let mut named = BTreeSet::new();
    let mut add = |name: &str, is_called: bool| {
        for name in [name.to_owned(), name.to_lowercase()] {
            if is_called {
                called.insert(name.clone());
            }
            named.insert(name);
        }
    };
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    // As words.
    let mut rest = text;
    while let Some(from) = rest.find(is_word) {
        let tail = rest.get(from..).unwrap_or_default();
        let length = tail.find(|letter| !is_word(letter)).unwrap_or(tail.len());
        let (word, after) = tail.split_at(length);
        add(word, is_call(after.strip_prefix('"').unwrap_or(after)));
        rest = after;
    }
    // Whatever stands between any two double quotes, doubled ones within as the server reads them.
    let marks: Vec<usize> = text.match_indices('"').map(|(at, _)| at).collect();
    for (place, from) in marks.iter().enumerate() {
        // A name has at most 63 bytes, each of which may be a quote.
        for to in marks.iter().skip(place + 1).take_while(|to| **to - from <= 130) {
            let name = text.get(from + 1..*to).unwrap_or_default().replace("\"\"", "\"");
            let after = text.get(to + 1..).unwrap_or_default();
            add(&name, is_call(after));
        }
    }
    let signs = text.chars().map(|letter| if SIGNS.contains(letter) { letter } else { ' ' });
    let signs: String = signs.collect();
    let signs: Vec<&str> = signs.split_ascii_whitespace().collect();
    let lower = text.to_lowercase();
    Body {
        called: called.into_iter().collect(),
        named: named.into_iter().collect(),
        signs: signs.join(" "),
        spells_names: lower.contains("u&\""),
    }
}

/// Whether a parenthesis follows, behind white space and comments.
fn is_call(after: &str) -> bool {
    let trimmed = after.trim_start();
    // What a comment hides is taken for a call.
    trimmed.starts_with('(') || trimmed.starts_with("--") || trimmed.starts_with("/*")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn calls_are_told_from_other_names() {
        let body = read(
            "select Danger /* x */ (1), row.column_of, \"Odd \"\"name\"\"\" (2) from t where a @@> b",
        );
        for name in ["danger", "Odd \"name\""] {
            assert!(body.called.contains(&name.to_owned()), "{name}: {body:?}");
        }
        assert!(body.named.contains(&"column_of".to_owned()));
        assert!(!body.called.contains(&"t".to_owned()));
        assert!(body.signs.contains("@@>"));
    }

    #[test]
    fn what_is_put_together_as_it_runs_is_opaque() {
        assert!(read("begin EXECUTE 'select ' || f; end").opaque("plpgsql").is_some());
        assert!(read("select executed from t").opaque("plpgsql").is_none());
        assert!(read("select U&\"\\0064\"()").opaque("sql").is_some());
    }

    proptest! {
        #[test]
        fn a_call_is_found_in_any_surroundings(before in "\\PC{0,60}", name in "[a-z_][a-z0-9_]{3,20}", after in "\\PC{0,60}") {
            let body = read(&format!("{before} {name}({after}"));
            prop_assert!(body.called.contains(&name));
        }

        #[test]
        fn a_quoted_call_is_found_in_any_surroundings(before in "\\PC{0,60}", name in "\\PC{1,20}", after in "\\PC{0,60}") {
            let quoted = name.replace('"', "\"\"");
            let body = read(&format!("{before} \"{quoted}\"({after}"));
            prop_assert!(body.called.contains(&name), "{:?}", body);
        }
    }
}
