//! What is told of a group, as people write it: `count`, `errors`, `p95(duration)`.

use stats::Sketch;
use store::keep::{
    LOGS, METRICS, SPANS, Table,
    query::{Field, Filter, Measure, Measured},
    table::{log, span},
};

use super::{FieldKind, Unit, Wrong, field::named};

/// A figure of each group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    /// As it is told: `p95(duration)`.
    pub(super) name: String,
    pub(super) what: What,
    pub(super) unit: Unit,
}

/// Which figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Count,
    /// Per second.
    Rate,
    Errors,
    /// Errors of all, 0 to 1.
    ErrorRate,
    Sum(Field),
    Least(Field),
    Greatest(Field),
    Mean(Field),
    Quantile(Field, f64),
    /// The same of numbers that may be fractional.
    Spread(Field, Of),
}

/// What is told of how numbers are spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Of {
    Sum,
    Least,
    Greatest,
    Mean,
    Quantile(f64),
}

const KNOWN: &str = "`count`, `rate`, `errors`, `error_rate`, and of a field `sum(…)`, `avg(…)`, `min(…)`, `max(…)`, \
                     `p50(…)` to `p99.9(…)`";

/// Reads one figure.
pub(super) fn read(table: &'static Table, text: &str) -> Result<Shown, Wrong> {
    let unknown =
        || Wrong::new("show", format!("`{text}` is no figure"), &format!("known are {KNOWN}"));
    let (word, argument) = match text.split_once('(') {
        Some((word, rest)) => {
            (word.trim(), Some(rest.strip_suffix(')').ok_or_else(unknown)?.trim()))
        }
        None => (text, None),
    };
    let plain = |what, unit| match argument {
        None => Ok(Shown { name: word.to_owned(), what, unit }),
        Some(_) => {
            Err(Wrong::new("show", format!("`{word}` takes no field"), "leave the field out"))
        }
    };
    match word {
        "count" => return plain(What::Count, Unit::None),
        "rate" => return plain(What::Rate, Unit::PerSecond),
        "errors" | "error_rate" if table.name == METRICS.name => {
            return Err(Wrong::new("show", "points of metrics do not fail", "ask spans or logs"));
        }
        "errors" => return plain(What::Errors, Unit::None),
        "error_rate" => return plain(What::ErrorRate, Unit::Share),
        _ => {}
    }
    // Of spans it goes without saying what the quantiles are of.
    let of = match argument {
        Some(argument) => argument,
        None if table.name == SPANS.name && quantile(word).is_some() => "duration",
        None => return Err(unknown()),
    };
    let field = named(table, of, "show")?;
    let unit = match field.kind {
        FieldKind::Duration => Unit::Micros,
        FieldKind::Whole | FieldKind::Any | FieldKind::Number => Unit::None,
        FieldKind::Text | FieldKind::Time | FieldKind::Id => {
            let hint = "measure `duration` or an attribute that holds numbers";
            return Err(Wrong::new("show", format!("`{of}` is no number"), hint));
        }
    };
    let may_be_fractional = matches!(field.kind, FieldKind::Any | FieldKind::Number);
    let what = match word {
        word if may_be_fractional => What::Spread(field.field, spread(word).ok_or_else(unknown)?),
        "sum" => What::Sum(field.field),
        "min" => What::Least(field.field),
        "max" => What::Greatest(field.field),
        "avg" | "mean" => What::Mean(field.field),
        word => What::Quantile(field.field, quantile(word).ok_or_else(unknown)?),
    };
    let word = if word == "mean" { "avg" } else { word };
    Ok(Shown { name: format!("{word}({of})"), what, unit })
}

fn spread(word: &str) -> Option<Of> {
    Some(match word {
        "sum" => Of::Sum,
        "min" => Of::Least,
        "max" => Of::Greatest,
        "avg" | "mean" => Of::Mean,
        word => Of::Quantile(quantile(word)?),
    })
}

