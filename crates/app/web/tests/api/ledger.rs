//! The ledger and the board report, over what was noted from a shell.

use engine::history::{self, ByHand};
use model::FindingId;
use serde_json::{Value, json};
use store::ledger::{FindingState, LedgerPlace, ProofRow, Recorded, RunFigure};

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
        title: "http://shop/: 200 a second".to_owned(),
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
