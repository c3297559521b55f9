//! Scripts for k6 and Locust, run by Node.js and Python over stand-ins for the two tools: they ask what the scenario asks, and end where it ends.

use std::{fs, path::Path, process::Command};

use load::{Engine, Scenario, export};
use serde_json::{Value, json};

/// A flow of two steps: the second one needs what the first one's answer has.
const SCENARIO: &str = r#"
target = "http://127.0.0.1:8000/shop"
data = "users.csv"

[[flow]]
name = "look\nat an order"

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
export const http = {
  request(method, url, body, how) {
    if (how.redirects !== 0) throw new Error('a redirect is an answer');
    asked.push([method, url.replace('http://127.0.0.1:8000', ''), body, how.headers]);
    return { status: 200, body: BODY, headers: { 'X-Next': '5' }, json: () => JSON.parse(BODY) };
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
    status_code = 200
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
    def request(self, method, path, name, headers, data, allow_redirects, catch_response):
        assert not allow_redirects and catch_response and name
        asked.append([method, path, data and data.decode(), headers])
        return Answer()


class HttpUser:
    client = Client()


def task(weight):
    return lambda flow: flow
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

#[test]
fn scripts_ask_what_the_scenario_asks_and_end_where_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("users.csv", "user,token\nann & bob,t-1\n");
    write("scenario.toml", SCENARIO);
    let scenario = Scenario::file(&folder.path().join("scenario.toml")).unwrap();
    let script = export(&scenario, Engine::K6)
        .replace("import http from 'k6/http';", "import { http } from './k6.mjs';")
        .replace("from 'k6';", "from './k6.mjs';");
    write("scenario.mjs", &script);
    write("k6.mjs", K6);
    write("run.mjs", K6_RUN);
    write("scenario.py", &export(&scenario, Engine::Locust));
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
    let of_k6 = export(&visit, Engine::K6)
        .replace("import http from 'k6/http';", "import { http } from './k6.mjs';")
        .replace("from 'k6';", "from './k6.mjs';");
    write("scenario.mjs", &of_k6);
    write("scenario.py", &export(&visit, Engine::Locust));
    let both = ran("node", folder.path(), &["run.mjs", "{}"]);
    assert_eq!(
        (&both[0], &both[1][1], both[1][0].as_str()),
        (&asked()[0], &json!("/shop/me"), Some("POST"))
    );
    let of_locust = ran("python3", folder.path(), &["run.py", "{}"]);
    assert_eq!(of_locust, json!([both, ["failure", "success"]]));
    write("scenario.mjs", &script);
    write("scenario.py", &export(&scenario, Engine::Locust));
    // Nothing there for the second step, and no JSON at all.
    for body in [r#"{"a/b": null, "x": 1}"#, "x"] {
        let first = json!([asked()[0]]);
        assert_eq!(ran("node", folder.path(), &["run.mjs", body]), first, "{body}");
        let of_locust = ran("python3", folder.path(), &["run.py", body]);
        assert_eq!(of_locust, json!([first, ["failure"]]), "{body}");
    }
}
