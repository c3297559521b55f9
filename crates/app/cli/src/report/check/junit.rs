//! Checks as `JUnit` XML: each a test case of its endpoint, so that every CI system shows them beside the tests.

use prove::gate::Check;

use super::{Report, layout};

/// What was checked.
pub(crate) fn junit(report: &Report<'_>) -> String {
    let checks = &report.verdict.checks;
    let (tests, failures) = (checks.len(), report.verdict.broken().count());
    // A recording that is not whole is neither right nor wrong.
    let errors = usize::from(!report.damage.is_empty());
    let counts =
        format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"", tests + errors);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"taut check\" {counts} time=\"0\">\n  \
         <testsuite name=\"taut check\" {counts} skipped=\"0\" time=\"0\">\n"
    );
    for check in checks {
        case(&mut text, report, check);
    }
    if errors == 1 {
        let why = escaped(&report.damage.join("; "));
        text.push_str(&format!(
            "    <testcase classname=\"taut\" name=\"the recording is whole\" time=\"0\">\n      \
             <error message=\"{why}\" type=\"recording\"/>\n    </testcase>\n"
        ));
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn case(text: &mut String, report: &Report<'_>, check: &Check) {
    let class = escaped(&format!("{}.{}", check.key.service, check.key.operation));
    let what = Report::what(check);
    let name = escaped(&format!("{what} by {}", report.by(check)));
    let place = report.place(check).filter(|_| check.broke);
    let file =
        place.as_ref().filter(|place| !place.file.is_empty()).map_or_else(String::new, |place| {
            format!(
                " file=\"{}\" line=\"{}\"",
                escaped(&report.path(&place.file)),
                place.line.max(1)
            )
        });
    text.push_str(&format!("    <testcase classname=\"{class}\" name=\"{name}\"{file} time=\"0\""));
    if !check.broke {
        text.push_str("/>\n");
        return;
    }
    let mut lines = report.evidence(check);
    if let Some(place) = place {
        lines.push(format!("at {}:{} {}", report.path(&place.file), place.line, place.function));
    }
    lines.push(report.remedy(check));
    if let Some(snippet) = report.advice(check).and_then(|advice| advice.snippet.as_ref()) {
        lines.push(snippet.code.clone());
    }
    text.push_str(&format!(
        ">\n      <failure message=\"{}\" type=\"{}\">{}</failure>\n    </testcase>\n",
        escaped(&report.sentence(check)),
        escaped(&what),
        lines.iter().flat_map(|line| line.lines()).map(escaped).collect::<Vec<_>>().join("\n"),
    ));
}

/// Text within an attribute or an element; letters that XML 1.0 cannot hold are replaced.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for letter in layout::clean(text).chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => safe.push(char::REPLACEMENT_CHARACTER),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_statement_becomes_markup() {
        assert_eq!(
            escaped("a<b & \"c\"\u{1}\u{ffff}"),
            "a&lt;b &amp; &quot;c&quot;\u{fffd}\u{fffd}"
        );
    }
}
