//! Starting on taken ports, and stopping with requests in flight.

use std::{error::Error as _, sync::Arc, time::Duration};

use receive::{Options, Stopped};
use tokio::net::{TcpListener, TcpStream};

use crate::setup::{Client, Keep, PROTOBUF, Wait, http, options, post, protobuf, start};

#[tokio::test]
async fn a_taken_port_is_named_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let bounds = Options { http: Some(address), ..options() };
    let error = receive::serve(bounds, Arc::new(Keep::default())).await.unwrap_err();
    assert_eq!(error.to_string(), format!("failed to listen for OTLP over HTTP on {address}"));
    assert!(error.source().is_some());
    assert_eq!(error.address(), address);
    let hint = error.hint().replace(&address.port().to_string(), "4318");
    insta::assert_snapshot!(hint, @r#"another program has port 4318, perhaps an OpenTelemetry collector or another taut; choose another with `http = "127.0.0.1:PORT"` under `[receive]` in taut.toml, or with TAUT_RECEIVE_HTTP"#);
}

#[tokio::test]
async fn a_receiver_may_listen_for_one_protocol_alone() {
    let running = receive::serve(Options { grpc: None, ..options() }, Arc::new(Keep::default()));
    let running = running.await.unwrap();
    assert_eq!(running.grpc(), None);
    assert_eq!(post(&running, &[("content-type", PROTOBUF)], protobuf(&["a"])).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_answers_what_has_begun_and_takes_nothing_new() {
    let (sink, entered, go_on) = Wait::new();
    let running = start(sink).await;
    let address = http(&running);
    let counters = running.counters();
    let mut client = Client::connect(address).await;
    let first = tokio::spawn(async move {
        client.send("POST", "/v1/traces", &[("content-type", PROTOBUF)], protobuf(&["a"])).await
    });
    let idle = TcpStream::connect(address).await.unwrap();
    tokio::task::block_in_place(|| entered.recv()).unwrap();
    let stopping = tokio::spawn(running.stop(Duration::from_mins(1)));
    let mut refused = TcpStream::connect(address).await.is_err();
    while !refused {
        tokio::time::sleep(Duration::from_millis(10)).await;
        refused = TcpStream::connect(address).await.is_err();
    }
    drop(idle);
    go_on.send(()).unwrap();
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!(stopping.await.unwrap(), Stopped::Clean);
    assert_eq!((counters.totals().spans_accepted, counters.totals().connections_open), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_cuts_what_takes_too_long() {
    let (sink, entered, go_on) = Wait::new();
    let running = start(sink).await;
    let mut client = Client::connect(http(&running)).await;
    let first = tokio::spawn(async move {
        client.send("POST", "/v1/traces", &[("content-type", PROTOBUF)], protobuf(&["a"])).await
    });
    tokio::task::block_in_place(|| entered.recv()).unwrap();
    let stopped = running.stop(Duration::from_millis(100)).await;
    assert_eq!(stopped, Stopped::Cut { connections: 1 });
    assert!(first.await.is_err(), "the sender sees a broken connection and tries again");
    go_on.send(()).unwrap();
}
