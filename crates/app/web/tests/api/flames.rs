//! Traces in columns, merged requests, and files that are read and forgotten.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{Answer, Result, Server, TRACE, orders};

/// Sends a file as a page does.
async fn post(server: &Server, path: &str, file: &[u8]) -> Result<Answer> {
    let host = server.address;
    let mut stream = TcpStream::connect(host).await?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        file.len()
    );
    stream.write_all(&[head.as_bytes(), file].concat()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no end of the headers")?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    Ok(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
}

#[tokio::test]
async fn a_trace_in_columns_says_what_its_rows_say() -> Result {
    let server = Server::start().await?;
    let mut orders = orders();
    // An exception two milliseconds into the second span, which begins after one.
    let time = orders[1].start + std::time::Duration::from_millis(2);
    orders[1].events.push(model::Event {
        time,
        name: "exception".into(),
        attributes: model::Attributes::default(),
        dropped_attributes_count: 0,
    });
    server.receive(orders).await?;
    let rows = server.get(&format!("/api/v1/traces/{TRACE}")).await?.json();
    let columns = server.get(&format!("/api/v1/traces/{TRACE}/columns")).await?.json();
    let (nodes, spans) = (rows["nodes"].as_array().ok_or("no nodes")?, &columns["spans"]);
    assert_eq!(spans["ids"].as_str().map(str::len), Some(16 * nodes.len()));
    for (place, node) in nodes.iter().enumerate() {
        let at = |column: &str| spans[column][place].as_u64().unwrap_or_default();
        let label = usize::try_from(at("label"))?;
        assert_eq!(columns["labels"][label], node["label"]);
        assert_eq!(spans["depth"][place], node["depth"]);
        assert_eq!(
            node["duration_micros"].as_f64().map(|micros| micros * 1000.0),
            spans["duration_nanos"][place].as_f64()
        );
        assert_eq!(spans["fold"][place], node.get("fold").cloned().unwrap_or_else(|| json!(-1)));
    }
    let events = json!({ "span": [1], "offset_nanos": [3_000_000], "exception": [true] });
    assert_eq!(columns["events"], events);
    server.stop().await
}

#[tokio::test]
async fn requests_of_an_operation_are_one_tree_and_two_traces_a_comparison() -> Result {
    let server = Server::start().await?;
    server.receive(orders()).await?;
    let path = "/api/v1/flame?service=shop&operation=GET%20/orders&last=1h";
    let flame = server.get(path).await?.json();
    assert_eq!(flame["sides"][0]["requests"], 1, "{flame}");
    assert_eq!(flame["tree"]["amounts"][0]["count"], json!([1, 60, 1]));
    let frame = flame["tree"]["frame"][1].as_u64().and_then(|it| usize::try_from(it).ok());
    let name = &flame["tree"]["frames"][frame.ok_or("no frame")?]["name"];
    assert_eq!(name, "SELECT customers by id");
    let own = flame["tree"]["amounts"][0]["own"].as_array().ok_or("no own times")?;
    assert_eq!(own.iter().filter_map(Value::as_u64).sum::<u64>(), 400_000_000);
    let both =
        server.get(&format!("/api/v1/flame?trace={TRACE}&before_trace={TRACE}")).await?.json();
    assert_eq!(both["tree"]["amounts"][0], both["tree"]["amounts"][1]);
    let unclear = server.get("/api/v1/flame?service=shop").await?;
    assert_eq!((unclear.status, unclear.json()["status"].as_u64()), (400, Some(400)));
    let unknown = server.get("/api/v1/flame?trace=1").await?;
    assert_eq!(unknown.status, 404);
    server.stop().await
}

#[tokio::test]
async fn files_are_read_and_nothing_of_them_is_kept() -> Result {
    let server = Server::start().await?;
    let file = observe::otlp::encode_json(&orders());
    let opened = post(&server, "/api/v1/opened/trace", file.as_bytes()).await?.json();
    assert_eq!(opened["traces"][0]["spans"], 62);
    assert_eq!(opened["trace"]["operation"], "GET /orders");
    let path = format!("/api/v1/opened/span?trace={TRACE}&span=0000000000000003");
    let span = post(&server, &path, file.as_bytes()).await?.json();
    assert_eq!(span["statement"], "select name from customers where id = ?");
    assert_eq!(server.get(&format!("/api/v1/traces/{TRACE}")).await?.status, 404);
    assert_eq!(post(&server, "/api/v1/opened/trace", b"<html></html>").await?.status, 400);

    let before = b"main;tax 40\nmain;price 50\n";
    let profile = post(&server, "/api/v1/profile", before).await?.json();
    assert_eq!(profile["profiles"][0]["totals"], json!([90]));
    assert_eq!(profile["profiles"][0]["functions"][0]["name"], "price");
    let two = [&before[..], b"main;tax 4\n"].concat();
    let path = format!("/api/v1/profile?before_bytes={}", before.len());
    let compared = post(&server, &path, &two).await?.json();
    assert_eq!(compared["profiles"][0]["totals"], json!([90, 4]));
    let beyond = post(&server, "/api/v1/profile?before_bytes=999", before).await?;
    assert_eq!(beyond.status, 400);
    server.stop().await
}