/// `p99.9` is 0.999.
fn quantile(word: &str) -> Option<f64> {
    let percent = word.strip_prefix('p')?;
    let is_plain = percent.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let percent: f64 = percent.parse().ok().filter(|_| is_plain && percent.len() <= 6)?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

/// Which rows failed; `None` where nothing does.
pub(super) fn failed(table: &Table) -> Option<Filter> {
    if table.name == SPANS.name {
        Some(Filter::Is(Field::Column(span::STATUS), vec!["error".into()]))
    } else if table.name == LOGS.name {
        let severe = vec!["error".into(), "fatal".into()];
        Some(Filter::Is(Field::Column(log::SEVERITY), severe))
    } else {
        None
    }
}

impl What {
    /// What the store has to measure for it.
    pub(super) fn measure(&self) -> Measure {
        match self {
            Self::Count | Self::Rate | Self::Errors | Self::ErrorRate => Measure::Count,
            Self::Sum(field) => Measure::Sum(field.clone()),
            Self::Least(field) => Measure::Least(field.clone()),
            Self::Greatest(field) => Measure::Greatest(field.clone()),
            Self::Mean(field) | Self::Quantile(field, _) => Measure::Distribution(field.clone()),
            Self::Spread(field, _) => Measure::Spread(field.clone()),
        }
    }

    pub(super) fn needs_errors(&self) -> bool {
        matches!(self, Self::Errors | Self::ErrorRate)
    }

    /// The figure, of what was measured over a time. Nanoseconds become microseconds.
    #[expect(clippy::cast_precision_loss, reason = "figures are shown with a few digits")]
    pub(super) fn figure(
        &self,
        of: &Measured,
        errors: u64,
        seconds: f64,
        unit: Unit,
    ) -> Option<f64> {
        let scale = if unit == Unit::Micros { 1000.0 } else { 1.0 };
        match (self, of) {
            (Self::Count, Measured::Count(count)) => Some(*count as f64),
            (Self::Rate, Measured::Count(count)) => {
                (0.0 < seconds).then(|| *count as f64 / seconds)
            }
            (Self::Errors, _) => Some(errors as f64),
            (Self::ErrorRate, Measured::Count(count)) => {
                (0 < *count).then(|| errors as f64 / *count as f64)
            }
            (_, Measured::Sum(sum)) => sum.map(|sum| sum as f64 / scale),
            (_, Measured::Least(number) | Measured::Greatest(number)) => {
                number.map(|number| number as f64 / scale)
            }
            (Self::Mean(_), Measured::Distribution(sketch)) => sketch.mean().map(|it| it / scale),
            (Self::Quantile(_, q), Measured::Distribution(sketch)) => {
                Sketch::quantile(sketch, *q).map(|value| value as f64 / scale)
            }
            (Self::Spread(_, what), Measured::Spread(spread)) => match what {
                Of::Sum => spread.sum(),
                Of::Least => spread.min(),
                Of::Greatest => spread.max(),
                Of::Mean => spread.mean(),
                Of::Quantile(q) => spread.quantile(*q),
            },
            _ => None,
        }
    }
}

/// Takes more of the same measure in.
pub(super) fn merge(into: &mut Measured, more: &Measured) {
    match (into, more) {
        (Measured::Count(count), Measured::Count(more)) => *count = count.saturating_add(*more),
        (Measured::Sum(sum), Measured::Sum(Some(more))) => {
            *sum = Some(sum.unwrap_or(0).saturating_add(*more));
        }
        (Measured::Least(least), Measured::Least(Some(more))) => {
            *least = Some(least.map_or(*more, |it| it.min(*more)));
        }
        (Measured::Greatest(most), Measured::Greatest(Some(more))) => {
            *most = Some(most.map_or(*more, |it| it.max(*more)));
        }
        (Measured::Distribution(sketch), Measured::Distribution(more)) => sketch.merge(more),
        (Measured::Spread(spread), Measured::Spread(more)) => spread.merge(more),
        // Nothing was measured there.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_by_their_names() {
        let duration = || Field::Column(span::DURATION);
        let what = |text| read(&SPANS, text).map(|shown| (shown.name, shown.what));
        assert_eq!(what("count"), Ok(("count".to_owned(), What::Count)));
        let p95 = Ok(("p95(duration)".to_owned(), What::Quantile(duration(), 0.95)));
        assert_eq!(what("p95"), p95);
        assert_eq!(what("p95( duration )"), p95);
        assert_eq!(
            what("mean(duration)"),
            Ok(("avg(duration)".to_owned(), What::Mean(duration())))
        );
        assert_eq!(read(&SPANS, "max(duration)").unwrap().unit, Unit::Micros);
        assert_eq!(read(&LOGS, "errors").unwrap().what, What::Errors);
    }

    #[test]
    fn figures_that_are_none_say_which_there_are() {
        for text in ["", "p", "p101", "pinf", "median", "count(duration)", "sum", "sum(duration"] {
            let wrong = read(&SPANS, text).unwrap_err();
            assert_eq!(wrong.parameter, "show", "{text}");
        }
        assert!(read(&SPANS, "sum(name)").is_err());
        assert!(read(&METRICS, "errors").is_err());
        let value = read(&METRICS, "avg(value)").unwrap();
        let place = METRICS.column("value").unwrap();
        assert_eq!(value.what, What::Spread(Field::Column(place), Of::Mean));
        assert!(read(&METRICS, "avg(time)").is_err());
        assert!(read(&LOGS, "p95").is_err());
    }
}
