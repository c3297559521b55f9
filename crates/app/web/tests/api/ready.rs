//! Whether the process runs and is ready, asked as a balancer asks: without a token.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use web::{GatewayAsked, OrderProblem, Setup};

use super::{Result, Server};

#[tokio::test]
async fn who_has_no_token_is_told_whether_it_runs_and_nothing_else() -> Result {
    let token = Some("a-long-secret".to_owned());
    let server = Server::start_with(Setup { token, ..Setup::default() }).await?;
    let health = server.get("/health").await?;
    assert_eq!((health.status, health.json()), (200, json!({"status": "up"})));
    assert!(health.head.contains("cache-control: no-store"), "{}", health.head);
    let ready = server.get("/ready").await?;
    assert_eq!(ready.status, 200, "{}", ready.body);
    let told = ready.json();
    assert_eq!((&told["status"], &told["store"]), (&json!("up"), &json!({"status": "up"})));
    assert!(told["disk"]["free_bytes"].is_u64(), "{told}");
    assert!(told["memory"]["available_bytes"].is_u64(), "{told}");
    // What is not used is not told of, and where things lie is not either.
    for unused in ["clickhouse", "ledger", "gateway"] {
        assert!(told.get(unused).is_none(), "{told}");
    }
    assert!(!ready.body.contains(&*server.folder.path().to_string_lossy()), "{}", ready.body);
    for path in ["/healthy", "/ready/", "/api/v1/status"] {
        assert_eq!(server.get(path).await?.status, 401, "{path}");
    }
    let foreign = server.ask("/ready", "Host: evil.example\r\n").await?;
    assert_ne!(foreign.status, 200, "another site's name is no name of this machine");
    server.stop().await
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_not_ready_until_it_can() -> Result {
    let server = Server::start().await?;
    assert_eq!(server.get("/ready").await?.status, 200);
    let here = server.folder.path().to_path_buf();
    let away = here.with_extension("away");
    fs::rename(&here, &away)?;
    becomes(&server, 503).await?;
    let told = server.get("/ready").await?.json();
    assert_eq!((&told["status"], &told["store"]["status"]), (&json!("down"), &json!("down")));
    assert_eq!(server.get("/health").await?.status, 200, "it runs, and need not be started anew");
    fs::rename(&away, &here)?;
    becomes(&server, 200).await?;
    server.stop().await
}

#[tokio::test]
async fn a_gateway_is_told_of_and_what_is_sent_is_kept_without_it() -> Result {
    for (state, status) in [(Ok("up"), "up"), (Ok("down"), "down"), (Err("away"), "down")] {
        let ask = move || state.map(|state| json!({"state": state})).map_err(str::to_owned);
        let order = |_: &str, _: &Value| -> std::result::Result<Value, OrderProblem> {
            Err(OrderProblem::Away("nobody asked".to_owned()))
        };
        let place = "this process".to_owned();
        let gateway = GatewayAsked { place, ask: Arc::new(ask), order: Arc::new(order) };
        let setup = Setup { gateway: Some(gateway), ..Setup::default() };
        let server = Server::start_with(setup).await?;
        let ready = server.get("/ready").await?;
        assert_eq!((ready.status, &ready.json()["gateway"]), (200, &json!({"status": status})));
        server.stop().await?;
    }
    Ok(())
}

/// Waits until `/ready` answers so.
async fn becomes(server: &Server, status: u16) -> Result {
    let began = Instant::now();
    while server.get("/ready").await?.status != status {
        if Duration::from_secs(20) < began.elapsed() {
            return Err(format!("it did not become {status}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
