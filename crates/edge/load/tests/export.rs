//! Scripts for k6 and Locust, run by Node.js and Python over stand-ins for the two tools: they ask what the scenario asks, and end where it ends.

use std::{fs, path::Path, process::Command, time::Duration};

use load::{Believes, Engine, Goal, Model, Scenario, Script, export};
use prove::schedule::{Arrivals, Schedule, Think, Users};
use serde_json::{Value, json};

/// A flow of two steps: the second one needs what the first one's answer has.
const SCENARIO: &str = r#"
target = "http://127.0.0.1:8000/shop"
data = "users.csv"

[[flow]]
name = "look\nat\u2028an order"

[[flow.step]]
name = "the list"
path = "/orders?user={user}"
headers = { Authorization = "Bearer {token}" }
json = "/a~1b/0"
contains = "x"
extract = { id = "json:/a~1b/0", next = "header:x-next" }
think = "1s..3s"

[[flow.step]]
method = "POST"
path = "/orders/{id}/"
status = [200, 409]
body = '{"name": "{user} \"{next}\""}'
"#;

/// What both scripts are to ask where the first answer has what the second step needs.
fn asked() -> Value {
    json!([
        ["GET", "/shop/orders?user=ann%20%26%20bob", null, {"Authorization": "Bearer t-1"}],
        ["POST", "/shop/orders/x%20y/", "{\"name\": \"ann & bob \\\"5\\\"\"}", {}],
    ])
}

const K6: &str = r"
export const asked = [];
const BODY = process.argv[2];
const STATUS = Number(process.argv[3] ?? 200);
export const http = {
  CookieJar: class {
    set = false;
  },
  request(method, url, body, how) {
    // Each answer sets a cookie, which nobody asked to send again.
    if (how.jar?.set !== false) throw new Error('it sends cookies of its own accord');
    how.jar.set = true;
    if (how.redirects !== 0) throw new Error('a redirect is an answer');
    if (how.timeout !== '30000ms') throw new Error(`nobody waits ${how.timeout}`);
    asked.push([method, url.replace('http://127.0.0.1:8000', ''), body, how.headers]);
    return { status: STATUS, body: BODY, headers: { 'X-Next': '5' }, json: () => JSON.parse(BODY) };
  },
};
export const check = (answer, checks) => Object.values(checks).every((holds) => holds(answer));
export const sleep = (seconds) => {
  if (!(1 <= seconds && seconds <= 3)) throw new Error(`nobody thinks for ${seconds}`);
};
";

const K6_RUN: &str = r"
Object.assign(globalThis, { __ENV: {}, __VU: 0, __ITER: 0 });
const { default: run } = await import('./scenario.mjs');
const { asked } = await import('./k6.mjs');
run();
console.log(JSON.stringify(asked));
";

const LOCUST: &str = r#"
import json
import sys
import time

asked, told = [], []
time.sleep = lambda seconds: None if 1 <= seconds <= 3 else told.append(seconds)


class Answer:
    status_code = int(sys.argv[2]) if 2 < len(sys.argv) else 200
    text = sys.argv[1]
    headers = {"x-next": "5"}

    def json(self):
        return json.loads(self.text)

    def success(self):
        told.append("success")

    def failure(self, why):
        told.append("failure")

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        return False


class Client:
    cookies = set()

    def request(self, method, path, name, headers, data, allow_redirects, timeout, catch_response):
        assert not allow_redirects and catch_response and name and timeout == 30
        assert not self.cookies, "it sends cookies of its own accord"
        self.cookies.add("session")
        asked.append([method, path, data and data.decode(), headers])
        return Answer()


class HttpUser:
    client = Client()


class LoadTestShape:
    now = 0

    def get_run_time(self):
        return self.now


class events:
    class quitting:
        listeners = []

        @classmethod
        def add_listener(cls, listener):
            cls.listeners.append(listener)
            return listener


def constant_throughput(flows):
    return ["flows a second", flows]


def between(least, most):
    return ["between", least, most]


def task(weight):
    return lambda flow: flow
"#;

/// What a script says of how much, and of what has to come of it.
const K6_OPTIONS: &str = r"
Object.assign(globalThis, { __ENV: {}, __VU: 0, __ITER: 0 });
const { options } = await import('./scenario.mjs');
console.log(JSON.stringify(options));
";

/// The same of Locust: users at these seconds, how they wait, what they believe, and the code for some figures.
const LOCUST_OPTIONS: &str = r#"
import contextlib, io, json, types, locust, scenario

shape = scenario.Load()


def at(now):
    shape.now = now
    return shape.tick()


def code(**figures):
    total = types.SimpleNamespace(get_response_time_percentile=lambda q: {0.95: figures["p95"]}[q], **figures)
    environment = types.SimpleNamespace(runner=None, stats=types.SimpleNamespace(total=total))
    for listener in locust.events.quitting.listeners:
        listener(environment=environment)
    return environment.process_exit_code


