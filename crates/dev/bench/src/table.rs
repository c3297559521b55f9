//! Tables in Markdown, as `docs/benchmarks.md` has them; and numbers as people read them.

use std::io::{self, Write as _};

use crate::clock::Spread;

/// Prints a table: its head, then its rows. The first column is left-aligned, the others right.
pub fn print(head: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
        cells.chain(head.get(column).copied()).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::from("|");
        for (place, (cell, width)) in cells.zip(&widths).enumerate() {
            let cell = match place {
                0 => format!(" {cell:<width$} |"),
                _ => format!(" {cell:>width$} |"),
            };
            line.push_str(&cell);
        }
        line.push('\n');
        line
    };
    let mut text = line(&mut head.iter().copied());
    text.push('|');
    for (place, width) in widths.iter().enumerate() {
        let end = if place == 0 { '-' } else { ':' };
        text.push_str(&format!("{}{end}|", "-".repeat(width + 1)));
    }
    text.push('\n');
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    say(&text);
}

/// Prints text, to the end or not at all: whoever reads may be gone.
pub fn say(text: &str) {
    let mut out = io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Median with its range: `153,000 (149,000 - 155,000)`.
#[must_use]
pub fn spread(spread: Spread, shown: fn(f64) -> String) -> String {
    format!("{} ({} - {})", shown(spread.median), shown(spread.min), shown(spread.max))
}

/// A count with three digits that count: `153,000`.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of a measurement are small, and not below zero"
)]
pub fn count(value: f64) -> String {
    let scale = 10_f64.powi((value.abs().max(1.0).log10().floor() as i32 - 2).max(0));
    thousands(((value / scale).round() * scale).max(0.0) as u64)
}

/// A whole number: `16,146`.
#[must_use]
pub fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if 0 < place && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Two digits after the point.
#[must_use]
pub fn fine(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_show_three_digits_that_count() {
        let shown = [0.0, 7.4, 999.6, 153_432.0, 1_500_000.0].map(count);
        assert_eq!(shown, ["0", "7", "1,000", "153,000", "1,500,000"]);
    }
}
