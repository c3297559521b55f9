//! Scenarios for engines that run on many machines: k6 and Locust.

use std::time::Duration;

use prove::schedule::Think;
use serde_json::{Value, json};

use crate::{
    scenario::{Extract, Scenario, Step},
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

/// A text with names in it as a sum of texts and look-ups.
fn filled(text: &str, look_up: impl Fn(&str) -> String) -> String {
    let parts = split_names(text);
    let one = |(part, is_name): (&str, bool)| if is_name { look_up(part) } else { quoted(part) };
    let sum: Vec<String> = parts.into_iter().map(one).collect();
    if sum.is_empty() { quoted("") } else { sum.join(" + ") }
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

fn k6(scenario: &Scenario) -> String {
    let weights: Vec<f64> = scenario.flows.iter().map(|flow| flow.weight).collect();
    let mut text = format!(
        "// Written by taut. Run it with: k6 run --vus 10 --duration 1m scenario.js\n\
         import http from 'k6/http';\nimport {{ check, sleep }} from 'k6';\n\n\
         const BASE = __ENV.BASE || {};\nconst DATA = {};\nconst WEIGHTS = {};\n\n\
         function at(body, pointer) {{\n  return pointer.split('/').slice(1).reduce((value, key) => value && value[key], body);\n}}\n\n\
         const FLOWS = [\n",
        quoted(&base(scenario)),
        json!(scenario.data),
        json!(weights),
    );
    for flow in &scenario.flows {
        text.push_str(&format!(
            "  // {}\n  (values) => {{\n    let answer;\n",
            one_line(&flow.name)
        ));
        for (place, step) in flow.steps.iter().enumerate() {
            text.push_str(&k6_step(step, place + 1 == flow.steps.len()));
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

fn k6_step(step: &Step, is_last: bool) -> String {
    let value = |name: &str| format!("values[{}]", quoted(name));
    let escaped = |name: &str| format!("encodeURIComponent(values[{}])", quoted(name));
    let headers: Vec<String> = step
        .headers
        .iter()
        .map(|(name, text)| format!("{}: {}", quoted(name), filled(text, value)))
        .collect();
    let body = if step.body.is_empty() { "null".to_owned() } else { filled(&step.body, value) };
    let mut text = format!(
        "    answer = http.request({}, BASE + {}, {body}, {{ headers: {{ {} }}, tags: {{ name: {} }} }});\n",
        quoted(step.method.as_str()),
        filled(&step.path, escaped),
        headers.join(", "),
        quoted(&step.name),
    );
    let mut checks = vec![match step.check.statuses.as_slice() {
        [] => "answer.status >= 200 && answer.status < 400".to_owned(),
        some => format!("{}.includes(answer.status)", json!(some)),
    }];
    if let Some(words) = &step.check.contains {
        checks.push(format!("answer.body.includes({})", quoted(words)));
    }
    if let Some(pointer) = &step.check.json {
        checks.push(format!("at(answer.json(), {}) !== undefined", quoted(pointer)));
    }
    text.push_str(&format!(
        "    if (!check(answer, {{ {}: () => {} }})) return;\n",
        quoted(&step.name),
        checks.join(" && ")
    ));
    for (name, place) in &step.extract {
        let taken = match place {
            Extract::Json(pointer) => format!("at(answer.json(), {})", quoted(pointer)),
            Extract::Header(header) => format!("answer.headers[{}]", quoted(&canonical(header))),
        };
        text.push_str(&format!("    values[{}] = {taken};\n", quoted(name)));
    }
    if !is_last {
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

fn locust(scenario: &Scenario) -> String {
    let mut text = format!(
        "# Written by taut. Run it with: locust -f scenario.py --headless -u 10 -t 1m\n\
         import itertools\nimport json\nimport random\nimport time\nfrom urllib.parse import quote\n\n\
         from locust import HttpUser, task\n\nDATA = itertools.cycle(json.loads({}) or [{{}}])\n\n\n\
         def at(body, pointer):\n    for key in pointer.split(\"/\")[1:]:\n        body = body[int(key)] if isinstance(body, list) else body[key]\n    return body\n\n\n\
         class Visitor(HttpUser):\n    host = {}\n",
        quoted(&json!(scenario.data).to_string()),
        quoted(&base(scenario)),
    );
    for (place, flow) in scenario.flows.iter().enumerate() {
        let weight = format!("{:.0}", (flow.weight * 100.0).max(1.0));
        text.push_str(&format!(
            "\n    # {}\n    @task({weight})\n    def flow_{place}(self):\n        values = dict(next(DATA))\n",
            one_line(&flow.name)
        ));
        for (place, step) in flow.steps.iter().enumerate() {
            text.push_str(&locust_step(step, place + 1 == flow.steps.len()));
        }
    }
    text
}

fn locust_step(step: &Step, is_last: bool) -> String {
    let value = |name: &str| format!("str(values[{}])", quoted(name));
    let escaped = |name: &str| format!("quote(str(values[{}]), safe=\"\")", quoted(name));
    let headers: Vec<String> = step
        .headers
        .iter()
        .map(|(name, text)| format!("{}: {}", quoted(name), filled(text, value)))
        .collect();
    let body = if step.body.is_empty() {
        "None".to_owned()
    } else {
        format!("({}).encode()", filled(&step.body, value))
    };
    let mut text = format!(
        "        with self.client.request({}, {}, name={}, headers={{{}}}, data={body}, allow_redirects=False, catch_response=True) as answer:\n",
        quoted(step.method.as_str()),
        filled(&step.path, escaped),
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
    text.push_str(&format!(
        "            if not ({}):\n                answer.failure(\"not what was expected\")\n                return\n            answer.success()\n",
        checks.join(" and ")
    ));
    for (name, place) in &step.extract {
        let taken = match place {
            Extract::Json(pointer) => format!("at(answer.json(), {})", quoted(pointer)),
            Extract::Header(header) => format!("answer.headers[{}]", quoted(header)),
        };
        text.push_str(&format!("            values[{}] = {taken}\n", quoted(name)));
    }
    if !is_last {
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
    use crate::{Check, Flow, Method, Target};

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
            flows: vec![Flow { name: "a flow".to_owned(), weight: 2.5, steps }],
            data: vec![[("id".to_owned(), "7".to_owned())].into()],
        }
    }

    #[test]
    fn a_scenario_is_written_for_k6() {
        let text = export(&scenario(), Engine::K6);
        for part in [
            "const DATA = [{\"id\":\"7\"}];",
            "http.request(\"POST\", BASE + \"/o/\" + encodeURIComponent(values[\"id\"]), \"{\\\"n\\\": \\\"\" + values[\"id\"] + \"\\\"}\", { headers: { \"X-A\": \"b \" + values[\"id\"] }",
            "answer.body.includes(\"it's\")",
            "values[\"next\"] = at(answer.json(), \"/a/0\");",
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
            "            values[\"next\"] = at(answer.json(), \"/a/0\")\n",
            "        time.sleep(random.uniform(1.000, 3.000))\n",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
