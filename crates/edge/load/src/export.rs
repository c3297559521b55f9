//! Scenarios for engines that run on many machines: k6 and Locust.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use prove::schedule::Think;
use serde_json::{Value, json};

use crate::{
    scenario::{Extract, Flow, Scenario, Step},
    session::split_names,
};

/// A tool that a scenario is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Grafana k6: JavaScript.
    K6,
    /// Locust: Python.
    Locust,
}

/// The scenario as the tool reads it.
#[must_use]
pub fn export(scenario: &Scenario, engine: Engine) -> String {
    match engine {
        Engine::K6 => k6(scenario),
        Engine::Locust => locust(scenario),
    }
}

fn base(scenario: &Scenario) -> String {
    let scheme = if scenario.target.is_encrypted { "https" } else { "http" };
    format!("{scheme}://{}", scenario.target.authority)
}

/// A text as JSON has it, which JavaScript and Python read alike.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Names that texts of a flow may hold. Others are left as they are, as a run leaves them: what was recorded has braces of its own.
struct Names<'a>(BTreeSet<&'a str>);

impl<'a> Names<'a> {
    fn of(scenario: &'a Scenario, flow: &'a Flow) -> Self {
        let columns = scenario.data.first().into_iter().flat_map(BTreeMap::keys);
        let taken = flow.steps.iter().flat_map(|step| &step.extract).map(|(name, _place)| name);
        Self(columns.chain(taken).map(String::as_str).collect())
    }

    /// A text with names in it as a sum of texts and look-ups.
    fn filled(&self, text: &str, look_up: impl Fn(&str) -> String) -> String {
        let one = |(part, is_name): (&str, bool)| {
            if is_name && self.0.contains(part) {
                look_up(part)
            } else if is_name {
                quoted(&format!("{{{part}}}"))
            } else {
                quoted(part)
            }
        };
        let sum: Vec<String> = split_names(text).into_iter().map(one).collect();
        if sum.is_empty() { quoted("") } else { sum.join(" + ") }
    }
}

/// What a step has to know of its flow.
struct Within {
    is_last: bool,
    goes_on: bool,
}

