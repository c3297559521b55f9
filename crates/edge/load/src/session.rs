//! One pass through a flow: texts filled in, requests written, answers looked at.

use std::collections::BTreeMap;

use crate::{
    response::{Answer, Wants},
    scenario::{Extract, Scenario, Step, is_name, names},
};

/// A step, made ready: most of what is sent never changes.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The place of its name among the routes.
    pub(crate) route: u32,
    pub(crate) wants: Wants,
    pub(crate) step: Step,
    /// The whole request, where nothing is filled in.
    fixed: Option<Vec<u8>>,
    authority: String,
}

/// Values that texts are filled with.
pub(crate) type Values = BTreeMap<String, String>;

/// All steps of all flows.
pub(crate) fn ready(scenario: &Scenario) -> Vec<Vec<Ready>> {
    let routes = scenario.routes();
    let one = |step: &Step| {
        let route = routes.iter().position(|name| *name == step.name).unwrap_or_default();
        let mut ready = Ready {
            route: u32::try_from(route).unwrap_or_default(),
            wants: wants(step),
            step: step.clone(),
            fixed: None,
            authority: scenario.target.authority.clone(),
        };
        let texts =
            [&step.path, &step.body].into_iter().chain(step.headers.iter().map(|(_, value)| value));
        if texts.into_iter().all(|text| names(text).next().is_none()) {
            ready.fixed = Some(ready.write(&Values::new()));
        }
        ready
    };
    scenario.flows.iter().map(|flow| flow.steps.iter().map(one).collect()).collect()
}

fn wants(step: &Step) -> Wants {
    let looks =
        !step.extract.is_empty() || step.check.contains.is_some() || step.check.json.is_some();
    match (step.method, looks) {
        (crate::Method::Head, _) => Wants::Head,
        (_, true) => Wants::All,
        (_, false) => Wants::Size,
    }
}

impl Ready {
    /// What is sent, if it never changes.
    pub(crate) fn fixed(&self) -> Option<&[u8]> {
        self.fixed.as_deref()
    }

    /// What is sent.
    pub(crate) fn write(&self, values: &Values) -> Vec<u8> {
        let step = &self.step;
        let mut text =
            format!("{} {} HTTP/1.1\r\n", step.method.as_str(), fill(&step.path, values, true));
        let has =
            |name: &str| step.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if !has("host") {
            text.push_str(&format!("Host: {}\r\n", self.authority));
        }
        if !has("user-agent") {
            text.push_str(concat!("User-Agent: taut/", env!("CARGO_PKG_VERSION"), "\r\n"));
        }
        if !has("accept") {
            text.push_str("Accept: */*\r\n");
        }
        for (name, value) in &step.headers {
            // A value from an answer must not begin another header.
            let value = fill(value, values, false).replace(['\r', '\n'], " ");
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = fill(&step.body, values, false);
        if (!body.is_empty() || step.method.has_body()) && !has("content-length") {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        text.push_str(&body);
        text.into_bytes()
    }

    /// Whether the answer is as it has to be; takes out of it what later steps need.
    pub(crate) fn look(&self, answer: &Answer, values: &mut Values) -> bool {
        let check = &self.step.check;
        let status = if check.statuses.is_empty() {
            (200..400).contains(&answer.status)
        } else {
            check.statuses.contains(&answer.status)
        };
        if !status || self.wants != Wants::All {
            return status;
        }
        let body = String::from_utf8_lossy(&answer.body);
        let json: Option<serde_json::Value> = serde_json::from_str(&body).ok();
        let at = |pointer: &str| json.as_ref()?.pointer(pointer);
        if check.contains.as_ref().is_some_and(|text| !body.contains(text.as_str()))
            || check.json.as_ref().is_some_and(|pointer| at(pointer).is_none())
        {
            return false;
        }
        for (name, place) in &self.step.extract {
            let found = match place {
                Extract::Json(pointer) => at(pointer)
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
                Extract::Header(header) => answer
                    .headers
                    .iter()
                    .find(|(known, _)| known == header)
                    .map(|(_, value)| value.clone()),
            };
            let Some(found) = found else { return false };
            values.insert(name.clone(), found);
        }
        true
    }
}

/// A text in parts: texts as they stand, and names that are filled in (`true`).
pub(crate) fn split_names(text: &str) -> Vec<(&str, bool)> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut from = 0;
    while let Some(open) =
        rest.get(from..).and_then(|tail| tail.find('{')).map(|place| from + place)
    {
        let name = rest.get(open + 1..).and_then(|tail| tail.split_once('}')).map(|(name, _)| name);
        match name.filter(|name| is_name(name)) {
            Some(name) => {
                parts.extend(
                    rest.get(..open).filter(|text| !text.is_empty()).map(|text| (text, false)),
                );
                parts.push((name, true));
                rest = rest.get(open + name.len() + 2..).unwrap_or_default();
                from = 0;
            }
            None => from = open + 1,
        }
    }
    parts.extend(Some(rest).filter(|text| !text.is_empty()).map(|text| (text, false)));
    parts
}

/// Fills names in; what has no value stays as it is.
fn fill(text: &str, values: &Values, is_path: bool) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut parts = text.split('{');
    filled.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let known = part.split_once('}').filter(|(name, _)| is_name(name));
        let found = known.and_then(|(name, rest)| Some((values.get(name)?, rest)));
        if let Some((value, rest)) = found {
            if is_path {
                escape(value, &mut filled);
            } else {
                filled.push_str(value);
            }
            filled.push_str(rest);
        } else {
            filled.push('{');
            filled.push_str(part);
        }
    }
    filled
}

