//! Latencies as CSV: one in milliseconds a line, or columns by name.

use ::prove::compare::{Request, Side};

/// Latencies as text. Without starts, the order of lines is taken as that of time.
pub(super) fn of_csv(text: &str) -> Result<Side, String> {
    let mut lines =
        text.lines().map(str::trim).zip(1_usize..).filter(|(line, _)| !line.is_empty()).peekable();
    let (first, _) = lines.peek().ok_or("it is empty")?;
    let names: Vec<String> = if first.parse::<f64>().is_ok() {
        vec!["latency_ms".to_owned()]
    } else {
        let head = first.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
        lines.next();
        head
    };
    let column = |name: &str| names.iter().position(|known| known == name);
    let latency = column("latency_ms").ok_or("no column is called `latency_ms`")?;
    let (start, route, failed) = (column("start_ms"), column("route"), column("failed"));
    let mut side = Side::default();
    for (line, number) in lines {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell = |column: Option<usize>| cells.get(column?).copied();
        let millis = |text: Option<&str>| {
            let value = text
                .and_then(|text| text.parse::<f64>().ok())
                .filter(|value| value.is_finite() && 0.0 <= *value);
            value
                .ok_or_else(|| format!("line {number} has no number where one should be: `{line}`"))
        };
        let took_nanos = nanos(millis(cell(Some(latency)))?);
        let start_nanos = match start {
            Some(column) => nanos(millis(cell(Some(column)))?),
            None => u64::try_from(side.requests.len()).unwrap_or(u64::MAX),
        };
        let name = cell(route).unwrap_or_default();
        let place = match side.routes.iter().position(|known| known == name) {
            Some(place) => place,
            None if side.routes.len() < ROUTES_MAX => {
                side.routes.push(name.to_owned());
                side.routes.len() - 1
            }
            None => return Err(format!("it has more than {ROUTES_MAX} routes")),
        };
        let route = u32::try_from(place).unwrap_or(u32::MAX);
        let failed = matches!(cell(failed), Some("1" | "true" | "yes"));
        side.requests.push(Request { start_nanos, took_nanos, route, failed });
    }
    Ok(side)
}

/// Routes of a CSV at most: each is looked for by name.
const ROUTES_MAX: usize = 1_000;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not below zero; it saturates"
)]
fn nanos(millis: f64) -> u64 {
    (millis * 1e6).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_read_with_and_without_a_head() {
        let plain = of_csv("1.5\n2\n\n3\n").unwrap();
        let took: Vec<u64> = plain.requests.iter().map(|request| request.took_nanos).collect();
        assert_eq!(took, [1_500_000, 2_000_000, 3_000_000]);
        let named = of_csv("route, start_ms, latency_ms, failed\n/a,10,2,0\n/b,5,3,1\n").unwrap();
        assert_eq!(named.routes, ["/a", "/b"]);
        let second =
            Request { start_nanos: 5_000_000, took_nanos: 3_000_000, route: 1, failed: true };
        assert_eq!(named.requests[1], second);
        assert_eq!(of_csv("").unwrap_err(), "it is empty");
        assert_eq!(of_csv("a,b\n1,2\n").unwrap_err(), "no column is called `latency_ms`");
        assert!(of_csv("1\nfast\n").unwrap_err().contains("line 2"));
        assert!(of_csv("1\n-4\n").is_err());
    }
}
