//! Locust: Python, with a shape for rates and a listener that judges goals.

use prove::schedule::{Arrivals, Stage, Think};
use serde_json::json;

use super::{Names, Script, Within, base, joined, one_line, quoted, seconds};
use crate::{
    Believes, Figure, Goal, Http, Model,
    scenario::{Extract, Step},
};

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

/// Users, for each flow a second: so long may a flow take before its user is late for the next one.
const USERS_EACH: f64 = 10.0;

pub(super) fn script(script: &Script<'_>, notes: &mut Vec<String>) -> String {
    let scenario = script.scenario;
    let amount = script.model.map(|model| Amount::of(model, script, notes));
    if script.http == Http::Two {
        notes.push("Locust speaks HTTP/1.1 alone, and --http 2 is no part of it".to_owned());
    }
    if script.goals.iter().any(|goal| matches!(goal.parts().0, Figure::Latency(_))) {
        notes.push("Locust rounds latencies to two digits before it tells percentiles".to_owned());
    }
    let imports = imports(amount.as_ref(), script.goals);
    let words = if amount.is_some() { "" } else { " -u 10 -t 1m" };
    let mut text = format!(
        "# Written by taut. Run it with: locust -f scenario.py --headless{words}\n\
         import itertools\nimport json\nimport random\nimport time\nfrom urllib.parse import quote\n\n\
         from locust import {}\n\nDATA = itertools.cycle(json.loads({}) or [{{}}])\nTIMEOUT = {}\n\n\n\
         {LOCUST_AT}class Visitor(HttpUser):\n    host = {}\n",
        imports.join(", "),
        quoted(&json!(scenario.data).to_string()),
        seconds(script.timeout),
        quoted(&base(scenario)),
    );
    text.extend(amount.as_ref().and_then(|amount| amount.wait.clone()));
    let believed = match &script.believes {
        Believes::System => None,
        Believes::Anybody => Some("False".to_owned()),
        Believes::File(path) => Some(quoted(&path.to_string_lossy())),
    };
    text.extend(believed.map(|believed| {
        format!("\n    def on_start(self):\n        self.client.verify = {believed}\n")
    }));
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
    text.extend(amount.as_ref().map(Amount::shape));
    text.push_str(&judged(script.goals));
    text
}

/// How much is asked, in users: Locust knows nothing else.
struct Amount {
    /// Seconds, and users at their beginning and at their end.
    stages: Vec<(f64, f64, f64)>,
    /// Users that come in a second.
    spawn: f64,
    /// How users wait between two flows, as a line of their class.
    wait: Option<String>,
    /// What of Locust that takes.
    import: Option<&'static str>,
}

impl Amount {
    fn of(model: &Model, script: &Script<'_>, notes: &mut Vec<String>) -> Self {
        match model {
            Model::Open(schedule) => {
                if let Arrivals::Poisson(_) = schedule.arrivals() {
                    notes.push("--poisson: users of Locust begin evenly".to_owned());
                }
                Self::open(schedule.stages(), script.connections, notes)
            }
            Model::Closed(users) => {
                let (count, arrive) = (f64::from(users.count), users.arrive_over.as_secs_f64());
                let rest = users.length.saturating_sub(users.arrive_over).as_secs_f64();
                let (wait, import) = wait(users.think);
                Self {
                    stages: vec![(arrive, 0.0, count), (rest, count, count)],
                    spawn: count,
                    wait,
                    import,
                }
            }
        }
    }

    /// An open model, as nearly as users come to it: each begins so many flows a second, and as many are there as the rate wants.
    fn open(stages: &[Stage], connections: usize, notes: &mut Vec<String>) -> Self {
        let peak = stages.iter().flat_map(|stage| [stage.from, stage.to]).fold(0.0, f64::max);
        let most = f64::from(u32::try_from(connections).unwrap_or(u32::MAX));
        let users = (peak * USERS_EACH).ceil().clamp(1.0, most.max(1.0));
        let each = peak / users;
        notes.push(format!(
            "Locust has no open model: {users} users begin a flow every {:.1} s each, as long as none of theirs takes longer, and latency counts from when a request is sent",
            1.0 / each
        ));
        let at = |stage: &Stage| (stage.length.as_secs_f64(), stage.from / each, stage.to / each);
        Self {
            stages: stages.iter().map(at).collect(),
            // One after the other, so that they do not begin together ever after.
            spawn: peak.max(1.0),
            wait: Some(format!("    wait_time = constant_throughput({each})\n")),
            import: Some("constant_throughput"),
        }
    }

