//! Tables that psql writes for other programs: LaTeX, `AsciiDoc`, troff, web pages, records of CSV. Each says
//! exactly what it changed, so that it is changed back exactly.

use crate::plan::xml;

/// The text of the table's cells, line for line; `None` if the text is no such table.
pub(super) fn cells(text: &str) -> Option<String> {
    if text.contains("\\begin{tabular}") || text.contains("\\begin{longtable}") {
        return Some(latex(text));
    }
    if text.contains("|====") && text.lines().any(|line| line.starts_with("|====")) {
        return Some(asciidoc(text));
    }
    if text.lines().any(|line| line == ".TS") {
        return Some(troff(text));
    }
    if text.contains("<td") {
        return Some(web(text));
    }
    if text.contains("<pre") || text.contains("<code") {
        return Some(preformatted(text));
    }
    csv_records(text)
}

/// What latex prints for a sign, and the sign.
const LATEX: &[(&str, &str)] = &[
    ("\\textgreater{}", ">"),
    ("\\textless{}", "<"),
    ("\\textbar{}", "|"),
    ("\\^{}", "^"),
    ("\\~{}", "~"),
    ("\\#", "#"),
    ("\\$", "$"),
    ("\\%", "%"),
    ("\\&", "&"),
    ("\\_", "_"),
    ("\\{", "{"),
    ("\\}", "}"),
    ("\\textbackslash{}", "\\"),
    ("\\\\", "\n"),
];

/// Commands that begin a line which is none of the table's.
const LATEX_COMMANDS: &[&str] = &[
    "\\begin{",
    "\\end{",
    "\\hline",
    "\\midrule",
    "\\toprule",
    "\\bottomrule",
    "\\endfirsthead",
    "\\endhead",
    "\\textit{",
    "\\small",
    "\\multicolumn{",
    "\\noindent",
    "\\caption",
    "\\label",
];

fn latex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        if LATEX_COMMANDS.iter().any(|command| line.starts_with(command)) {
            if line.starts_with("\\begin{") {
                out.push('\n');
            }
            continue;
        }
        let line = line.strip_prefix("QUERY PLAN & ").unwrap_or(line);
        let line = line
            .strip_prefix("\\raggedright{")
            .and_then(|line| line.trim_end().strip_suffix("} \\tabularnewline"))
            .or_else(|| line.trim_end().strip_suffix(" \\\\"))
            .unwrap_or(line);
        unlatex(line, &mut out);
        out.push('\n');
    }
    out
}

fn unlatex(line: &str, out: &mut String) {
    let mut rest = line;
    while let Some((before, _)) = rest.split_once('\\') {
        out.push_str(before);
        rest = rest.get(before.len()..).unwrap_or_default();
        let known = LATEX.iter().find_map(|(spelt, sign)| Some((rest.strip_prefix(spelt)?, sign)));
        if let Some((after, sign)) = known {
            out.push_str(sign);
            rest = after;
        } else {
            out.push('\\');
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
}

fn asciidoc(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("|====") {
            inside = !inside;
            out.push('\n');
            continue;
        }
        if !inside {
            if !line.starts_with("[cols=") && !line.starts_with("[options=") && line != "...." {
                out.push_str(line);
                out.push('\n');
            }
            continue;
        }
        let marks: &[char] = &['<', '>', '^', 'l', 'h', '2', '+'];
        let bare = line.trim_start_matches(marks);
        if bare == "|QUERY PLAN" || bare.starts_with("|Record ") {
            continue;
        }
        let cell = bare
            .strip_prefix("|QUERY PLAN ")
            .map(|cell| cell.trim_start_matches(marks))
            .filter(|cell| cell.starts_with('|'))
            .or_else(|| line.starts_with(['|', '<', '>', '^']).then_some(bare))
            .and_then(|cell| cell.strip_prefix('|'))
            .unwrap_or(line);
        out.push_str(&cell.replace("\\|", "|"));
        out.push('\n');
    }
    out
}

fn troff(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for line in text.lines() {
        let is_format = matches!(line, ".T&" | "c s." | "c | l." | "l." | "c l." | "center;" | "_")
            || line.starts_with("\\fI")
            || line == "center box;";
        match line {
            ".TS" => inside = true,
            ".TE" => inside = false,
            ".LP" | ".DS L" | ".DE" => {}
            _ if inside && is_format => {}
            _ => {
                let line = line.strip_prefix("QUERY PLAN\t").unwrap_or(line);
                out.push_str(&line.replace("\\(rs", "\\"));
                out.push('\n');
            }
        }
    }
    out
}

/// A table of a web page; signs of the plan itself are entities there.
fn web(text: &str) -> String {
    let bare = xml::unescape(&without_tags(text));
    let is_record = |line: &str| {
        line.trim()
            .strip_prefix("Record ")
            .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let records = bare.lines().filter(|line| line.trim() == "QUERY PLAN").count();
    let lines = bare.lines().filter(|line| {
        let is_title = is_record(line) || (1 < records && line.trim() == "QUERY PLAN");
        !line.trim().is_empty() && !is_title
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A page that shows the plan as it is, but for signs that mean something in pages.
fn preformatted(text: &str) -> String {
    let mut out = text.to_owned();
    for tag in ["pre", "code"] {
        out = out.replace(&format!("</{tag}>"), "\n");
        while let Some(begin) = out.find(&format!("<{tag}")) {
            let rest = out.get(begin..).unwrap_or_default();
            let end = rest.find('>').map_or(rest.len(), |end| end + 1);
            out.replace_range(begin..begin + end, "\n");
        }
    }
    xml::unescape(&out)
}

fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        let is_tag = tag.starts_with(|letter: char| letter == '/' || letter.is_ascii_lowercase());
        let Some((_, after)) = tag.split_once('>').filter(|_| is_tag) else {
            out.push('<');
            rest = tag;
            continue;
        };
        // What stands before a cell is the page's own indentation.
        if tag.starts_with("td") || tag.starts_with("th") {
            out.truncate(out.trim_end_matches([' ', '\t']).len());
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// `QUERY PLAN,"…"` a line: `\x` with `--csv`, or one row of a driver.
fn csv_records(text: &str) -> Option<String> {
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    if !first.starts_with("QUERY PLAN,") && !first.starts_with("\"QUERY PLAN\",") {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let Some(cell) =
            rest.strip_prefix("QUERY PLAN,").or_else(|| rest.strip_prefix("\"QUERY PLAN\","))
        else {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            out.push_str(line);
            out.push('\n');
            rest = after;
            continue;
        };
        rest = quoted(cell, &mut out);
        out.push('\n');
    }
    Some(out)
}

/// Appends the field that the text begins with; what follows its line.
fn quoted<'a>(text: &'a str, out: &mut String) -> &'a str {
    let Some(rest) = text.strip_prefix('"') else {
        let (line, after) = text.split_once('\n').unwrap_or((text, ""));
        out.push_str(line);
        return after;
    };
    quoted_rest(rest, out)
}

/// As [`quoted`], behind the first quote.
pub(super) fn quoted_rest<'a>(text: &'a str, out: &mut String) -> &'a str {
    let mut rest = text;
    loop {
        let Some((part, after)) = rest.split_once('"') else {
            out.push_str(rest);
            return "";
        };
        out.push_str(part);
        if let Some(more) = after.strip_prefix('"') {
            out.push('"');
            rest = more;
            continue;
        }
        return after.split_once('\n').map_or("", |(_, after)| after);
    }
}
