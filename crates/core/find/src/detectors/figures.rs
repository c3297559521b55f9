//! Figures of databases for people: bytes, rates, counts, definitions.

use model::database::{Index, IndexKey, Table};

/// `8.0 kB`, `12 MB`, `1.3 GB`, as PostgreSQL counts: 1024 of each.
#[expect(clippy::cast_precision_loss, reason = "three digits for people")]
pub(super) fn bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "bytes";
    for next in ["kB", "MB", "GB", "TB"] {
        if value < 1_024.0 {
            break;
        }
        value /= 1_024.0;
        unit = next;
    }
    if unit == "bytes" || 9.95 <= value {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.1} {unit}")
    }
}

/// `12`, `4,500`, `1.2 million`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub(super) fn count(value: f64) -> String {
    if 1e9 <= value {
        return format!("{:.1} billion", value / 1e9);
    }
    if 1e6 <= value {
        return format!("{:.1} million", value / 1e6);
    }
    let digits = (value.round() as u64).to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if 0 < place && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `20 rows`.
pub(super) fn rows(value: f64) -> String {
    let told = count(value);
    if told == "1" { "1 row".to_owned() } else { format!("{told} rows") }
}

/// `40 a day`, `3 a week`: how often.
pub(super) fn a_day(per_day: f64) -> String {
    if 1.5 <= per_day || per_day == 0.0 {
        format!("{} a day", count(per_day))
    } else {
        format!("{:.1} a week", per_day * 7.0)
    }
}

/// `1.2 ms`, `3.4 s`.
pub(super) fn millis(millis: f64) -> String {
    super::words::time(
        std::time::Duration::try_from_secs_f64(millis.max(0.0) / 1e3).unwrap_or_default(),
    )
}

/// `1.3 h a day`, `12 min a day`.
pub(super) fn hours(hours_per_day: f64) -> String {
    if 1.0 <= hours_per_day {
        format!("{hours_per_day:.1} h a day")
    } else if 1.0 / 60.0 <= hours_per_day {
        format!("{:.0} min a day", hours_per_day * 60.0)
    } else {
        format!("{:.0} s a day", hours_per_day * 3_600.0)
    }
}

/// `34 %`, `0.4 %`.
pub(super) fn percent(share: f64) -> String {
    if share < 0.095 {
        format!("{:.1} %", share * 100.0)
    } else {
        format!("{:.0} %", share * 100.0)
    }
}

/// The keys of an index as people say them: `customer_id, created_at desc`.
pub(super) fn keys(table: &Table, index: &Index) -> String {
    let names: Vec<String> = index
        .keys
        .iter()
        .map(|key| {
            let name = match &key.key {
                IndexKey::Column(number) => column(table, *number),
                IndexKey::Expression(text) => text.clone(),
            };
            if key.descending { format!("{name} desc") } else { name }
        })
        .collect();
    names.join(", ")
}

/// Names of columns.
pub(super) fn columns(table: &Table, numbers: &[i16]) -> Vec<String> {
    numbers.iter().map(|number| column(table, *number)).collect()
}

fn column(table: &Table, number: i16) -> String {
    table
        .column(number)
        .map_or_else(|| format!("column {number}"), |column| column.name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(
            [bytes(17), bytes(8_192), bytes(200 << 20), bytes(3 << 29)],
            ["17 bytes", "8.0 kB", "200 MB", "1.5 GB"]
        );
        assert_eq!(
            [count(999.6), count(12_345.0), count(2.46e6)],
            ["1,000", "12,345", "2.5 million"]
        );
        assert_eq!([a_day(0.0), a_day(40.0), a_day(0.4)], ["0 a day", "40 a day", "2.8 a week"]);
        assert_eq!([rows(1.2), rows(0.0)], ["1 row", "0 rows"]);
        assert_eq!([percent(0.004), percent(0.34)], ["0.4 %", "34 %"]);
    }
}