    fn shape(&self) -> String {
        let stages: Vec<String> = self
            .stages
            .iter()
            .map(|(length, from, to)| format!("({length:.3}, {from:.3}, {to:.3})"))
            .collect();
        format!(
            "\n\n# Seconds, and how many users there are at their beginning and at their end.\nSTAGES = [{}]\n\n\n\
             class Load(LoadTestShape):\n    def tick(self):\n        now = self.get_run_time()\n        for length, first, last in STAGES:\n            \
             if now < length:\n                return max(1, round(first + (last - first) * now / length)), {:.3}\n            \
             now -= length\n        return None\n",
            stages.join(", "),
            self.spawn
        )
    }
}

/// How users wait between two flows.
fn wait(think: Think) -> (Option<String>, Option<&'static str>) {
    match think {
        Think::Never => (None, None),
        Think::Always(time) => {
            (Some(format!("    wait_time = constant({})\n", seconds(time))), Some("constant"))
        }
        Think::Between(least, most) => (
            Some(format!("    wait_time = between({}, {})\n", seconds(least), seconds(most))),
            Some("between"),
        ),
        Think::About(_) => (
            pause(think)
                .map(|pause| format!("\n    def wait_time(self):\n        return {pause}\n")),
            None,
        ),
    }
}

fn imports(amount: Option<&Amount>, goals: &[Goal]) -> Vec<&'static str> {
    let mut imports = vec!["HttpUser"];
    imports.extend(amount.map(|_| "LoadTestShape"));
    imports.extend(amount.and_then(|amount| amount.import));
    imports.extend((!goals.is_empty()).then_some("events"));
    imports.push("task");
    imports
}

/// Goals, and who holds the figures against them: code 1 if one is missed, as a run has it.
fn judged(goals: &[Goal]) -> String {
    if goals.is_empty() {
        return String::new();
    }
    let one = |goal: &Goal| {
        let (figure, is_below, limit) = goal.parts();
        let sign = if is_below { '<' } else { '>' };
        let (seen, limit) = match figure {
            Figure::Latency(quantile) => {
                (format!("get_response_time_percentile({quantile})"), limit / 1e6)
            }
            Figure::Mean => ("avg_response_time".to_owned(), limit / 1e6),
            Figure::Max => ("max_response_time".to_owned(), limit / 1e6),
            Figure::Errors => ("fail_ratio".to_owned(), limit),
            Figure::Rate => ("total_rps".to_owned(), limit),
        };
        format!("    ({}, lambda total: total.{seen} {sign} {limit}),\n", quoted(&goal.to_string()))
    };
    format!(
        "\n\nGOALS = [\n{}]\n\n\n\
         @events.quitting.add_listener\ndef judge(environment, **_more):\n    \
         # A worker of several knows its own part alone.\n    \
         if type(environment.runner).__name__ == \"WorkerRunner\":\n        return\n    \
         total = environment.stats.total\n    \
         missed = [words for words, is_met in GOALS if not total.num_requests or not is_met(total)]\n    \
         for words in missed:\n        print(\"missed:\", words)\n    \
         environment.process_exit_code = 1 if missed else 0\n",
        goals.iter().map(one).collect::<Vec<_>>().concat()
    )
}

/// Seconds of a pause, as an expression.
fn pause(think: Think) -> Option<String> {
    match think {
        Think::Never => None,
        Think::Always(time) => Some(seconds(time)),
        Think::Between(least, most) => {
            Some(format!("random.uniform({}, {})", seconds(least), seconds(most)))
        }
        Think::About(mean) => Some(format!("random.expovariate(1 / {})", seconds(mean))),
    }
}

fn locust_step(step: &Step, names: &Names<'_>, within: &Within) -> String {
    let value = |name: &str| format!("str(values[{}])", quoted(name));
    let escaped = |name: &str| format!("quote(str(values[{}]), safe=\"\")", quoted(name));
    let headers: Vec<String> = joined(&step.headers)
        .iter()
        .map(|(name, text)| format!("{}: {}", quoted(name), names.filled(text, value)))
        .collect();
    let body = if step.body.is_empty() {
        "None".to_owned()
    } else {
        format!("({}).encode()", names.filled(&step.body, value))
    };
    // Cookies are sent where a header says so, as in a run: of its own accord Locust keeps what an answer sets.
    let mut text = format!(
        "        self.client.cookies.clear()\n        with self.client.request({}, {}, name={}, headers={{{}}}, data={body}, allow_redirects=False, timeout=TIMEOUT, catch_response=True) as answer:\n",
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
        if within.goes_on {
            "                if answer.status_code == 0:\n                    return\n            else:\n    "
        } else {
            "                return\n"
        }
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
        text.extend(pause(step.think).map(|pause| format!("        time.sleep({pause})\n")));
    }
    text
}
