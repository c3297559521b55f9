//! A plan in YAML or XML as the JSON that EXPLAIN would have written: for those who work on one format.

use super::{
    raw::{Raw, scalar},
    xml, yaml,
};
use model::plan::PlanValue;

/// What a plan in YAML or XML says, as JSON; `None` for anything else, and for what is nested too deep.
#[must_use]
pub fn as_json(text: &str) -> Option<String> {
    let value = match text.find("<explain") {
        Some(begin) => xml::value(text, begin).ok()?.0?,
        None => yaml::value(text).ok()??,
    };
    let mut out = String::new();
    write(&value, LEVELS_MAX, &mut out)?;
    Some(out)
}

/// Levels of a plan: two for each node below another.
const LEVELS_MAX: usize = 200;

fn write(value: &Raw, levels: usize, out: &mut String) -> Option<()> {
    let levels = levels.checked_sub(1)?;
    match value {
        Raw::Null => out.push_str("null"),
        Raw::Scalar(text) => match scalar(text) {
            PlanValue::Bool(_) | PlanValue::Int(_) | PlanValue::Number(_) => out.push_str(text),
            _ => string(text, out),
        },
        Raw::List(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if 0 < place {
                    out.push_str(", ");
                }
                write(item, levels, out)?;
            }
            out.push(']');
        }
        Raw::Map(fields) => {
            out.push('{');
            for (place, (key, value)) in fields.iter().enumerate() {
                if 0 < place {
                    out.push_str(", ");
                }
                string(key, out);
                out.push_str(": ");
                write(value, levels, out)?;
            }
            out.push('}');
        }
    }
    Some(())
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            letter if letter < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_plan_in_json() {
        let yaml = "Query Text: \"select \\\"a\\\"\"\nPlan: \n  Node Type: \"Sort\"\n  Sort Key: \n    - \"a\"\n  \
                    Plan Rows: 3\n  Total Cost: 1.50";
        let xml = "<explain xmlns=\"x\"><Query-Text>select \"a\"</Query-Text><Plan><Node-Type>Sort</Node-Type>\
                   <Sort-Key><Item>a</Item></Sort-Key><Plan-Rows>3</Plan-Rows><Total-Cost>1.50</Total-Cost></Plan></explain>";
        let json = "{\"Query Text\": \"select \\\"a\\\"\", \"Plan\": {\"Node Type\": \"Sort\", \"Sort Key\": [\"a\"], \
                    \"Plan Rows\": 3, \"Total Cost\": 1.50}}";
        assert_eq!(as_json(yaml).as_deref(), Some(json));
        assert_eq!(as_json(xml).as_deref(), Some(json));
    }
}
