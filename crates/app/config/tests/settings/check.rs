//! `[check]`: budgets mean what they say, and every mistake in them is told with its line.

use model::Level;
use prove::gate::Measure;

use crate::{complaint, file, load};

const BUDGETS: &str = r#"
[check]
baseline = "baseline.json"
refuse = ["deep-offset"]
level = "high"
more = 0.1
times = "off"

[[check.budget]]
endpoint = "GET /api/orders/*"
service = "shop"
queries = 10
p95 = "200ms"
bytes = "64 kB"

[[check.budget]]
endpoint = "*"
duplicates = 0
"#;

#[test]
fn budgets_mean_what_they_say() {
    let check = load(&file(BUDGETS)).check;
    assert_eq!(check.baseline, Some("baseline.json".into()));
    let rules = check.rules;
    assert_eq!((rules.level, rules.slower), (Some(Level::High), None));
    assert!(rules.refuse.contains("deep-offset") && rules.refuse.len() == 1);
    let [first, second] = rules.budgets.as_slice() else { panic!("{:?}", rules.budgets) };
    assert_eq!(first.endpoint.0, "GET /api/orders/*");
    assert_eq!(first.service.as_ref().map(|service| service.0.as_str()), Some("shop"));
    let limits: Vec<(Measure, u64)> =
        first.limits.iter().map(|(measure, most)| (*measure, *most)).collect();
    assert_eq!(
        limits,
        [(Measure::Queries, 10), (Measure::P95, 200_000_000), (Measure::Bytes, 64_000)]
    );
    assert_eq!(second.limits.get(&Measure::Duplicates), Some(&0));
}

#[test]
fn without_a_section_loops_are_refused_and_nothing_else_is_limited() {
    let rules = load(&file("")).check.rules;
    assert!(rules.refuse.contains("n-plus-one") && rules.budgets.is_empty());
    assert_eq!((rules.level, rules.slower), (None, Some(0.2)));
}

#[test]
fn every_mistake_is_told_with_its_line_and_a_cure() {
    for (field, line, words) in [
        ("querys = 3", 4, "did you mean `queries`?"),
        ("queries = -1", 4, "expected a whole number"),
        ("p95 = 200", 4, "the unit is missing"),
        ("bytes = \"much\"", 4, "expected a size"),
        ("", 2, "limit at least one of queries"),
    ] {
        let told =
            complaint(&file(&format!("\n[[check.budget]]\nendpoint = \"GET /\"\n{field}\n")));
        assert!(told.contains(words), "{words}:\n{told}");
        assert!(told.contains(&format!("taut.toml:{line}:")), "line {line}:\n{told}");
    }
    let told = complaint(&file("[[check.budget]]\nqueries = 3\n"));
    assert!(told.contains("`*` stands for anything"), "{told}");
    let told = complaint(&file("[check]\nrefuse = [\"n-plus-one\", \"missing-index\"]\n"));
    for words in
        ["`missing-index` looks at databases", "spans never show it", "taut.toml:2:", "taut find"]
    {
        assert!(told.contains(words), "{words}:\n{told}");
    }
    // What is not to run may be any.
    load(&file("[find]\ndisable = [\"missing-index\"]\n"));
    let told = complaint(&file("[check]\nbudgets = 3\n"));
    assert!(told.contains("did you mean `budget`?"), "{told}");
}
