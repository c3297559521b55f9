//! Names: tables, models and relations, as frameworks form one from another.

/// The last part of a table's name: without its schema.
pub(crate) fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
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

/// `order_items` is `OrderItem`: the class that most ORMs map to the table.
pub(crate) fn class(table: &str) -> String {
    camel(&singular(bare(table)), true)
}

/// `order_item` is `orderItem`.
pub(crate) fn lower_camel(snake: &str) -> String {
    camel(snake, false)
}

/// Whether a foreign key named `base` (`customer` of `customer_id`) points at `table`, whatever prefix
/// the framework gave the table and whatever plural.
pub(crate) fn points_at(base: &str, table: &str) -> bool {
    let table = bare(table).to_lowercase();
    let base = base.to_lowercase();
    let flat = |text: &str| text.replace('_', "");
    let one = singular(&table);
    [table.as_str(), one.as_str()].iter().any(|name| {
        *name == base || name.ends_with(&format!("_{base}")) || flat(name) == flat(&base)
    }) || one.rsplit('_').next().is_some_and(|last| base.rsplit('_').next() == Some(last))
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
    fn plurals_become_one() {
        let ones = ["customers", "statuses", "companies", "boxes", "address", "status", "people"]
            .map(singular);
        assert_eq!(ones, ["customer", "status", "company", "box", "address", "status", "person"]);
    }

    #[test]
    fn foreign_keys_find_their_table() {
        assert!(points_at("customer", "customers"));
        assert!(points_at("customer", "shop_customer"));
        assert!(points_at("order_item", "shop_orderitem") || points_at("orderitem", "order_items"));
        assert!(points_at("billing_address", "addresses"));
        assert!(!points_at("customer", "products"));
    }

    #[test]
    fn tables_become_classes() {
        assert_eq!(class("public.order_items"), "OrderItem");
        assert_eq!(lower_camel("order_item"), "orderItem");
    }
}
