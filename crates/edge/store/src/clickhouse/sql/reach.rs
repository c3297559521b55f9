//! What a statement reaches, by the server's own tree of it: a list of words would be incomplete with the next version.

use super::{SqlError, refused};

/// Functions in place of a table that make rows of nothing.
const MAKE_ROWS: &[&str] = &["numbers", "zeros", "generate_series", "generateSeries", "values"];

/// Parts of the tree that name tables.
const TABLES: &[&str] =
    &["JOIN TREE", "LEFT TABLE EXPRESSION", "RIGHT TABLE EXPRESSION", "TABLE EXPRESSION"];

/// Refuses a statement whose tree reaches for anything but tables of the database.
pub(super) fn check(tree: &str, database: &str) -> Result<(), SqlError> {
    let mut above: Vec<(usize, &str)> = Vec::new();
    let mut before = (0, "");
    for (number, line) in tree.lines().enumerate() {
        let said = line.trim_start();
        let indent = line.len() - said.len();
        while above.last().is_some_and(|(depth, _)| indent <= *depth) {
            above.pop();
        }
        // A name with a line break in it could look like another line of the tree.
        if before.0 + 2 < indent || 0 < number && indent == 0 && !said.is_empty() {
            return Err(makes_no_sense());
        }
        let is_first = before.0 < indent;
        check_line(said, is_first, &above, database)?;
        above.push((indent, said));
        before = (indent, said);
    }
    Ok(())
}

fn makes_no_sense() -> SqlError {
    refused("its tree makes no sense", "leave out names with odd signs in them")
}

/// What lines say that name something, by their first word.
const NAMING: &[(&str, &str)] = &[
    ("TABLE_FUNCTION id:", "table_function_name: "),
    ("FUNCTION id:", "function_name: "),
    ("IDENTIFIER id:", "identifier: "),
];

/// Refuses a line of a tree; `is_first` says whether it is the first below the line above it.
fn check_line(
    said: &str,
    is_first: bool,
    above: &[(usize, &str)],
    database: &str,
) -> Result<(), SqlError> {
    let own = "ask the tables of Taut's own database: spans, logs, metrics and minutes";
    if said.starts_with("SETTINGS") {
        return Err(refused("a statement may set nothing", "leave out SETTINGS"));
    }
    let naming = NAMING.iter().find(|(kind, _)| said.starts_with(kind));
    if naming.is_some_and(|(_, name)| value(said, name).is_none()) {
        return Err(makes_no_sense());
    }
    if let Some(function) = value(said, "table_function_name: ") {
        let is_known = MAKE_ROWS.iter().any(|known| known.eq_ignore_ascii_case(function));
        return if is_known {
            Ok(())
        } else {
            Err(refused(format!("`{function}(…)` reaches beyond what is kept"), own))
        };
    }
    if let Some(function) = value(said, "function_name: ") {
        let lower = function.to_ascii_lowercase();
        let is_reaching = lower == "file"
            || ["dictget", "dicthas", "joinget", "catboost"]
                .iter()
                .any(|start| lower.starts_with(start));
        return if is_reaching {
            Err(refused(format!("`{function}(…)` reaches beyond what is kept"), own))
        } else {
            Ok(())
        };
    }
    let Some(identifier) = value(said, "identifier: ").filter(|_| said.starts_with("IDENTIFIER"))
    else {
        return Ok(());
    };
    let parent = above.last().map_or("", |(_, said)| said);
    let names_table = TABLES.contains(&parent) || !is_first && is_right_of_in(above);
    match identifier.split_once('.') {
        // What stands for no table at all.
        _ if identifier == "system.one" => Ok(()),
        Some((of, _)) if names_table && of.trim_matches('`') != database => {
            Err(refused(format!("`{identifier}` is not a table of Taut"), own))
        }
        _ => Ok(()),
    }
}

/// Whether a line is an argument of `IN`, on whose right a table may stand.
fn is_right_of_in(above: &[(usize, &str)]) -> bool {
    let [.., (_, function), (_, "ARGUMENTS"), _] = above else { return false };
    value(function, "function_name: ").is_some_and(|name| {
        let lower = name.to_ascii_lowercase();
        lower.trim_end_matches("ignoreset").ends_with("in") && !lower.ends_with("min")
    })
}

