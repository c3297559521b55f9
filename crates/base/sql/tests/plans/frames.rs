//! Every frame of psql, drawn here as psql draws it: none may change what is read.

use sql::plan::read;

use crate::recorded::recorded;

/// Columns of the terminal that wraps.
const COLUMNS: usize = 90;

/// Signs of a line style: line, bar, wrapped, broken.
struct Style {
    line: char,
    bar: char,
    wrapped: char,
    broken: char,
}

const ASCII: Style = Style { line: '-', bar: '|', wrapped: '.', broken: '+' };
const UNICODE: Style = Style { line: '─', bar: '│', wrapped: '…', broken: '↵' };

/// The pieces of a value: text, and the mark behind it.
fn pieces(value: &str, width: usize, style: &Style) -> Vec<(String, char)> {
    let mut out = Vec::new();
    let lines: Vec<&str> = value.split('\n').collect();
    for (place, line) in lines.iter().enumerate() {
        let letters: Vec<char> = line.chars().collect();
        let parts: Vec<String> =
            letters.chunks(width).map(|part| part.iter().collect::<String>()).collect();
        let parts = if parts.is_empty() { vec![String::new()] } else { parts };
        for (at, part) in parts.iter().enumerate() {
            let mark = match (at + 1 < parts.len(), place + 1 < lines.len()) {
                (true, _) => style.wrapped,
                (false, true) => style.broken,
                (false, false) => ' ',
            };
            out.push((part.clone(), mark));
        }
    }
    out
}

/// A table of one column.
fn table(values: &[&str], style: &Style, border: usize, columns: usize) -> String {
    let longest = values.iter().flat_map(|value| value.lines()).map(|line| line.chars().count());
    let width = longest.max().unwrap_or(0).max(10).min(columns - [1, 2, 4][border]);
    let line = |length| style.line.to_string().repeat(length);
    let mut out = match border {
        2 => format!(
            "{0}{1}{0}\n{2} {3:^width$} {2}\n",
            '+',
            line(width + 2),
            style.bar,
            "QUERY PLAN"
        ),
        _ => format!("{:^width$}\n", "QUERY PLAN"),
    };
    match border {
        0 => out.push_str(&format!("{}\n", line(width))),
        1 => out.push_str(&format!("{}\n", line(width + 2))),
        _ => out.push_str(&format!("{0}{1}{0}\n", '+', line(width + 2))),
    }
    for value in values {
        let mut before = ' ';
        for (part, mark) in pieces(value, width, style) {
            let left = if before == style.wrapped { before } else { ' ' };
            let row = match border {
                0 => format!("{part:<width$}{mark}"),
                1 => format!("{left}{part:<width$}{mark}"),
                _ => format!("{0}{left}{part:<width$}{mark}{0}", style.bar),
            };
            out.push_str(row.trim_end());
            out.push('\n');
            before = mark;
        }
    }
    if border == 2 {
        out.push_str(&format!("{0}{1}{0}\n", '+', line(width + 2)));
    }
    format!("{out}({} rows)\n\n", values.len())
}

/// A record for each value.
fn records(values: &[&str], style: &Style, border: usize, columns: usize) -> String {
    let longest = values.iter().flat_map(|value| value.lines()).map(|line| line.chars().count());
    let width = longest.max().unwrap_or(0).min(columns - [12, 14, 18][border]);
    let mut out = String::new();
    for (number, value) in values.iter().enumerate() {
        let title = format!("[ RECORD {} ]", number + 1);
        out.push_str(&match border {
            0 => format!("{:<1$}\n", format!("* Record {}", number + 1), 12 + width),
            1 => format!("{0}{title}{0}{0}{0}\n", style.line),
            _ => format!("+{0}{title}{0}+\n", style.line),
        });
        let (mut name, mut before) = ("QUERY PLAN", ' ');
        for (part, mark) in pieces(value, width, style) {
            let left = if before == style.wrapped { before } else { ' ' };
            let row = match border {
                0 => format!("{name:<10}{left}{part:<width$}{mark}"),
                1 => format!("{name:<10} {}{left}{part:<width$}{mark}", style.bar),
                _ => format!("{0} {name:<10} {0}{left}{part:<width$}{mark}{0}", style.bar),
            };
            out.push_str(row.trim_end());
            out.push('\n');
            (name, before) = ("", mark);
        }
    }
    if border == 2 {
        out.push_str("+------------+------+\n");
    }
    out
}