/// Within a path or a query: all but what RFC 3986 calls unreserved is escaped.
fn escape(value: &str, filled: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            filled.push(char::from(byte));
        } else {
            filled.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Check, Method};

    fn one(path: &str, body: &str, headers: &[(&str, &str)]) -> Ready {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let scenario =
            Scenario::url("http://x:1/", Method::Post, Vec::new(), String::new()).unwrap();
        let mut scenario = scenario;
        let step = &mut scenario.flows[0].steps[0];
        (step.path, step.body, step.headers) =
            (path.to_owned(), body.to_owned(), headers.collect());
        step.extract = vec![
            ("id".to_owned(), Extract::Json("/a/0".to_owned())),
            ("next".to_owned(), Extract::Header("location".to_owned())),
        ];
        step.check = Check { contains: Some("\"a\"".to_owned()), ..Check::default() };
        ready(&scenario).remove(0).remove(0)
    }

    #[test]
    fn requests_are_filled_in_and_cannot_be_split() {
        let ready =
            one("/o/{id}?q={q}", "{\"x\": \"{q}\", \"y\": {}}", &[("A", "{q}"), ("Host", "h")]);
        let values = Values::from(
            [("id", "a/b c"), ("q", "1\r\n2")].map(|(k, v)| (k.to_owned(), v.to_owned())),
        );
        assert!(ready.fixed().is_none());
        let sent = String::from_utf8(ready.write(&values)).unwrap();
        assert_eq!(
            sent,
            "POST /o/a%2Fb%20c?q=1%0D%0A2 HTTP/1.1\r\nUser-Agent: taut/0.1.0\r\nAccept: */*\r\nA: 1  2\r\nHost: h\r\n\
             Content-Length: 22\r\n\r\n{\"x\": \"1\r\n2\", \"y\": {}}"
        );
        assert!(one("/", "", &[]).fixed().is_some());
    }

    #[test]
    fn answers_are_checked_and_give_values() {
        let ready = one("/", "", &[]);
        let answer = |status, body: &str| Answer {
            status,
            headers: vec![("location".to_owned(), "/n".to_owned())],
            body: body.as_bytes().to_vec(),
            ..Answer::default()
        };
        let mut values = Values::new();
        assert!(ready.look(&answer(200, "{\"a\": [7]}"), &mut values));
        assert_eq!((values["id"].as_str(), values["next"].as_str()), ("7", "/n"));
        assert!(!ready.look(&answer(500, "{\"a\": [7]}"), &mut values));
        assert!(!ready.look(&answer(200, "{\"a\": []}"), &mut values));
        assert!(!ready.look(&answer(200, "b"), &mut values));
    }
}
