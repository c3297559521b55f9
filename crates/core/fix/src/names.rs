//! Names: tables, models and relations, as frameworks form one from another.

/// The last part of a table's name: without its schema.
pub(crate) fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}

/// `OrderItem` and `orderItem` are `order_item`, `CustomerID` is `customer_id`.
pub(crate) fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|place| letters.get(place));
        let after = letters.get(place + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || before.is_uppercase() && after.is_some_and(|after| after.is_lowercase())
            });
        if begins {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

/// One of many, for the plurals that table names have: `customers` is `customer`, `statuses` is `status`.
pub(crate) fn singular(plural: &str) -> String {
    let ending = |from: &str, to: &str| {
        plural.strip_suffix(from).filter(|stem| !stem.is_empty()).map(|stem| format!("{stem}{to}"))
    };
    if plural.ends_with("ss") || plural.ends_with("us") || plural.ends_with("is") {
        return plural.to_owned();
    }
    if plural == "people" {
        return "person".to_owned();
    }
    ending("ies", "y")
        .or_else(|| ending("sses", "ss"))
        .or_else(|| ending("uses", "us"))
        .or_else(|| ending("xes", "x"))
        .or_else(|| ending("ches", "ch"))
        .or_else(|| ending("shes", "sh"))
        .or_else(|| ending("s", ""))
        .unwrap_or_else(|| plural.to_owned())
}

/// Many of one: `comment` is `comments`; what is many already stays.
pub(crate) fn plural(name: &str) -> String {
    let stem = |end: &str| name.strip_suffix(end);
    if singular(name) != name {
        return name.to_owned();
    }
    match stem("y") {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if name.ends_with(['s', 'x']) || name.ends_with("ch") || name.ends_with("sh") => {
            format!("{name}es")
        }
        _ => format!("{name}s"),
    }
}

/// `order_items` is `OrderItem`: the class that most ORMs map to the table.
pub(crate) fn class(table: &str) -> String {
    camel(&singular(bare(table)), true)
}

/// `order_item` is `orderItem`, and so is `OrderItem`.
pub(crate) fn lower_camel(name: &str) -> String {
    camel(&snake(name), false)
}

/// `order_items` is `OrderItems`.
pub(crate) fn upper_camel(name: &str) -> String {
    camel(name, true)
}

/// What a foreign key points at, by its name alone: `customer_id`, `CustomerId` and `customerid` are
/// `customer`; `None` if it is not named like one.
pub(crate) fn foreign_base(column: &str) -> Option<String> {
    let column = snake(column);
    let base =
        ["_id", "_uuid", "_guid", "_fk", "id"].iter().find_map(|end| column.strip_suffix(end))?;
    let base = base.trim_end_matches('_');
    (!base.is_empty()).then(|| base.to_owned())
}

/// Whether a foreign key named `base` (`customer` of `customer_id`) points at `table`, whatever prefix
/// the framework gave the table and whatever plural.
pub(crate) fn points_at(base: &str, table: &str) -> bool {
    let table = snake(bare(table));
    let base = snake(base);
    let flat = |text: &str| text.replace('_', "");
    let one = singular(&table);
    [table.as_str(), one.as_str()].iter().any(|name| {
        *name == base || name.ends_with(&format!("_{base}")) || flat(name) == flat(&base)
    }) || one.rsplit('_').next().is_some_and(|last| base.rsplit('_').next() == Some(last))
}

/// A table's name without the application that Django puts before it: `shop_order` is `order`. It is told
/// from another of the `tables` with the same beginning, or from a single word for one thing after it.
pub(crate) fn without_app<'a>(table: &'a str, tables: &[&str]) -> &'a str {
    let table = bare(table);
    let Some((app, model)) = table.split_once('_') else { return table };
    let others = || tables.iter().map(|other| bare(other)).filter(|other| *other != table);
    // `order_items` beside `orders` is no application's.
    let is_model = others().any(|other| singular(other) == app || other == app);
    let shared = others().any(|other| other.split_once('_').is_some_and(|(first, _)| first == app));
    let by_default = !model.contains('_') && singular(model) == model;
    if !is_model && !model.is_empty() && (shared || by_default) { model } else { table }
}

/// The class of a Django model: `shop_order` is `Order`, and `shop_orderitem` is `OrderItem` if there are
/// orders.
pub(crate) fn django_class(table: &str, tables: &[&str]) -> String {
    let name = singular(without_app(table, tables));
    let first = tables
        .iter()
        .map(|other| singular(without_app(other, tables)))
        .filter(|other| !name.contains('_') && 3 < other.len() && *other != name)
        .find_map(|other| Some((name.strip_prefix(other.as_str())?.to_owned(), other)));
    match first {
        Some((rest, other)) if 2 < rest.len() => camel(&format!("{other}_{rest}"), true),
        _ => camel(&name, true),
    }
}

fn camel(snake: &str, first_upper: bool) -> String {
    let mut text = String::new();
    let mut upper = first_upper;
    for letter in snake.chars() {
        if letter == '_' || letter == ' ' {
            upper = true;
        } else if upper {
            text.extend(letter.to_uppercase());
            upper = false;
        } else {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_become_one_and_ones_many() {
        let ones = ["customers", "statuses", "companies", "boxes", "address", "status", "people"]
            .map(singular);
        assert_eq!(ones, ["customer", "status", "company", "box", "address", "status", "person"]);
        let many = ["comment", "comments", "category", "box", "address", "day"].map(plural);
        assert_eq!(many, ["comments", "comments", "categories", "boxes", "addresses", "days"]);
    }

    #[test]
    fn foreign_keys_find_their_table() {
        assert!(points_at("customer", "customers"));
        assert!(points_at("customer", "shop_customer"));
        assert!(points_at("order_item", "shop_orderitem") || points_at("orderitem", "order_items"));
        assert!(points_at("billing_address", "addresses"));
        assert!(points_at("order_item", "OrderItems"));
        assert!(!points_at("customer", "products"));
    }

    #[test]
    fn foreign_keys_are_known_in_every_case() {
        let bases = ["customer_id", "CustomerId", "customerID", "customerid", "Id", "name"]
            .map(foreign_base);
        let customer = Some("customer".to_owned());
        let expected = [customer.clone(), customer.clone(), customer.clone(), customer, None, None];
        assert_eq!(bases, expected);
    }

    #[test]
    fn tables_become_classes() {
        assert_eq!(class("public.order_items"), "OrderItem");
        assert_eq!(lower_camel("order_item"), "orderItem");
        assert_eq!(lower_camel("OrderItem"), "orderItem");
    }

    #[test]
    fn django_models_lose_their_application() {
        let shop = ["shop_order", "shop_customer", "shop_orderitem"];
        assert_eq!(
            shop.map(|table| django_class(table, &shop)),
            ["Order", "Customer", "OrderItem"]
        );
        assert_eq!(django_class("auth_user", &["auth_user"]), "User");
        let own = ["orders", "order_items", "order_notes"];
        assert_eq!(own.map(|table| django_class(table, &own)), ["Order", "OrderItem", "OrderNote"]);
    }
}