/// As LaTeX, in either of the two environments, and as records.
fn latex(values: &[&str], kind: usize) -> String {
    let escape = |value: &str| {
        let mut out = String::new();
        for letter in value.chars() {
            match letter {
                '#' | '$' | '%' | '&' | '_' | '{' | '}' => out.extend(['\\', letter]),
                '<' => out.push_str("\\textless{}"),
                '>' => out.push_str("\\textgreater{}"),
                '\\' => out.push_str("\\textbackslash{}"),
                '^' => out.push_str("\\^{}"),
                '~' => out.push_str("\\~{}"),
                '|' => out.push_str("\\textbar{}"),
                '\n' => out.push_str("\\\\"),
                letter => out.push(letter),
            }
        }
        out
    };
    let rows = values.iter().map(|value| match kind {
        0 => format!("{} \\\\\n", escape(value)),
        1 => format!("\\raggedright{{{}}} \\tabularnewline\n", escape(value)),
        _ => format!(
            "\\multicolumn{{2}}{{c}}{{\\textit{{Record 1}}}} \\\\\n\\hline\nQUERY PLAN & {} \\\\\n",
            escape(value)
        ),
    });
    let rows: String = rows.collect();
    match kind {
        1 => format!(
            "\\begin{{longtable}}{{l}}\n\\small\\textbf{{\\textit{{QUERY PLAN}}}} \\\\\n\\midrule\n\
             \\endfirsthead\n\\endhead\n{rows}\\end{{longtable}}\n"
        ),
        _ => format!(
            "\\begin{{tabular}}{{l}}\n\\textit{{QUERY PLAN}} \\\\\n\\hline\n{rows}\\end{{tabular}}\n\n\
             \\noindent (3 rows) \\\\\n\n"
        ),
    }
}

/// The other tables that psql can write.
fn markup(values: &[&str]) -> Vec<(&'static str, String)> {
    let join =
        |each: &dyn Fn(&str) -> String| values.iter().map(|value| each(value)).collect::<String>();
    let bars = |value: &str| value.replace('|', "\\|");
    let quoted = |value: &str| format!("\"{}\"", value.replace('"', "\"\""));
    let web = |value: &str| {
        let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        value.replace('"', "&quot;").replace("  ", "&nbsp;&nbsp;").replace('\n', "<br />\n")
    };
    let title = "[options=\"header\",cols=\"<l\",frame=\"none\"]\n|====\n^l|QUERY PLAN\n";
    vec![
        (
            "asciidoc",
            format!(
                "\n{title}{}|====\n\n....\n(3 rows)\n....\n",
                join(&|v| format!("|{}\n", bars(v)))
            ),
        ),
        (
            "asciidoc records",
            format!(
                "\n[cols=\"h,l\",frame=\"none\"]\n|====\n{}|====\n",
                join(&|v| format!("2+^|Record 1\n<l|QUERY PLAN <l|{}\n", bars(v)))
            ),
        ),
        (
            "troff",
            format!(
                ".LP\n.TS\ncenter;\nl.\n\\fIQUERY PLAN\\fP\n_\n{}.TE\n.DS L\n(3 rows)\n.DE\n",
                join(&|v| format!("{}\n", v.replace('\\', "\\(rs")))
            ),
        ),
        ("csv records", join(&|v| format!("QUERY PLAN,{}\n", quoted(v)))),
        (
            "html records",
            format!(
                "<table border=\"1\">\n{}</table>\n",
                join(&|v| format!(
                    "\n  <tr><td colspan=\"2\" align=\"center\">Record 1</td></tr>\n  <tr valign=\"top\">\n    \
                     <th>QUERY PLAN</th>\n    <td align=\"left\">{}</td>\n  </tr>\n",
                    web(v)
                ))
            ),
        ),
        ("unaligned records", join(&|v| format!("QUERY PLAN|{v}\n\n"))),
    ]
}

/// Around each line, what others put there.
fn prefixed(text: &str) -> Vec<(&'static str, String)> {
    let bare = text.trim_end();
    let each = |prefix: &str| {
        text.lines().map(|line| format!("{prefix}{line}\n")).collect::<Vec<_>>().concat()
    };
    let lines: Vec<String> = text.lines().map(|line| format!("{line:?}")).collect();
    let numbers = text.lines().enumerate();
    vec![
        ("kubectl --timestamps", each("2026-11-21T10:00:00.123456789Z ")),
        ("cri", each("2026-11-21T10:00:00.123456789+01:00 stderr F ")),
        ("journald", each("Nov 21 10:00:00 db-1 postgres[123]: ")),
        ("mail", format!("On Monday, Jo wrote:\n\n{}", each("> > "))),
        (
            "numbers",
            numbers
                .map(|(at, line)| format!("{:>4}  {line}\n", at + 1))
                .collect::<Vec<_>>()
                .concat(),
        ),
        ("dbeaver", format!("QUERY PLAN  |\n------------+\n{}", each("").replace('\n', "  |\n"))),
        (
            "json rows",
            format!(
                "[{}]",
                lines
                    .iter()
                    .map(|line| format!("{{\"QUERY PLAN\":{line}}}"))
                    .collect::<Vec<_>>()
                    .join(",")
            ),
        ),
        ("json lines", format!("[{}]", lines.join(",\n"))),
        (
            "page",
            format!(
                "<pre><code>{}</code></pre>",
                text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
            ),
        ),
        ("question", format!("It is slow:\n\n```\n{bare}\n```\n\nAny idea (what to do)?\n")),
        ("timing", format!("QUERY PLAN\n{bare}\n(3 rows)\n\nTime: 12.345 ms\n")),
    ]
}