visitor = scenario.Visitor()
visitor.on_start()
figures = dict(num_requests=9, p95=100, fail_ratio=0.001, total_rps=50)
with contextlib.redirect_stdout(io.StringIO()) as told:
    codes = [code(**figures), code(**{**figures, "p95": 300}), code(**{**figures, "num_requests": 0})]
print(json.dumps([[at(0), at(5), at(11), at(30)], scenario.Visitor.wait_time, visitor.client.verify, codes, told.getvalue()]))
"#;

const LOCUST_RUN: &str = "
import json, locust, scenario
scenario.Visitor().flow_0()
print(json.dumps([locust.asked, locust.told]))
";

fn ran(program: &str, folder: &Path, words: &[&str]) -> Value {
    let output = Command::new(program)
        .args(words)
        .current_dir(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {words}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {words}"))
}

fn script_of(scenario: &Scenario, engine: Engine) -> String {
    export(&Script::of(scenario), engine).text
}

#[test]
fn scripts_ask_what_the_scenario_asks_and_end_where_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("users.csv", "user,token\nann & bob,t-1\n");
    write("scenario.toml", SCENARIO);
    let scenario = Scenario::file(&folder.path().join("scenario.toml")).unwrap();
    let script = script_of(&scenario, Engine::K6)
        .replace("import http from 'k6/http';", "import { http } from './k6.mjs';")
        .replace("from 'k6';", "from './k6.mjs';");
    write("scenario.mjs", &script);
    write("k6.mjs", K6);
    write("run.mjs", K6_RUN);
    write("scenario.py", &script_of(&scenario, Engine::Locust));
    write("locust.py", LOCUST);
    write("run.py", LOCUST_RUN);
    let whole = r#"{"a/b": ["x y"]}"#;
    assert_eq!(ran("node", folder.path(), &["run.mjs", whole]), asked());
    let of_locust = ran("python3", folder.path(), &["run.py", whole]);
    assert_eq!(of_locust, json!([asked(), ["success", "success"]]));
    // What is no text is asked for as a run does it.
    for value in ["true", "null", r#"{"b":[1,"c"]}"#] {
        let body = format!(r#"{{"a/b": [{value}], "x": 1}}"#);
        let of_k6 = ran("node", folder.path(), &["run.mjs", &body]);
        let of_locust = ran("python3", folder.path(), &["run.py", &body]);
        assert_eq!((of_k6.as_array().unwrap().len(), &of_k6), (2, &of_locust[0]), "{body}");
        assert!(of_k6.to_string().contains(value.get(..4).unwrap()) || value.starts_with('{'));
    }
    // What was recorded goes on, whatever is answered.
    let mut visit = scenario.clone();
    let flow = &mut visit.flows[0];
    flow.goes_on = true;
    flow.steps[0].extract.clear();
    flow.steps[1].path = "/shop/me".to_owned();
    flow.steps[1].body = String::new();
    let of_k6 = script_of(&visit, Engine::K6)
        .replace("import http from 'k6/http';", "import { http } from './k6.mjs';")
        .replace("from 'k6';", "from './k6.mjs';");
    write("scenario.mjs", &of_k6);
    write("scenario.py", &script_of(&visit, Engine::Locust));
    let both = ran("node", folder.path(), &["run.mjs", "{}"]);
    assert_eq!(
        (&both[0], &both[1][1], both[1][0].as_str()),
        (&asked()[0], &json!("/shop/me"), Some("POST"))
    );
    let of_locust = ran("python3", folder.path(), &["run.py", "{}"]);
    assert_eq!(of_locust, json!([both, ["failure", "success"]]));
    // Where nothing is answered at all it ends.
    let first = json!([both[0]]);
    assert_eq!(ran("node", folder.path(), &["run.mjs", "{}", "0"]), first);
    let of_locust = ran("python3", folder.path(), &["run.py", "{}", "0"]);
    assert_eq!(of_locust, json!([first, ["failure"]]));
    write("scenario.mjs", &script);
    write("scenario.py", &script_of(&scenario, Engine::Locust));
    // Nothing there for the second step, and no JSON at all.
    for body in [r#"{"a/b": null, "x": 1}"#, "x"] {
        let first = json!([asked()[0]]);
        assert_eq!(ran("node", folder.path(), &["run.mjs", body]), first, "{body}");
        let of_locust = ran("python3", folder.path(), &["run.py", body]);
        assert_eq!(of_locust, json!([first, ["failure"]]), "{body}");
    }
}

/// A script of the scenario with this model, written into a folder with stand-ins for both tools.
fn written(folder: &Path, script: &Script<'_>) {
    let write =
        |name: &str, text: &str| fs::write(folder.join(name), text).expect("it can be written");
    let of_k6 = export(script, Engine::K6)
        .text
        .replace("import http from 'k6/http';", "import { http } from './k6.mjs';")
        .replace("from 'k6';", "from './k6.mjs';");
    write("scenario.mjs", &of_k6);
    write("k6.mjs", K6);
    write("run.mjs", K6_OPTIONS);
    write("scenario.py", &export(script, Engine::Locust).text);
    write("locust.py", LOCUST);
    write("run.py", LOCUST_OPTIONS);
}

/// The scenario, and where its files are.
fn shop() -> (tempfile::TempDir, Scenario) {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("it can be written");
    };
    write("users.csv", "user,token\nann,t-1\n");
    write("scenario.toml", SCENARIO);
    let scenario = Scenario::file(&folder.path().join("scenario.toml")).expect("it is one");
    (folder, scenario)
}

