//! Holds JSON against a JSON Schema of draft 7, as far as the schema of SARIF 2.1.0 goes: a keyword that is not known here
//! fails the test, so that nothing of a schema is passed over.

use serde_json::Value;

/// SARIF 2.1.0 as OASIS has it, from the crate `serde-sarif` 0.8.0 (MIT).
const SARIF: &str = include_str!("sarif-schema-2.1.0.json");

/// What a document of SARIF does that it must not, each with its place.
pub(crate) fn against_sarif(document: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(SARIF).expect("the schema is JSON");
    let mut faults = Vec::new();
    look(&schema, &schema, document, "", &mut faults);
    faults
}

fn look(root: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let Some(rules) = schema.as_object() else { panic!("a schema is an object: {schema}") };
    for (keyword, rule) in rules {
        let fault = match keyword.as_str() {
            "$schema" | "$id" | "title" | "description" | "default" | "definitions" => None,
            "$ref" => {
                let pointer = rule.as_str().and_then(|rule| rule.strip_prefix('#'));
                let meant = pointer.and_then(|pointer| root.pointer(pointer));
                look(root, meant.expect("a place in the schema"), value, at, faults);
                None
            }
            "type" => (!is_of(rule, value)).then(|| format!("is no {rule}")),
            "enum" => {
                let known = rule.as_array().expect("a list");
                (!known.contains(value)).then(|| format!("is none of {rule}"))
            }
            "anyOf" | "oneOf" => {
                let fits = |schema: &&Value| {
                    let mut faults = Vec::new();
                    look(root, schema, value, at, &mut faults);
                    faults.is_empty()
                };
                let count = rule.as_array().expect("a list").iter().filter(fits).count();
                let is_met = if keyword == "oneOf" { count == 1 } else { 0 < count };
                (!is_met).then(|| format!("fits {count} of {keyword}"))
            }
            "properties" | "required" | "additionalProperties" => {
                fields(root, (keyword, rule, rules), value, at, faults);
                None
            }
            "items" | "minItems" | "uniqueItems" => {
                elements(root, (keyword, rule), value, at, faults)
            }
            "minimum" => bound(value, rule, |value, least| least <= value),
            "maximum" => bound(value, rule, |value, most| value <= most),
            "pattern" => {
                text(value).filter(|it| !is_like(rule, it)).map(|_| format!("is not like {rule}"))
            }
            "format" => {
                text(value).filter(|it| !has_format(rule, it)).map(|_| format!("is no {rule}"))
            }
            unknown => panic!("`{unknown}` is not known here"),
        };
        faults.extend(fault.map(|fault| format!("{at}: {fault}")));
    }
}

fn is_of(rule: &Value, value: &Value) -> bool {
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        unknown => panic!("`{unknown}` is no type"),
    };
    match rule {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => panic!("{rule} is no type"),
    }
}

fn fields(
    root: &Value,
    (keyword, rule, rules): (&str, &Value, &serde_json::Map<String, Value>),
    value: &Value,
    at: &str,
    faults: &mut Vec<String>,
) {
    let Some(fields) = value.as_object() else { return };
    let known = rules.get("properties").and_then(Value::as_object);
    match keyword {
        "required" => {
            let wanted = rule.as_array().expect("a list").iter().filter_map(Value::as_str);
            let missing = wanted.filter(|name| !fields.contains_key(*name));
            faults.extend(missing.map(|name| format!("{at}: `{name}` is missing")));
        }
        "properties" => {
            for (name, schema) in rule.as_object().expect("an object") {
                if let Some(value) = fields.get(name) {
                    look(root, schema, value, &format!("{at}/{name}"), faults);
                }
            }
        }
        _ => {
            let others =
                fields.iter().filter(|(name, _)| known.is_none_or(|it| !it.contains_key(*name)));
            for (name, value) in others {
                match rule {
                    Value::Bool(true) => {}
                    Value::Bool(false) => faults.push(format!("{at}: `{name}` is not known")),
                    schema => look(root, schema, value, &format!("{at}/{name}"), faults),
                }
            }
        }
    }
}

fn elements(
    root: &Value,
    (keyword, rule): (&str, &Value),
    value: &Value,
    at: &str,
    faults: &mut Vec<String>,
) -> Option<String> {
    let list = value.as_array()?;
    match keyword {
        "items" => {
            for (place, element) in list.iter().enumerate() {
                look(root, rule, element, &format!("{at}/{place}"), faults);
            }
            None
        }
        "minItems" => {
            let least = rule.as_u64().expect("a count");
            ((list.len() as u64) < least).then(|| format!("has fewer than {least} elements"))
        }
        _ => {
            let mut seen: Vec<&Value> = Vec::new();
            for element in list {
                if rule == true && seen.contains(&element) {
                    return Some(format!("has {element} twice"));
                }
                seen.push(element);
            }
            None
        }
    }
}

fn bound(value: &Value, rule: &Value, holds: impl Fn(f64, f64) -> bool) -> Option<String> {
    let (value, bound) = (value.as_f64()?, rule.as_f64().expect("a number"));
    (!holds(value, bound)).then(|| format!("{value} is beyond {bound}"))
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

/// The patterns that stand in the schema of SARIF, each said in another way.
fn is_like(pattern: &Value, text: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match pattern.as_str().expect("a text") {
        // A GUID of RFC 4122.
        "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$" =>
        {
            let parts: Vec<&str> = text.split('-').collect();
            parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.into_iter().all(hex)
        }
        other => panic!("the pattern {other} is not known here, for `{text}`"),
    }
}

fn has_format(format: &Value, text: &str) -> bool {
    match format.as_str().expect("a text") {
        "uri" => text.split_once(':').is_some_and(|(scheme, rest)| {
            !rest.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }),
        // RFC 3986: neither blanks nor what has to be escaped.
        "uri-reference" => {
            text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
        }
        "date-time" => text.len() >= 20 && text.contains('T'),
        unknown => panic!("the format `{unknown}` is not known here"),
    }
}