impl Within {
    fn of(flow: &Flow, place: usize) -> Self {
        let takes = flow.steps.get(place).is_some_and(|step| !step.extract.is_empty());
        Self { is_last: place + 1 == flow.steps.len(), goes_on: flow.goes_on && !takes }
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// What is at a place in an answer: a pointer as RFC 6901 has it; undefined where nothing is, or no JSON.
const K6_AT: &str = "function at(answer, pointer) {
  let value;
  try {
    value = answer.json();
  } catch (error) {
    return undefined;
  }
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replace(/~1/g, '/').replace(/~0/g, '~');
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value) ? !/^[0-9]+$/.test(key) : !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

// What is no text is put into requests as it is in JSON.
function said(value) {
  return value === undefined || typeof value === 'string' ? value : JSON.stringify(value);
}

";

fn k6(scenario: &Scenario) -> String {
    let weights: Vec<f64> = scenario.flows.iter().map(|flow| flow.weight).collect();
    let mut text = format!(
        "// Written by taut. Run it with: k6 run --vus 10 --duration 1m scenario.js\n\
         import http from 'k6/http';\nimport {{ check, sleep }} from 'k6';\n\n\
         const BASE = __ENV.BASE || {};\nconst DATA = {};\nconst WEIGHTS = {};\n\n\
         {K6_AT}const FLOWS = [\n",
        quoted(&base(scenario)),
        json!(scenario.data),
        json!(weights),
    );
    for flow in &scenario.flows {
        let names = Names::of(scenario, flow);
        text.push_str(&format!(
            "  // {}\n  (values) => {{\n    let answer;\n",
            one_line(&flow.name)
        ));
        for (place, step) in flow.steps.iter().enumerate() {
            text.push_str(&k6_step(step, &names, &Within::of(flow, place)));
        }
        text.push_str("  },\n");
    }
    text.push_str(
        "];\n\nexport default function () {\n  const values = Object.assign({}, DATA.length ? DATA[(__VU * 7919 + __ITER) % DATA.length] : {});\n  \
         let left = Math.random() * WEIGHTS.reduce((sum, weight) => sum + weight, 0);\n  \
         const place = WEIGHTS.findIndex((weight) => (left -= weight) < 0);\n  FLOWS[Math.max(place, 0)](values);\n}\n",
    );
    text
}

fn k6_step(step: &Step, names: &Names<'_>, within: &Within) -> String {
    let value = |name: &str| format!("values[{}]", quoted(name));
    let escaped = |name: &str| format!("encodeURIComponent(values[{}])", quoted(name));
    let headers: Vec<String> = step
        .headers
        .iter()
        .map(|(name, text)| format!("{}: {}", quoted(name), names.filled(text, value)))
        .collect();
    let body =
        if step.body.is_empty() { "null".to_owned() } else { names.filled(&step.body, value) };
    let mut text = format!(
        "    answer = http.request({}, BASE + {}, {body}, {{ headers: {{ {} }}, redirects: 0, tags: {{ name: {} }} }});\n",
        quoted(step.method.as_str()),
        names.filled(&step.path, escaped),
        headers.join(", "),
        quoted(&step.name),
    );
    let mut checks = vec![match step.check.statuses.as_slice() {
        [] => "answer.status >= 200 && answer.status < 400".to_owned(),
        some => format!("{}.includes(answer.status)", json!(some)),
    }];
    if let Some(words) = &step.check.contains {
        checks.push(format!("String(answer.body).includes({})", quoted(words)));
    }
    if let Some(pointer) = &step.check.json {
        checks.push(format!("at(answer, {}) !== undefined", quoted(pointer)));
    }
    let check =
        format!("check(answer, {{ {}: () => {} }})", quoted(&step.name), checks.join(" && "));
    text.push_str(&if within.goes_on {
        format!("    {check};\n")
    } else {
        format!("    if (!{check}) return;\n")
    });
    for (name, place) in &step.extract {
        let taken = match place {
            Extract::Json(pointer) => format!("said(at(answer, {}))", quoted(pointer)),
            Extract::Header(header) => format!("answer.headers[{}]", quoted(&canonical(header))),
        };
        let value = value(name);
        text.push_str(&format!("    {value} = {taken};\n    if ({value} === undefined) return;\n"));
    }
    if !within.is_last {
        let pause = match step.think {
            Think::Never => None,
            Think::Always(time) => Some(seconds(time)),
            Think::Between(least, most) => {
                let (least, span) = (seconds(least), seconds(most.saturating_sub(least)));
                Some(format!("{least} + Math.random() * {span}"))
            }
            Think::About(mean) => Some(format!("-Math.log(1 - Math.random()) * {}", seconds(mean))),
        };
        text.extend(pause.map(|pause| format!("    sleep({pause});\n")));
    }
    text
}

/// The same in Python, where nothing is an exception.
const LOCUST_AT: &str = r#"MISSING = (IndexError, KeyError, TypeError, ValueError)


def at(answer, pointer):
    value = answer.json()
    for key in pointer.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and not (key.isascii() and key.isdigit()):
            raise KeyError(key)
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def said(value):
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def has(answer, pointer):
    try:
        at(answer, pointer)
    except MISSING:
        return False
    return True


"#;

fn locust(scenario: &Scenario) -> String {
    let mut text = format!(
        "# Written by taut. Run it with: locust -f scenario.py --headless -u 10 -t 1m\n\
         import itertools\nimport json\nimport random\nimport time\nfrom urllib.parse import quote\n\n\
         from locust import HttpUser, task\n\nDATA = itertools.cycle(json.loads({}) or [{{}}])\n\n\n\
         {LOCUST_AT}class Visitor(HttpUser):\n    host = {}\n",
        quoted(&json!(scenario.data).to_string()),
        quoted(&base(scenario)),
    );
    for (place, flow) in scenario.flows.iter().enumerate() {
        let names = Names::of(scenario, flow);
        let weight = format!("{:.0}", (flow.weight * 100.0).max(1.0));
        text.push_str(&format!(
            "\n    # {}\n    @task({weight})\n    def flow_{place}(self):\n        values = dict(next(DATA))\n",
            one_line(&flow.name)
        ));
        for (place, step) in flow.steps.iter().enumerate() {
            text.push_str(&locust_step(step, &names, &Within::of(flow, place)));
        }
    }
    text
}

fn locust_step(step: &Step, names: &Names<'_>, within: &Within) -> String {
    let value = |name: &str| format!("str(values[{}])", quoted(name));
    let escaped = |name: &str| format!("quote(str(values[{}]), safe=\"\")", quoted(name));
    let headers: Vec<String> = step
        .headers
        .iter()
        .map(|(name, text)| format!("{}: {}", quoted(name), names.filled(text, value)))
        .collect();
    let body = if step.body.is_empty() {
        "None".to_owned()
    } else {
        format!("({}).encode()", names.filled(&step.body, value))
    };
    let mut text = format!(
        "        with self.client.request({}, {}, name={}, headers={{{}}}, data={body}, allow_redirects=False, catch_response=True) as answer:\n",
        quoted(step.method.as_str()),
        names.filled(&step.path, escaped),
        quoted(&step.name),
        headers.join(", "),
    );
    let mut checks = vec![match step.check.statuses.as_slice() {
        [] => "200 <= answer.status_code < 400".to_owned(),
        some => format!("answer.status_code in {}", json!(some)),
    }];
    if let Some(words) = &step.check.contains {
        checks.push(format!("{} in answer.text", quoted(words)));
    }
    if let Some(pointer) = &step.check.json {
        checks.push(format!("has(answer, {})", quoted(pointer)));
    }
    text.push_str(&format!(
        "            if not ({}):\n                answer.failure(\"not what was expected\")\n{}",
        checks.join(" and "),
        if within.goes_on { "            else:\n    " } else { "                return\n" }
    ));
    if !step.extract.is_empty() {
        text.push_str("            try:\n");
    }
    for (name, place) in &step.extract {
        let taken = match place {
            Extract::Json(pointer) => format!("said(at(answer, {}))", quoted(pointer)),
            Extract::Header(header) => format!("answer.headers[{}]", quoted(header)),
        };
        text.push_str(&format!("                values[{}] = {taken}\n", quoted(name)));
    }
    if !step.extract.is_empty() {
        text.push_str(
            "            except MISSING:\n                answer.failure(\"what the next step wants is not in it\")\n                return\n",
        );
    }
    text.push_str("            answer.success()\n");
    if !within.is_last {
        let pause = match step.think {
            Think::Never => None,
            Think::Always(time) => Some(seconds(time)),
            Think::Between(least, most) => {
                Some(format!("random.uniform({}, {})", seconds(least), seconds(most)))
            }
            Think::About(mean) => Some(format!("random.expovariate(1 / {})", seconds(mean))),
        };
        text.extend(pause.map(|pause| format!("        time.sleep({pause})\n")));
    }
    text
}

/// `X-Request-Id`: how k6 spells names of headers.
fn canonical(name: &str) -> String {
    let part = |part: &str| {
        let mut letters = part.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    name.split('-').map(part).collect::<Vec<_>>().join("-")
}

fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Check, Method, Target};

