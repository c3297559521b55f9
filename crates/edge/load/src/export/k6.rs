//! Grafana k6: JavaScript, with executors for rates and thresholds for goals.

use std::{collections::BTreeMap, time::Duration};

use prove::schedule::{Arrivals, Schedule, Think, Users};
use serde_json::{Value, json};

use super::{Names, Script, Within, base, joined, one_line, percent, quoted, seconds};
use crate::{
    Believes, Figure, Goal, Http, Model,
    scenario::{Extract, Step},
};

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

/// VUs that are there from the beginning; more come as they are wanted.
const READY: usize = 50;

pub(super) fn script(script: &Script<'_>, notes: &mut Vec<String>) -> String {
    let scenario = script.scenario;
    let weights: Vec<f64> = scenario.flows.iter().map(|flow| flow.weight).collect();
    let amount = if script.model.is_some() { "" } else { " --vus 10 --duration 1m" };
    let mut text = format!(
        "// Written by taut. Run it with: {}k6 run{amount} scenario.js\n\
         import http from 'k6/http';\nimport {{ check, sleep }} from 'k6';\n\n\
         const BASE = __ENV.BASE || {};\nconst TIMEOUT = {};\nconst DATA = {};\nconst WEIGHTS = {};\n\n{}\
         {K6_AT}const FLOWS = [\n",
        surroundings(script, notes),
        quoted(&base(scenario)),
        quoted(&span(script.timeout)),
        json!(scenario.data),
        json!(weights),
        options(script, notes),
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
    let think = match script.model {
        Some(Model::Closed(users)) => users.think,
        _ => Think::Never,
    };
    let think = pause(think).map_or_else(String::new, |pause| format!("  sleep({pause});\n"));
    text.push_str(&format!(
        "];\n\nexport default function () {{\n  const values = Object.assign({{}}, DATA.length ? DATA[(__VU * 7919 + __ITER) % DATA.length] : {{}});\n  \
         let left = Math.random() * WEIGHTS.reduce((sum, weight) => sum + weight, 0);\n  \
         const place = WEIGHTS.findIndex((weight) => (left -= weight) < 0);\n  FLOWS[Math.max(place, 0)](values);\n{think}}}\n",
    ));
    text
}

/// What k6 takes from its surroundings rather than from a script, before its name.
fn surroundings(script: &Script<'_>, notes: &mut Vec<String>) -> String {
    let mut text = String::new();
    if let Believes::File(path) = &script.believes {
        notes.push(format!(
            "--ca is no part of a script for k6: `SSL_CERT_FILE={} k6 run ...` believes it",
            path.display()
        ));
        text.push_str("SSL_CERT_FILE=... ");
    }
    match script.http {
        Http::Agreed => {}
        Http::One => {
            notes.push(
                "--http 1.1 is no part of a script for k6: `GODEBUG=http2client=0 k6 run ...` speaks it".to_owned(),
            );
            text.push_str("GODEBUG=http2client=0 ");
        }
        Http::Two => notes.push(
            "k6 speaks HTTP/2 where the server agrees to it over TLS, and not without TLS"
                .to_owned(),
        ),
    }
    text
}

/// How much is asked, and what has to come of it; nothing where neither is said.
fn options(script: &Script<'_>, notes: &mut Vec<String>) -> String {
    let mut options = serde_json::Map::new();
    if let Some(model) = script.model {
        let load = match model {
            Model::Open(schedule) => arrivals(schedule, script, notes),
            Model::Closed(users) => visitors(users, script),
        };
        options.insert("scenarios".to_owned(), json!({ "load": load }));
    }
    if !script.goals.is_empty() {
        options.insert("thresholds".to_owned(), json!(thresholds(script.goals)));
    }
    if script.believes == Believes::Anybody {
        options.insert("insecureSkipTLSVerify".to_owned(), Value::Bool(true));
    }
    let is_timed = script.goals.iter().any(|goal| goal.latency_nanos().is_some());
    if is_timed || matches!(script.model, Some(Model::Open(_))) {
        notes.push(
            "k6 times a request from when it is sent, not from when it was meant to be: a pause of the server is seen by fewer".to_owned(),
        );
    }
    if options.is_empty() {
        return String::new();
    }
    format!("export const options = {:#};\n\n", Value::Object(options))
}

/// An open model. Rates are whole numbers in k6: of a second, a minute or an hour.
fn arrivals(schedule: &Schedule, script: &Script<'_>, notes: &mut Vec<String>) -> Value {
    const UNITS: [u32; 3] = [1, 60, 3_600];
    let stages = schedule.stages();
    let rates = || stages.iter().flat_map(|stage| [stage.from, stage.to]);
    let is_whole = |rate: f64| (rate - rate.round()).abs() < 1e-6;
    let fits = |unit: &u32| rates().all(|rate| is_whole(rate * f64::from(*unit)));
    let unit = UNITS.into_iter().find(fits).unwrap_or_else(|| {
        notes.push("k6 starts whole numbers: rates are rounded to so many an hour".to_owned());
        3_600
    });
    let at = |rate: f64| whole(rate * f64::from(unit));
    notes.push(format!(
        "k6 drops a flow for which none of {} VUs is free, where taut lets it wait: --connections says how many there may be",
        script.connections
    ));
    if let Arrivals::Poisson(_) = schedule.arrivals() {
        notes.push("--poisson: k6 starts evenly".to_owned());
    }
    let mut load = json!({
        "timeUnit": format!("{unit}s"),
        "preAllocatedVUs": script.connections.min(READY),
        "maxVUs": script.connections,
        "gracefulStop": span(script.timeout),
    });
    let mut now = stages.first().map_or(0, |stage| at(stage.from));
    if let [stage] = stages
        && at(stage.from) == at(stage.to)
    {
        load["executor"] = json!("constant-arrival-rate");
        load["rate"] = json!(now.max(1));
        load["duration"] = json!(span(stage.length));
        return load;
    }
    load["executor"] = json!("ramping-arrival-rate");
    load["startRate"] = json!(now);
    let mut parts = Vec::new();
    for stage in stages {
        if at(stage.from) != now {
            parts.push(json!({ "target": at(stage.from), "duration": "0s" }));
        }
        now = at(stage.to);
        parts.push(json!({ "target": now, "duration": span(stage.length) }));
    }
    load["stages"] = Value::Array(parts);
    load
}

/// A closed model: users come one after the other, as they do in a run.
fn visitors(users: &Users, script: &Script<'_>) -> Value {
    let rest = users.length.saturating_sub(users.arrive_over);
    json!({
        "executor": "ramping-vus",
        "startVUs": 0,
        "stages": [
            { "target": users.count, "duration": span(users.arrive_over) },
            { "target": users.count, "duration": span(rest) },
        ],
        "gracefulStop": span(script.timeout),
    })
}

/// Goals by the metric that they are about. What a check of the script refuses, a request without an answer among it, has failed.
fn thresholds(goals: &[Goal]) -> BTreeMap<&'static str, Vec<String>> {
    let mut thresholds: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for goal in goals {
        let (figure, is_below, limit) = goal.parts();
        let (sign, other) = if is_below { ('<', '>') } else { ('>', '<') };
        let millis = limit / 1e6;
        let (metric, words) = match figure {
            Figure::Latency(quantile) => {
                ("http_req_duration", format!("p({}){sign}{millis}", percent(quantile)))
            }
            Figure::Mean => ("http_req_duration", format!("avg{sign}{millis}")),
            Figure::Max => ("http_req_duration", format!("max{sign}{millis}")),
            Figure::Errors => {
                ("checks", format!("rate{other}{}", ((1.0 - limit) * 1e9).round() / 1e9))
            }
            Figure::Rate => ("http_reqs", format!("rate{sign}{limit}")),
        };
        thresholds.entry(metric).or_default().push(words);
    }
    thresholds
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are between 0 and ten million a second"
)]
fn whole(rate: f64) -> u64 {
    rate.round() as u64
}

