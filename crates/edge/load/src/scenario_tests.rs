//! Scenarios as people write them, rightly and wrongly.

use super::*;

fn file(text: &str, data: &str) -> Result<Scenario, ScenarioError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.csv"), data).unwrap();
    let path = folder.path().join("shop.toml");
    fs::write(&path, text).unwrap();
    Scenario::file(&path)
}

const SHOP: &str = r#"
target = "http://127.0.0.1:8000/api/"
data = "users.csv"

[[flow]]
name = "browse"
weight = 3

[[flow.step]]
path = "/orders/?user={user}"
think = "1s..3s"
extract = { id = "json:/results/0/id" }

[[flow.step]]
name = "one order"
method = "POST"
path = "/orders/{id}/"
headers = { Authorization = "Bearer {token}" }
body = '{"note": "{user}"}'
status = [200, 201]
"#;

const USERS: &str = "user,token\nann,\"a,b\"\nbob,c\n";

#[test]
fn a_file_is_flows_of_steps() {
    let scenario = file(SHOP, USERS).unwrap();
    let steps = &scenario.flows[0].steps;
    assert_eq!(scenario.routes(), ["GET /orders/?user={user}", "one order"]);
    assert_eq!(steps[0].path, "/api/orders/?user={user}");
    assert_eq!(steps[0].think, Think::Between(Duration::from_secs(1), Duration::from_secs(3)));
    assert_eq!(steps[0].extract, [("id".to_owned(), Extract::Json("/results/0/id".to_owned()))]);
    assert_eq!(
        (steps[1].method, steps[1].check.statuses.as_slice()),
        (Method::Post, &[200, 201][..])
    );
    assert_eq!(scenario.data[0]["token"], "a,b");
    assert_eq!(scenario.data.len(), 2);
}

fn wrong(text: &str, data: &str) -> String {
    file(text, data).unwrap_err().to_string()
}

#[test]
fn what_cannot_work_is_refused_before_it_runs() {
    assert_eq!(
        wrong(&SHOP.replace("{id}", "{number}"), USERS),
        "the scenario says `one order` uses {number}, which no data file and no earlier step gives"
    );
    assert_eq!(
        wrong(SHOP, "user,token\nann\n"),
        "the scenario says row 1 of the data file has 1 values for 2 names"
    );
    assert!(wrong(&SHOP.replace("weight", "wieght"), USERS).contains("unknown field `wieght`"));
    assert!(wrong(&SHOP.replace("json:", "xml:"), USERS).contains("such are json:/results/0/id"));
    assert!(wrong(&SHOP.replace("Authorization", "\"A: b\""), USERS).contains("is no header"));
    assert!(wrong("target = \"http://x\"", USERS).contains("it has 0 flows"));
    assert!(wrong(&SHOP.replace("users.csv", "none.csv"), USERS).contains("failed to read"));
    let url = |url: &str| Scenario::url(url, Method::Get, Vec::new(), String::new());
    assert!(url("http://localhost/").is_ok());
    let split = vec![("X".to_owned(), "a\r\nHost: b".to_owned())];
    assert!(Scenario::url("http://localhost/", Method::Get, split, String::new()).is_err());
}

#[test]
fn a_check_that_is_no_json_pointer_is_refused_with_its_line_and_what_to_write() {
    let checked = |pointer: &str| format!("{SHOP}json = \"{pointer}\"\n");
    for pointer in ["", "/total", "/a~1b/0"] {
        let scenario = file(&checked(pointer), USERS).unwrap();
        assert_eq!(scenario.flows[0].steps[1].check.json.as_deref(), Some(pointer));
    }
    for pointer in ["total", "$.total", "results/0/id"] {
        let told = wrong(&checked(pointer), USERS);
        let line = format!("{} | json = \"{pointer}\"", SHOP.lines().count() + 1);
        assert!(told.contains(&line), "{told}");
        assert!(told.contains(&format!("`{pointer}` is no JSON pointer")), "{told}");
        assert!(told.contains("write a `/` before each key"), "{told}");
    }
}
