//! The ledger and the board report, over what was noted from a shell.

use engine::history::{self, ByHand};
use model::FindingId;
use serde_json::{Value, json};
use store::ledger::{FindingState, LedgerPlace, ProofRow, Recorded, RunFigure, RunKind};

use super::{Result, Server, orders};

const FINDING: FindingId = FindingId(0xff);

/// A remedy that was applied and taken back, a decision, a run and a proof.
fn noted(place: &LedgerPlace) -> Result {
    let by_hand = ByHand { claim: "orders <load> customers".to_owned(), ..ByHand::default() };
    history::mark(place, (FINDING, ""), FindingState::Applied, "", &by_hand)?;
    history::mark(place, (FINDING, ""), FindingState::Reverted, "memory doubled", &by_hand)?;
    let (title, text) = ("No cache for prices".to_owned(), "They change.".to_owned());
    history::record(place, None, &Recorded::Decision { title, text, by: "Ada".to_owned() })?;
    let run = Recorded::Run {
        of: RunKind::Load,
        title: "http://shop/: 200 a second".to_owned(),
        verdict: String::new(),
        by: "Ada on build-7".to_owned(),
        requests: 12_000,
        failed: 3,
        seconds: 60.0,
        figures: vec![RunFigure { name: "p95".to_owned(), value: 95.0, unit: "ms".to_owned() }],
    };
    history::record(place, None, &run)?;
    let row = ProofRow {
        name: "p95".to_owned(),
        unit: "ms".to_owned(),
        before: 1_200.0,
        after: 95.0,
        relative: Some((-0.94, -0.9)),
        at_least: None,
        decides: true,
    };
    let proof = Recorded::Proof {
        verdict: "better".to_owned(),
        claim: "p95 changed by -92 %".to_owned(),
        rows: vec![row],
        compared: (900, 950),
        notes: Vec::new(),
        by: String::new(),
    };
    history::record(place, Some(FINDING), &proof)?;
    Ok(())
}

fn count(ledger: &Value, kind: &str) -> Value {
    let kinds = ledger["kinds"].as_array().cloned().unwrap_or_default();
    kinds.iter().find(|it| it["kind"] == kind).map(|it| it["count"].clone()).unwrap_or_default()
}

#[tokio::test]
async fn the_ledger_is_told_the_newest_first_and_by_kind() -> Result {
    let server = Server::start().await?;
    let empty = server.get("/api/v1/ledger").await?.json();
    assert_eq!((&empty["entries"], &empty["shared"]), (&json!([]), &json!(false)));
    noted(&LedgerPlace::from(server.folder.path()))?;
    let all = server.get("/api/v1/ledger").await?.json();
    assert_eq!(all["total"], 6, "{all:#}");
    let kinds = ["remedy", "note", "proof", "run", "decision"].map(|kind| count(&all, kind));
    assert_eq!(kinds, [1, 2, 1, 1, 1].map(Value::from));
    let times: Vec<u64> = all["entries"]
        .as_array()
        .ok_or("no entries")?
        .iter()
        .filter_map(|entry| entry["unix_ms"].as_u64())
        .collect();
    assert!(times.len() == 6 && times.is_sorted_by(|one, other| one >= other), "{times:?}");
    let proof =
        &server.get("/api/v1/ledger?kind=proof&finding=00000000").await?.json()["entries"][0];
    assert_eq!(proof["proof"]["rows"][0]["high"], -0.9, "{proof:#}");
    let reverted = server.get("/api/v1/ledger?state=reverted").await?.json();
    let remedy = &reverted["entries"][0];
    assert_eq!(remedy["remedy"]["reason"], "memory doubled", "{reverted:#}");
    assert_eq!(
        (&remedy["title"], &remedy["remedy"]["by_hand"]),
        (&json!("orders <load> customers"), &json!(true))
    );
    let found = server.get("/api/v1/ledger?q=no%20CACHE").await?.json();
    assert_eq!((&found["total"], &found["entries"][0]["by"]), (&json!(1), &json!("Ada")));
    assert_eq!(server.get("/api/v1/ledger?kind=cats").await?.status, 400);
    server.stop().await
}