/// `numbers` of `TABLE_FUNCTION id: 2, table_function_name: numbers`; nothing if it is said twice, since an alias that stands
/// before it may have faked the first.
fn value<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    let (before, rest) = said.split_once(name)?;
    if rest.contains(name) {
        return None;
    }
    // `table_function_name` ends as `function_name` does.
    if !before.ends_with(", ") {
        return None;
    }
    Some(rest.split(", ").next().unwrap_or(rest).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "QUERY id: 0
  PROJECTION
    LIST id: 1, nodes: 1
      FUNCTION id: 2, function_name: FUNCTION, function_type: ordinary
        ARGUMENTS
          LIST id: 3, nodes: 2
            IDENTIFIER id: 4, identifier: other.column
            IDENTIFIER id: 5, identifier: RIGHT
  JOIN TREE
    IDENTIFIER id: 6, identifier: TABLE";

    fn checked(function: &str, right: &str, table: &str) -> Result<(), String> {
        let tree = TREE.replace("FUNCTION,", &format!("{function},"));
        let tree = tree.replace("RIGHT", right).replace("TABLE", table);
        check(&tree, "taut").map_err(|error| error.to_string())
    }

    #[test]
    fn a_tree_reaches_for_tables_of_the_database_alone() {
        assert_eq!(checked("plus", "a.b", "spans"), Ok(()));
        assert_eq!(checked("in", "logs", "taut.spans"), Ok(()));
        assert_eq!(checked("min", "a.b", "spans"), Ok(()));
        let refused = |what: &str| Err(format!("`{what}` is not a table of Taut"));
        assert_eq!(checked("plus", "b", "system.users"), refused("system.users"));
        assert_eq!(checked("globalNotIn", "system.users", "spans"), refused("system.users"));
        let reaches = Err("`dictGetOrNull(…)` reaches beyond what is kept".to_owned());
        assert_eq!(checked("dictGetOrNull", "b", "spans"), reaches);
        for (function, goes) in [("numbers", true), ("url", false), ("merge", false)] {
            let tree =
                format!("  JOIN TREE\n    TABLE_FUNCTION id: 2, table_function_name: {function}");
            assert_eq!(check(&tree, "taut").is_ok(), goes, "{function}");
        }
        assert!(check("QUERY id: 0\n  SETTINGS max_threads=1", "taut").is_err());
        assert!(
            check("QUERY id: 0\n  JOIN TREE\n    IDENTIFIER id: 1, identifier: system.one", "taut")
                .is_ok()
        );
        // An alias comes before what it stands for, and may look like it.
        for (line, goes) in [
            ("IDENTIFIER id: 1, alias: a, identifier: spans", true),
            ("IDENTIFIER id: 1, alias: a, identifier: system.users", false),
            ("IDENTIFIER id: 1, alias: a, identifier: spans, identifier: system.users", false),
            ("IDENTIFIER id: 1, alias: a", false),
            ("TABLE_FUNCTION id: 1, alias: a, table_function_name: numbers", true),
            (
                "TABLE_FUNCTION id: 1, alias: a, table_function_name: numbers, table_function_name: url",
                false,
            ),
            ("FUNCTION id: 1, alias: x, function_name: plus, function_type: ordinary", true),
            ("FUNCTION id: 1, alias: x, function_name: plus, function_name: file", false),
            ("FUNCTION id: 1, alias: x", false),
            ("IDENTIFIER id: 1, alias: a\nb, identifier: system.users", false),
            ("CONSTANT id: 1, constant_value: 'b'\nb, identifier: system.users", false),
        ] {
            let tree = format!("QUERY id: 0\n  JOIN TREE\n    {line}");
            assert_eq!(check(&tree, "taut").is_ok(), goes, "{line}");
        }
        // What was a line break in a name.
        let broken =
            "QUERY id: 0\n  PROJECTION\n X\n        IDENTIFIER id: 1, identifier: system.users";
        assert!(check(broken, "taut").is_err());
    }
}