    fn scenario() -> Scenario {
        let step = Step {
            name: "one order".to_owned(),
            method: Method::Post,
            path: "/o/{id}".to_owned(),
            headers: vec![("X-A".to_owned(), "b {id}".to_owned())],
            body: "{\"n\": \"{id}\"}".to_owned(),
            think: Think::Between(Duration::from_secs(1), Duration::from_secs(3)),
            extract: vec![("next".to_owned(), Extract::Json("/a/0".to_owned()))],
            check: Check { contains: Some("it's".to_owned()), ..Check::default() },
        };
        let steps = vec![step.clone(), Step { path: "/p/{next}".to_owned(), ..step }];
        Scenario {
            target: Target::parse("http://localhost:8000").unwrap().0,
            flows: vec![Flow { name: "a flow".to_owned(), weight: 2.5, steps, goes_on: false }],
            data: vec![[("id".to_owned(), "7".to_owned())].into()],
        }
    }

    #[test]
    fn a_scenario_is_written_for_k6() {
        let text = export(&scenario(), Engine::K6);
        for part in [
            "const DATA = [{\"id\":\"7\"}];",
            "http.request(\"POST\", BASE + \"/o/\" + encodeURIComponent(values[\"id\"]), \"{\\\"n\\\": \\\"\" + values[\"id\"] + \"\\\"}\", { headers: { \"X-A\": \"b \" + values[\"id\"] }",
            "String(answer.body).includes(\"it's\")",
            "values[\"next\"] = said(at(answer, \"/a/0\"));",
            "sleep(1.000 + Math.random() * 2.000);",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert_eq!(text.matches("sleep(1").count(), 1, "no pause after the last step");
    }

    #[test]
    fn a_scenario_is_written_for_locust() {
        let text = export(&scenario(), Engine::Locust);
        for part in [
            "    @task(250)\n    def flow_0(self):\n",
            "self.client.request(\"POST\", \"/o/\" + quote(str(values[\"id\"]), safe=\"\"), name=\"one order\"",
            "\"it's\" in answer.text",
            "                values[\"next\"] = said(at(answer, \"/a/0\"))\n",
            "        time.sleep(random.uniform(1.000, 3.000))\n",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
