//! Ways in which plans are pasted, none of which may change what is read.

use model::Plan;
use sql::plan::read;

use crate::recorded::recorded;

fn each(text: &str, change: impl Fn(&str) -> String) -> String {
    text.lines().map(|line| change(line) + "\n").collect()
}

fn width(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

fn pasted(text: &str) -> Vec<(&'static str, String)> {
    let width = width(text);
    let rule = "-".repeat(width + 2);
    let title = format!("{:^width$}", "QUERY PLAN");
    let framed = each(text, |line| format!(" {line}"));
    let bordered = each(text, |line| format!("| {line:<width$} |"));
    let quoted = each(text, |line| format!("\"{}\"", line.replace('"', "\"\"")));
    let quote = |line: &str| format!("\"{}\"", line.replace('"', "\"\""));
    let some_quoted =
        each(text, |line| if line.contains([',', '"']) { quote(line) } else { line.to_owned() });
    let cells = each(text, |line| {
        let line = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        format!(
            "  <tr valign=\"top\">\n    <td align=\"left\">{}</td>\n  </tr>",
            line.replace("  ", "&nbsp; ")
        )
    });
    let log = "2026-11-21 10:00:00 UTC [7] LOG:  duration: 1.500 ms  plan:";
    let syslog = "Nov 21 10:00:00 db postgres[7]: [5-2] #011";
    vec![
        ("frame of psql", format!("{title}\n{rule}\n{framed}(12 rows)\n\n")),
        (
            "border of psql",
            format!("+{rule}+\n| {title} |\n+{rule}+\n{bordered}+{rule}+\n(9 rows)\n"),
        ),
        ("records of psql", each(text, |line| format!("-[ RECORD 7 ]---\nQUERY PLAN | {line}"))),
        ("windows", text.replace('\n', "\r\n")),
        ("mail", each(text, |line| format!("> {line}"))),
        ("comments", each(text, |line| format!("-- {line}"))),
        ("csv", format!("\"QUERY PLAN\"\n{quoted}")),
        ("psql --csv", format!("QUERY PLAN\n{some_quoted}")),
        ("psql -H", format!("<table border=\"1\">\n{cells}</table>\n<p>(3 rows)<br />\n</p>\n")),
        ("psql wrapped", marked(text)),
        ("markdown", format!("```\n{text}\n```\n")),
        ("log", format!("{log}\n{}", each(text, |line| format!("\t{line}")))),
        ("syslog", each(text, |line| format!("{syslog}{line}"))),
        ("compose", each(text, |line| format!("db-1  | {line}"))),
        ("no-break spaces", text.replace(' ', "\u{a0}")),
        ("indented", each(text, |line| format!("    {line}"))),
        ("web", text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")),
    ]
}

/// As psql wraps lines, with its marks.
fn marked(text: &str) -> String {
    let columns = 70;
    each(text, |line| {
        let mut out = String::from(" ");
        let mut room = columns;
        for letter in line.chars() {
            if room == 0 {
                out.push_str(".\n.");
                room = columns;
            }
            out.push(letter);
            room -= 1;
        }
        out
    })
}

/// Names of plans in which there are literals with line ends or signs that a frame changes.
fn is_delicate(name: &str) -> bool {
    ["newline", "rule", "nocosts", "unicode"].iter().any(|part| name.contains(part))
}

#[test]
fn what_is_around_a_plan_does_not_matter() {
    for (name, formats) in recorded() {
        let Some(text) = formats.get("txt").filter(|_| !is_delicate(&name)) else { continue };
        let expected = read(text).unwrap();
        for (way, pasted) in pasted(text) {
            if way == "web" && !text.contains("->  ") {
                continue;
            }
            let mut plans =
                read(&pasted).unwrap_or_else(|error| panic!("{name}, {way}: {error}\n{pasted}"));
            for plan in &mut plans {
                plan.duration_ms = None;
            }
            assert_eq!(plans, expected, "{name}, {way}\n{pasted}");
        }
    }
}

#[test]
fn json_survives_the_same_treatment() {
    for (name, formats) in recorded() {
        let Some(json) = formats.get("json") else { continue };
        let expected = read(json).unwrap();
        let width = width(json);
        let last = json.lines().count();
        let mut marked = String::new();
        for (at, line) in json.lines().enumerate() {
            let mark = if at + 1 == last { "" } else { "+" };
            marked.push_str(&format!(" {line:<width$}{mark}\n"));
        }
        let framed = format!("{:^width$}\n{}\n{marked}(1 row)\n", "QUERY PLAN", "-".repeat(width));
        let csv = format!("\"{}\"", json.replace('"', "\"\""));
        let escaped = json.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let escaped = format!("{{\"message\":\"{escaped}\"}}");
        let bare = json.trim().trim_start_matches('[').trim_end_matches(']').to_owned();
        for (way, pasted) in [("frame", framed), ("csv", csv), ("escaped", escaped), ("bare", bare)]
        {
            let plans =
                read(&pasted).unwrap_or_else(|error| panic!("{name}, {way}: {error}\n{pasted}"));
            assert_eq!(plans, expected, "{name}, {way}");
        }
    }
}

/// Breaks lines as a terminal does, or at blanks as mail does.
fn wrapped(text: &str, width: usize, at_blanks: bool) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut rest: Vec<char> = line.chars().collect();
        while width < rest.len() {
            let indent = rest.iter().take_while(|letter| **letter == ' ').count();
            let blank = rest[..width].iter().rposition(|letter| *letter == ' ');
            let at = match blank {
                Some(blank) if at_blanks && indent + 4 < blank => blank,
                _ if at_blanks => break,
                _ => width,
            };
            let next = rest.split_off(at);
            out.extend(rest);
            out.push('\n');
            rest = next.into_iter().skip(usize::from(at_blanks)).collect();
        }
        out.extend(rest);
        out.push('\n');
    }
    out
}

/// What must survive any wrap: the tree and its figures.
fn shape(plans: &[Plan]) -> Vec<String> {
    let nodes = plans.iter().flat_map(|plan| &plan.nodes);
    nodes
        .map(|node| {
            format!("{} {} {:?} {:?}", node.depth, node.node_type, node.estimate, node.actual)
        })
        .collect()
}

#[test]
fn wrapped_lines_keep_the_tree_and_its_figures() {
    let mut wraps = 0;
    for (name, formats) in recorded() {
        let Some(text) = formats.get("txt").filter(|_| !is_delicate(&name)) else { continue };
        let expected = shape(&read(text).unwrap());
        for (width, at_blanks) in [(80, false), (100, false), (72, true), (80, true)] {
            let pasted = wrapped(text, width, at_blanks);
            if pasted.trim_end() == text.trim_end() {
                continue;
            }
            wraps += 1;
            let plans = read(&pasted).unwrap_or_else(|error| panic!("{name}: {error}\n{pasted}"));
            assert_eq!(shape(&plans), expected, "{name} at {width}, blanks: {at_blanks}\n{pasted}");
        }
    }
    assert!(100 < wraps, "{wraps}");
}