fn replay(title: &str) -> Recorded {
    Recorded::Run {
        of: RunKind::Replay,
        title: title.to_owned(),
        verdict: "18 of 40 answers differ".to_owned(),
        by: String::new(),
        requests: 40,
        failed: 0,
        seconds: 1.0,
        figures: Vec::new(),
    }
}

#[tokio::test]
async fn runs_are_listed_by_kind_and_opened_as_they_were_written() -> Result {
    let server = Server::start().await?;
    let empty = server.get("/api/v1/runs").await?.json();
    assert_eq!((&empty["runs"], &empty["total"]), (&json!([]), &json!(0)));
    assert_eq!(server.get("/api/v1/runs/1").await?.status, 404);
    let place = LedgerPlace::from(server.folder.path());
    noted(&place)?;
    let whole = format!("{{\"played\": 40, \"differences\": [\"{}\"]}}", "ü <b>".repeat(2_000));
    let kept = history::record_run(&place, &replay("http://new:8000 <i>"), &whole)?;
    assert!(kept.has_result);
    let all = server.get("/api/v1/runs").await?.json();
    let kinds: Vec<&Value> = all["kinds"].as_array().ok_or("none")?.iter().collect();
    let counts: Vec<&Value> = kinds.iter().map(|it| &it["count"]).collect();
    assert_eq!(counts, [&json!(1), &json!(0), &json!(1), &json!(1), &json!(0)], "{all:#}");
    let newest = &all["runs"][0];
    assert_eq!((&newest["number"], &newest["run"]["of"]), (&json!(kept.id), &json!("replay")));
    assert_eq!(newest["result_bytes"], json!(whole.len()), "{newest:#}");
    assert!(all["runs"][1]["result_bytes"].is_null() && all["older"].is_null(), "{all:#}");
    let differ = server.get("/api/v1/runs?q=ANSWERS%20differ").await?.json();
    assert_eq!((&differ["total"], &differ["runs"][0]["title"]), (&json!(1), &newest["title"]));
    let loads = server.get("/api/v1/runs?kind=load").await?.json();
    assert_eq!((&loads["total"], &loads["runs"][0]["by"]), (&json!(1), &json!("Ada on build-7")));
    assert_eq!(server.get("/api/v1/runs?kind=cats").await?.status, 400);
    let one = server.get(&format!("/api/v1/runs/{}", kept.id)).await?;
    assert_eq!((one.status, &one.json()), (200, newest));
    let result = server.get(&format!("/api/v1/runs/{}/result", kept.id)).await?;
    assert!(result.head.contains("content-type: application/json"), "{}", result.head);
    assert_eq!((result.status, result.body.as_str()), (200, whole.as_str()));
    // The figures alone were kept of an earlier one; and a decision is no run.
    for (number, what) in
        [("2/result", "unknown-result"), ("1", "unknown-run"), ("x", "unknown-run")]
    {
        let none = server.get(&format!("/api/v1/runs/{number}")).await?;
        assert_eq!(none.status, 404, "{number}");
        assert_eq!(none.json()["type"], json!(format!("urn:taut:{what}")), "{number}");
    }
    let ledger = server.get("/api/v1/ledger?kind=run").await?.json();
    assert_eq!(ledger["entries"][0]["result_bytes"], json!(whole.len()), "{ledger:#}");
    server.stop().await
}