fn span(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

/// Seconds of a pause, as an expression.
fn pause(think: Think) -> Option<String> {
    match think {
        Think::Never => None,
        Think::Always(time) => Some(seconds(time)),
        Think::Between(least, most) => {
            let (least, span) = (seconds(least), seconds(most.saturating_sub(least)));
            Some(format!("{least} + Math.random() * {span}"))
        }
        Think::About(mean) => Some(format!("-Math.log(1 - Math.random()) * {}", seconds(mean))),
    }
}

fn k6_step(step: &Step, names: &Names<'_>, within: &Within) -> String {
    let value = |name: &str| format!("values[{}]", quoted(name));
    let escaped = |name: &str| format!("encodeURIComponent(values[{}])", quoted(name));
    let headers: Vec<String> = joined(&step.headers)
        .iter()
        .map(|(name, text)| format!("{}: {}", quoted(name), names.filled(text, value)))
        .collect();
    let body =
        if step.body.is_empty() { "null".to_owned() } else { names.filled(&step.body, value) };
    // Cookies are sent where a header says so, as in a run: of its own accord k6 keeps what an answer sets.
    let mut text = format!(
        "    answer = http.request({}, BASE + {}, {body}, {{ headers: {{ {} }}, redirects: 0, timeout: TIMEOUT, jar: new http.CookieJar(), tags: {{ name: {} }} }});\n",
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
        format!("    if (!{check} && answer.status === 0) return;\n")
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
        text.extend(pause(step.think).map(|pause| format!("    sleep({pause});\n")));
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
