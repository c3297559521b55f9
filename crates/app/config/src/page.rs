//! The table of settings as text: the example file, and a page of the manual.

use std::fmt::Write as _;

use crate::{
    table::{OTHER_VARIABLES, Setting, known},
    value::expected,
};

/// A `taut.toml` in which every setting is explained and left at its default.
pub(crate) fn example() -> String {
    let mut text = String::from(
        "# Settings of taut. Every line shows its default; take the `#` off to change one.\n\
         # Environment variables go over this file, flags over both.\n",
    );
    let mut section = "";
    for setting in known() {
        let (in_section, name) = setting.section_and_name();
        if in_section != section {
            section = in_section;
            line(&mut text, format_args!("\n[{section}]"));
        }
        for words in wrap(&about(setting), 96) {
            line(&mut text, format_args!("# {words}"));
        }
        line(&mut text, format_args!("# {name} = {}", setting.default));
    }
    text
}

/// A page of the manual, in Markdown: every setting with its default, its variable and its reason.
pub(crate) fn manual() -> String {
    let mut text = String::from(
        "# Settings\n\n\
         Taut reads `taut.toml` in the working folder, or the file that `--config` or `TAUT_CONFIG` \
         names. Flags go over environment variables, these over the file, and the file over the \
         defaults. An unknown key is an error. `taut config` lists every value with its origin, and \
         `taut config --example` prints a file with every setting in it.\n",
    );
    let mut section = "";
    for setting in known() {
        let (in_section, name) = setting.section_and_name();
        if in_section != section {
            section = in_section;
            line(&mut text, format_args!("\n## `[{section}]`\n"));
            line(&mut text, format_args!("| key | default | variable | what it decides |"));
            line(&mut text, format_args!("|---|---|---|---|"));
        }
        let about = format!("{} Takes {}.", about(setting), expected(setting.kind));
        line(
            &mut text,
            format_args!(
                "| `{name}` | `{}` | `{}` | {} |",
                setting.default,
                setting.variable(),
                about.replace('|', "\\|")
            ),
        );
    }
    line(&mut text, format_args!("\n## Other variables\n"));
    for (name, about) in OTHER_VARIABLES {
        line(&mut text, format_args!("- `{name}`: {about}"));
    }
    text
}

/// What it decides, and why the default is what it is.
fn about(setting: &Setting) -> String {
    match &setting.kind {
        crate::Kind::Number { unit, .. } if setting.source.is_empty() => {
            format!("In {unit}. {}", setting.doc)
        }
        _ => format!("{} {}", setting.doc, setting.source).trim_end().to_owned(),
    }
}

fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) if last.chars().count() + 1 + word.chars().count() <= columns => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    writeln!(text, "{words}").expect("a text can always grow");
}