#[tokio::test]
async fn older_runs_are_asked_for_by_number() -> Result {
    let server = Server::start().await?;
    let place = LedgerPlace::from(server.folder.path());
    for number in 0..103 {
        history::record(&place, None, &replay(&format!("run {number}")))?;
    }
    let first = server.get("/api/v1/runs").await?.json();
    assert_eq!(first["runs"].as_array().map(Vec::len), Some(100));
    assert_eq!((&first["total"], &first["older"]), (&json!(103), &json!(4)));
    let rest = server.get("/api/v1/runs?before=4").await?.json();
    let titles: Vec<&Value> =
        rest["runs"].as_array().ok_or("none")?.iter().map(|run| &run["title"]).collect();
    assert_eq!(titles, [&json!("run 2"), &json!("run 1"), &json!("run 0")], "{rest:#}");
    assert!(rest["older"].is_null(), "{rest:#}");
    server.stop().await
}

#[tokio::test]
async fn the_board_report_compares_two_windows() -> Result {
    let server = Server::start().await?;
    server.receive(orders()).await?;
    let board = server.get("/api/v1/board?last=15m").await?.json();
    let window = |name: &str, edge: &str| board[name][edge].as_u64().unwrap_or_default();
    assert_eq!(window("before", "to_unix_ms"), window("after", "from_unix_ms"));
    assert_eq!((&board["rows"], &board["spent_before"]["requests"]), (&json!([]), &json!(0)));
    assert_eq!(board["spent_after"]["requests"], 1, "{board:#}");
    assert!(0.0 < board["open"]["user_hours_per_day"].as_f64().unwrap_or_default(), "{board:#}");
    let same = format!(
        "/api/v1/board?last=15m&before_from={}&before_to={}",
        window("after", "from_unix_ms"),
        window("after", "to_unix_ms")
    );
    let same = server.get(&same).await?.json();
    let queries = same["rows"].as_array().ok_or("no rows")?.iter();
    let queries = queries.clone().find(|row| row["name"] == "queries per request").ok_or("none")?;
    assert_eq!(queries["before"], queries["after"], "{same:#}");
    assert!(queries["sure"].is_null(), "a mean has no interval");
    assert_eq!(server.get("/api/v1/board?before_from=5").await?.status, 400);
    server.stop().await
}

#[tokio::test]
async fn what_was_applied_by_hand_is_marked_at_its_service_alone_and_outlives_its_finding() -> Result
{
    let server = Server::start().await?;
    // Of a finding that is not there any more.
    let by_hand = ByHand {
        claim: "orders load customers".to_owned(),
        service: "shop".to_owned(),
        ..ByHand::default()
    };
    let place = LedgerPlace::from(server.folder.path());
    history::mark(&place, (FINDING, ""), FindingState::Applied, "", &by_hand)?;
    let shop = server.get("/api/v1/marks?service=shop").await?.json();
    assert_eq!(shop["marks"].as_array().map(Vec::len), Some(1), "{shop:#}");
    assert_eq!(shop["marks"][0]["words"], "orders load customers");
    assert_eq!(server.get("/api/v1/marks?service=mail").await?.json()["marks"], json!([]));
    // What is said on the page keeps its words as well.
    server.receive(orders()).await?;
    let finding = server.get("/api/v1/findings").await?.json()["findings"][0].clone();
    let id = finding["id"].as_str().ok_or("no finding")?;
    let notes = format!("/api/v1/findings/{id}/notes");
    for state in ["applied", "applied", "reverted"] {
        let said = server.post(&notes, &json!({ "state": state })).await?;
        assert_eq!((said.status, &said.json()["state"]), (200, &json!(state)));
    }
    let remedies = server.get(&format!("/api/v1/ledger?kind=remedy&finding={id}")).await?.json();
    assert_eq!(remedies["total"], 1, "{remedies:#}");
    assert_eq!(remedies["entries"][0]["title"], finding["claim"]);
    assert_eq!(remedies["entries"][0]["remedy"]["state"], "reverted", "{remedies:#}");
    let marks = server.get("/api/v1/marks?service=shop").await?.json();
    let kinds: Vec<&Value> =
        marks["marks"].as_array().ok_or("no marks")?.iter().map(|mark| &mark["kind"]).collect();
    assert_eq!(kinds, ["applied", "applied", "reverted"], "{marks:#}");
    server.stop().await
}
