//! Scenarios for engines that run on many machines: k6 and Locust. How much is asked, what has to come of it and whose certificates are believed
//! goes along where the tool has words for it; what it has none for is told.

mod k6;
mod locust;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;

use crate::{
    Believes, Goal, Http, Model,
    scenario::{Flow, Scenario},
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

/// What a script is written of.
#[derive(Debug, Clone)]
pub struct Script<'a> {
    /// What is asked.
    pub scenario: &'a Scenario,
    /// How much is asked; `None` leaves it to whoever runs the script.
    pub model: Option<&'a Model>,
    /// What has to come of it.
    pub goals: &'a [Goal],
    /// Flows under way at once at most, of an open model.
    pub connections: usize,
    /// A request without an answer by then has failed.
    pub timeout: Duration,
    /// Whose certificates are believed.
    pub believes: Believes,
    /// Which HTTP is spoken.
    pub http: Http,
}

impl<'a> Script<'a> {
    /// Of what is asked alone: all else is left to whoever runs it.
    #[must_use]
    pub fn of(scenario: &'a Scenario) -> Self {
        Self {
            scenario,
            model: None,
            goals: &[],
            connections: 256,
            timeout: Duration::from_secs(30),
            believes: Believes::System,
            http: Http::Agreed,
        }
    }
}

/// A script, and what of it the tool does otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// As the tool reads it.
    pub text: String,
    /// What it has no words for, in sentences.
    pub notes: Vec<String>,
}

/// The scenario as the tool reads it.
#[must_use]
pub fn export(script: &Script<'_>, engine: Engine) -> Exported {
    let mut notes = Vec::new();
    let text = match engine {
        Engine::K6 => k6::script(script, &mut notes),
        Engine::Locust => locust::script(script, &mut notes),
    };
    Exported { text, notes }
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

/// Headers as a map has them, which is what both tools take: one that is there twice, as cookies of HTTP/2 are, has both values (RFC 9110, 5.3, and
/// RFC 9113, 8.2.3).
fn joined(headers: &[(String, String)]) -> Vec<(&str, String)> {
    let mut joined: Vec<(&str, String)> = Vec::new();
    for (name, value) in headers {
        match joined.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, known)) => {
                known.push_str(if name.eq_ignore_ascii_case("cookie") { "; " } else { ", " });
                known.push_str(value);
            }
            None => joined.push((name.as_str(), value.clone())),
        }
    }
    joined
}

/// What a step has to know of its flow.
struct Within {
    is_last: bool,
    /// Whatever is answered. Where nothing is, which both tools call status 0, it ends, as in a run.
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

/// A text within a comment: JavaScript ends one at separators of lines and paragraphs, too, and names may come from a recording.
fn one_line(text: &str) -> String {
    let ends = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    text.replace(ends, " ")
}

/// `99.9` of 0.999.
fn percent(quantile: f64) -> f64 {
    (quantile * 1e5).round() / 1e3
}

#[cfg(test)]
mod tests {
    use prove::schedule::{Arrivals, Schedule, Think};

    use super::*;
    use crate::{Check, Extract, Method, Step, Target};

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
        let Exported { text, notes } = export(&Script::of(&scenario()), Engine::K6);
        assert!(notes.is_empty() && !text.contains("options"), "{notes:?}\n{text}");
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
        let Exported { text, notes } = export(&Script::of(&scenario()), Engine::Locust);
        assert!(notes.is_empty() && !text.contains("LoadTestShape"), "{notes:?}\n{text}");
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

    #[test]
    fn a_header_that_is_there_twice_has_both_values() {
        let mut scenario = scenario();
        let more = [("cookie", "a=1"), ("Cookie", "b=2"), ("x-a", "c")];
        let more = more.map(|(name, value)| (name.to_owned(), value.to_owned()));
        scenario.flows[0].steps[0].headers.extend(more);
        let text = |engine| export(&Script::of(&scenario), engine).text;
        let (of_k6, of_locust) = (text(Engine::K6), text(Engine::Locust));
        for (part, text) in [
            ("{ \"X-A\": \"b \" + values[\"id\"] + \", c\", \"cookie\": \"a=1; b=2\" }", of_k6),
            (
                "{\"X-A\": \"b \" + str(values[\"id\"]) + \", c\", \"cookie\": \"a=1; b=2\"}",
                of_locust,
            ),
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn what_a_tool_has_no_words_for_is_told() {
        let scenario = scenario();
        let goals = [Goal::parse("p95<200ms").unwrap()];
        let schedule =
            Schedule::constant(0.3, Duration::from_mins(10), Arrivals::Poisson(1)).unwrap();
        let model = Model::Open(schedule);
        let script = Script {
            model: Some(&model),
            goals: &goals,
            believes: Believes::File("own ca.pem".into()),
            http: Http::Two,
            ..Script::of(&scenario)
        };
        let told = |engine, words: &[&str]| {
            let notes = export(&script, engine).notes;
            for part in words {
                assert!(notes.iter().any(|note| note.contains(part)), "{part} in {notes:?}");
            }
            assert_eq!(notes.len(), words.len(), "{notes:?}");
        };
        let of_k6 = [
            "SSL_CERT_FILE=own ca.pem",
            "speaks HTTP/2 where",
            "none of 256 VUs",
            "--poisson",
            "when it is sent",
        ];
        told(Engine::K6, &of_k6);
        told(Engine::Locust, &["no open model", "--poisson", "HTTP/1.1 alone", "two digits"]);
        // Eighteen a minute are whole; a third of a start is none.
        assert!(export(&script, Engine::K6).text.contains("\"rate\": 18"));
        let third = Schedule::constant(1.0 / 7.0, Duration::from_mins(10), Arrivals::Even).unwrap();
        let model = Model::Open(third);
        let rounded = export(&Script { model: Some(&model), ..script }, Engine::K6);
        assert!(rounded.notes.iter().any(|note| note.contains("rounded")), "{:?}", rounded.notes);
        assert!(rounded.text.contains("\"rate\": 514"), "{}", rounded.text);
    }
}