#[test]
fn how_much_is_asked_and_what_has_to_come_of_it_goes_along() {
    let (folder, scenario) = shop();
    let goals = ["p95<200ms", "errors<1%", "rate>20"].map(|goal| Goal::parse(goal).unwrap());
    let length = Duration::from_secs(10);
    let spike = Model::Open(Schedule::spike(10.0, 40.0, length, Arrivals::Even).unwrap());
    let script = Script {
        model: Some(&spike),
        goals: &goals,
        connections: 80,
        believes: Believes::Anybody,
        ..Script::of(&scenario)
    };
    written(folder.path(), &script);
    let options = ran("node", folder.path(), &["run.mjs", "{}"]);
    assert_eq!(
        options,
        json!({
            "scenarios": { "load": {
                "executor": "ramping-arrival-rate",
                "timeUnit": "1s",
                "startRate": 10,
                "preAllocatedVUs": 50,
                "maxVUs": 80,
                "gracefulStop": "30000ms",
                "stages": [
                    { "target": 10, "duration": "4000ms" },
                    { "target": 40, "duration": "0s" },
                    { "target": 40, "duration": "2000ms" },
                    { "target": 10, "duration": "0s" },
                    { "target": 10, "duration": "4000ms" },
                ],
            } },
            "thresholds": {
                "http_req_duration": ["p(95)<200"],
                "checks": ["rate>0.99"],
                "http_reqs": ["rate>20"],
            },
            "insecureSkipTLSVerify": true,
        })
    );
    let of_locust = ran("python3", folder.path(), &["run.py", "{}"]);
    // 80 users begin 40 flows a second where the rate is highest, and a quarter of them elsewhere.
    assert_eq!(
        of_locust,
        json!([
            [[20, 40.0], [80, 40.0], null, null],
            ["flows a second", 0.5],
            false,
            [0, 1, 1],
            "missed: p95 below 200.00 ms\nmissed: p95 below 200.00 ms\nmissed: errors below 1.00 %\nmissed: rate above 20.0 a second\n",
        ])
    );
}

#[test]
fn one_rate_is_one_of_the_tools_own_and_users_are_users() {
    let (folder, scenario) = shop();
    let goals = [Goal::parse("errors<1%").unwrap()];
    let length = Duration::from_secs(10);
    let even = Model::Open(Schedule::constant(7.5, length, Arrivals::Even).unwrap());
    written(folder.path(), &Script { model: Some(&even), ..Script::of(&scenario) });
    let options = ran("node", folder.path(), &["run.mjs", "{}"]);
    let load = &options["scenarios"]["load"];
    assert_eq!(
        (&load["executor"], &load["rate"], &load["timeUnit"], &load["duration"]),
        (&json!("constant-arrival-rate"), &json!(450), &json!("60s"), &json!("10000ms"))
    );
    let think = Think::Between(Duration::from_secs(1), Duration::from_secs(3));
    let arrive_over = Duration::from_secs(1);
    let users = Model::Closed(Users { count: 30, arrive_over, think, length });
    let ca = Believes::File("/etc/own ca.pem".into());
    let asked = Script::of(&scenario);
    let script = Script { model: Some(&users), goals: &goals, believes: ca, ..asked };
    written(folder.path(), &script);
    let options = ran("node", folder.path(), &["run.mjs", "{}"]);
    let load = &options["scenarios"]["load"];
    assert_eq!(load["executor"], "ramping-vus");
    let stages = [(30, "1000ms"), (30, "9000ms")];
    let stages = stages.map(|(target, duration)| json!({ "target": target, "duration": duration }));
    assert_eq!(load["stages"], json!(stages));
    let script = fs::read_to_string(folder.path().join("scenario.mjs")).unwrap();
    assert!(script.contains("  sleep(1.000 + Math.random() * 2.000);\n}"), "{script}");
    let of_locust = ran("python3", folder.path(), &["run.py", "{}"]);
    assert_eq!(of_locust[0], json!([[1, 30.0], [30, 30.0], null, null]));
    assert_eq!(
        (&of_locust[1], &of_locust[2]),
        (&json!(["between", 1.0, 3.0]), &json!("/etc/own ca.pem"))
    );
}