fn check(name: &str, way: &str, pasted: &str, expected: &[model::Plan]) {
    let mut plans = read(pasted).unwrap_or_else(|error| panic!("{name}, {way}: {error}\n{pasted}"));
    for plan in &mut plans {
        plan.duration_ms = None;
    }
    assert_eq!(plans, expected, "{name}, {way}\n{pasted}");
}

/// Each third plan, not always the same of each version, as there are thousands of frames.
fn some(format: &str) -> impl Iterator<Item = (String, String)> {
    // A page and a wrap cannot tell line ends of literals from their own.
    let is_delicate = |name: &str| ["newline", "rule"].iter().any(|part| name.contains(part));
    let all = recorded()
        .into_iter()
        .filter(move |(name, _)| !is_delicate(name))
        .filter_map(move |(name, mut formats)| Some((name, formats.remove(format)?)));
    all.step_by(3)
}

#[test]
fn no_frame_of_psql_changes_a_plan() {
    for (name, text) in some("txt") {
        let expected = read(&text).unwrap();
        let values: Vec<&str> = text.lines().collect();
        for style in [&ASCII, &UNICODE] {
            for border in 0..3 {
                for columns in [COLUMNS, 100_000] {
                    let way = format!("{} {border} {columns}", style.bar);
                    check(&name, &way, &table(&values, style, border, columns), &expected);
                    check(&name, &way, &records(&values, style, border, columns), &expected);
                }
            }
        }
        for kind in 0..3 {
            check(&name, "latex", &latex(&values, kind), &expected);
        }
        for (way, pasted) in markup(&values) {
            check(&name, way, &pasted, &expected);
        }
    }
}

/// A plan that is one value of many lines.
fn check_whole(format: &str) {
    for (name, text) in some(format) {
        let text = text.trim_end();
        let expected = read(text).unwrap();
        for style in [&ASCII, &UNICODE] {
            for border in 0..3 {
                for columns in [COLUMNS, 100_000] {
                    let way = format!("{format} {} {border} {columns}", style.bar);
                    check(&name, &way, &table(&[text], style, border, columns), &expected);
                    check(&name, &way, &records(&[text], style, border, columns), &expected);
                }
            }
        }
    }
}

#[test]
fn no_frame_of_psql_changes_a_plan_in_json() {
    check_whole("json");
    for (name, json) in some("json") {
        let json = json.trim_end();
        let expected = read(json).unwrap();
        for kind in 0..3 {
            check(&name, "latex", &latex(&[json], kind), &expected);
        }
        for (way, pasted) in markup(&[json]) {
            check(&name, way, &pasted, &expected);
        }
    }
}

#[test]
fn no_frame_of_psql_changes_a_plan_in_yaml() {
    check_whole("yaml");
}

#[test]
fn no_frame_of_psql_changes_a_plan_in_xml() {
    check_whole("xml");
}

#[test]
fn nothing_before_the_lines_changes_a_plan() {
    for (name, text) in some("txt") {
        let expected = read(&text).unwrap();
        for (way, pasted) in prefixed(&text) {
            let is_short = text.lines().count() < 2 && ["mail", "numbers"].contains(&way);
            if !is_short {
                check(&name, way, &pasted, &expected);
            }
        }
    }
}

#[test]
fn values_of_other_languages_are_plans_too() {
    let json = r#"[{"Plan": {"Node Type": "Seq Scan", "Parallel Aware": false, "Relation Name": "t",
        "Filter": "(a = 'it''s'::text)", "Startup Cost": 0.0, "Total Cost": 1.5, "Plan Rows": 3, "Plan Width": 4}}]"#;
    let expected = read(json).unwrap();
    let python = r#"[([{'Plan': {'Node Type': 'Seq Scan', 'Parallel Aware': False, 'Relation Name': 't',
        'Filter': "(a = 'it''s'::text)", 'Startup Cost': 0.0, 'Total Cost': 1.5, 'Plan Rows': 3, 'Plan Width': 4}}],)]"#;
    let ruby = r#"[{"Plan"=>{"Node Type"=>"Seq Scan", "Parallel Aware"=>false, "Relation Name"=>"t", "Alias"=>nil,
        "Filter"=>"(a = 'it''s'::text)", "Startup Cost"=>0.0, "Total Cost"=>1.5, "Plan Rows"=>3, "Plan Width"=>4}}]"#;
    let node = r#"{ Plan: { 'Node Type': 'Seq Scan', 'Parallel Aware': false, 'Relation Name': 't',
        Filter: "(a = 'it''s'::text)", 'Startup Cost': 0, 'Total Cost': 1.5, 'Plan Rows': 3, 'Plan Width': 4 } }"#;
    let driver = format!("[{{\"QUERY PLAN\": {json}}}]");
    let escaped = format!("{{\"plan\": {:?}}}", json.replace('\n', " "));
    for (way, text) in [
        ("python", python),
        ("ruby", ruby),
        ("node", node),
        ("driver", &driver),
        ("string", &escaped),
    ] {
        check("values", way, text, &expected);
    }
}
