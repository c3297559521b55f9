//! What names tell: the words of URLs, operations and methods, and whether the columns of a filter let one
//! row through or many.

use model::{Filter, FilterOperator, Projection, Statement, StatementKind, StatementText, Text};

/// As many rows as are no list yet: a spare one for `get()`, a few for a form.
const ROWS_FEW: u64 = 5;

/// Words of columns that sort rows into groups; equal to one value they let many rows through.
const GROUPS: &[&str] = &[
    "status",
    "state",
    "type",
    "kind",
    "category",
    "region",
    "country",
    "city",
    "tenant",
    "lang",
    "language",
    "locale",
    "role",
    "active",
    "enabled",
    "published",
    "deleted",
    "visible",
    "archived",
    "public",
    "is",
    "has",
    "year",
    "month",
    "date",
    "day",
    "at",
    "by",
];

/// The words of a name, in lower case: split where letters and digits end, and where a capital begins
/// a new one (`SendEmail`, `HTTPServer`).
pub(super) fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| letters[place]);
        let after = letters.get(place + 1);
        let is_capital = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_uppercase() && after.is_some_and(|after| after.is_lowercase())
            });
        if (is_capital || !letter.is_alphanumeric()) && words.last().is_some_and(|w| !w.is_empty())
        {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a word is one of those known; a `*` at the end of a known one stands for any ending.
pub(super) fn is_one_of(word: &str, known: &[&str]) -> bool {
    known.iter().any(|known| match known.strip_suffix('*') {
        Some(start) => word.starts_with(start),
        None => word == *known,
    })
}

/// Whether one of the name's words is known.
pub(super) fn says(name: &str, known: &[&str]) -> bool {
    words(name).iter().any(|word| is_one_of(word, known))
}

/// Whether a read gives a list back, and not one row: by the rows that came, else by its shape.
pub(super) fn reads_many(statement: &Statement) -> bool {
    let text = statement.text.as_ref();
    let of_shape = text.kind == StatementKind::Select && may_be_many(text);
    of_shape && statement.returned_rows.is_none_or(|rows| ROWS_FEW < rows)
}

/// Whether the shape of a read lets many rows through. Where that is not certain, it is one row: a
/// look-up that is taken for a list is a false alarm.
fn may_be_many(text: &StatementText) -> bool {
    let Some(shape) = &text.shape else { return !text.tables.is_empty() };
    let is_count = matches!(shape.projection, Projection::Count | Projection::Nothing)
        || shape.projection == Projection::Aggregate && !shape.grouped;
    if text.tables.is_empty() || is_count {
        return false;
    }
    let equal = || shape.filters.iter().filter(|filter| filter.operator == FilterOperator::Equal);
    // An `OR` beside it is about the same row most of the time: `deleted_at IS NULL OR …`.
    if equal().any(|filter| names_a_row(filter, text)) {
        return false;
    }
    // What `find_by` and `first` ask for: the list would have an order.
    let takes_any = shape.limited && shape.order_by.is_empty() && equal().next().is_some();
    let sorts_into_groups = equal().all(|filter| is_group(&filter.column));
    !takes_any && (sorts_into_groups || !shape.order_by.is_empty())
}

/// Whether a column is named as those are that tell one row from all others.
fn names_a_row(filter: &Filter, text: &StatementText) -> bool {
    const KEYS: &[&str] = &[
        "pk", "uuid", "guid", "slug", "key", "token", "hash", "email", "username", "login", "name",
        "path", "url", "number", "code", "sku", "handle", "external",
    ];
    let column = words(&filter.column);
    match column.as_slice() {
        [only] if only == "id" => true,
        // `users.user_id`: the table's own key, not that of another one.
        [init @ .., last] if last == "id" => {
            let own = text.tables.first().map(Text::to_lowercase).unwrap_or_default();
            let own = own.rsplit('.').next().unwrap_or_default();
            let stem = init.join("_");
            init.iter().any(|word| is_one_of(word, KEYS))
                || own == stem
                || own.strip_suffix('s') == Some(stem.as_str())
        }
        // `country_code` and `type_name` sort into groups.
        words => words.iter().any(|word| is_one_of(word, KEYS)) && !is_group(&filter.column),
    }
}

/// Whether a column sorts rows into groups: another table's key, a state, a date.
fn is_group(column: &str) -> bool {
    let words = words(column);
    let is_key = 1 < words.len() && words.last().is_some_and(|last| last == "id");
    is_key || words.iter().any(|word| is_one_of(word, GROUPS))
}

#[cfg(test)]
mod tests {
    use model::Work;

    use super::*;

    #[test]
    fn words_end_at_signs_and_at_capitals() {
        assert_eq!(words("notify.Notifier/SendEmail"), ["notify", "notifier", "send", "email"]);
        assert_eq!(words("SES"), ["ses"]);
        assert_eq!(words("/v1/HTTPServer_s3"), ["v1", "http", "server", "s3"]);
        assert_eq!(words(""), [""; 0]);
    }

    fn many(text: &str, returned_rows: Option<u64>) -> bool {
        let (_, work) = testkit::statement(&mut sql::Statements::default(), text);
        let Work::Statement(mut statement) = work else { panic!("{text} is no statement") };
        statement.returned_rows = returned_rows;
        reads_many(&statement)
    }

    #[test]
    fn look_ups_are_no_lists() {
        for one in [
            "SELECT id, password FROM auth_user WHERE username = %s LIMIT 21",
            "SELECT users.* FROM users WHERE users.auth_token = $1 LIMIT $2",
            "SELECT * FROM users WHERE tenant_id = $1 AND id = $2",
            "SELECT * FROM users WHERE user_id = $1",
            "SELECT title, body FROM pages WHERE path = $1",
            "select o1_0.description from orders o1_0 where o1_0.order_number=?",
            "SELECT count(*) FROM orders",
            "SELECT 1",
        ] {
            assert!(!many(one, None), "{one}");
        }
        assert!(!many("SELECT * FROM orders", Some(1)));
    }

    #[test]
    fn lists_are() {
        for list in [
            "SELECT id FROM orders ORDER BY id LIMIT 5000",
            "SELECT * FROM orders WHERE customer_id = $1",
            "SELECT * FROM orders WHERE customer_id = $1 ORDER BY id DESC LIMIT 20",
            "SELECT id, name FROM users WHERE region = $1",
            "SELECT * FROM shops WHERE country_code = $1",
            "SELECT id FROM users WHERE id IN ($1, $2, $3)",
            "SELECT id FROM flags",
        ] {
            assert!(many(list, None), "{list}");
            assert!(many(list, Some(100)), "{list}");
        }
    }
}
