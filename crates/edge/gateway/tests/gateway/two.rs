//! HTTP/2 from clients, plain and encrypted.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use traffic::{cache::CacheRule, plan::Certificate};

use crate::kit::{Origin, cached, ok, plan, start};

async fn asked<I>(io: I, scheme: &str, count: usize) -> Vec<(u16, String)>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let handshake = http2::handshake(TokioExecutor::new(), io).await;
    let (sender, connection) = handshake.expect("it speaks HTTP/2");
    let driven = tokio::spawn(connection);
    let asks = (0..count).map(|number| {
        let mut sender = sender.clone();
        let request = Request::post(format!("{scheme}://shop.example/{number}"))
            .version(Version::HTTP_2)
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .body(Full::new(Bytes::from(format!("body {number}"))))
            .expect("a request");
        tokio::spawn(async move {
            let response = sender.send_request(request).await.expect("an answer");
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            (status, String::from_utf8_lossy(&body).into_owned())
        })
    });
    let asks: Vec<_> = asks.collect();
    let mut answers = Vec::new();
    for ask in asks {
        answers.push(ask.await.expect("no panic"));
    }
    drop(sender);
    driven.abort();
    answers
}

fn echo() -> Origin {
    Origin::start(|request| ok(request.split(' ').nth(1).unwrap_or_default()))
}

fn check(answers: &[(u16, String)], origin: &Origin, proto: &str) {
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(*answer, (200, format!("/{number}")));
    }
    let seen = origin.seen();
    assert_eq!(seen.len(), answers.len());
    for one in seen {
        let lower = one.to_ascii_lowercase();
        assert!(
            lower.contains("http/1.1\r\n") && lower.contains("host: shop.example\r\n"),
            "{one}"
        );
        assert!(lower.contains("cookie: a=1; b=2\r\n"), "cookies are one line: {one}");
        assert!(lower.contains(&format!("x-forwarded-proto: {proto}\r\n")), "{one}");
        assert!(one.contains("body "), "{one}");
    }
}

#[tokio::test]
async fn many_requests_share_a_connection() {
    let origin = echo();
    let gateway = start(plan(&[origin.address]));
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let answers = asked(TokioIo::new(stream), "http", 50).await;
    check(&answers, &origin, "http");
}

#[tokio::test]
async fn a_client_that_wants_all_in_one_frame_gets_it_as_it_is() {
    const BYTES: usize = 8 << 20;
    const WINDOW: u32 = 1 << 24;
    let body: String = ('a'..='z').cycle().take(BYTES).collect();
    let whole = body.clone();
    let origin = Origin::start(move |_| ok(&body));
    let rule = CacheRule {
        ttl: Some(Duration::from_mins(1)),
        body_bytes_max: 2 * BYTES as u64,
        ..CacheRule::default()
    };
    let gateway = start(cached(rule, &origin));
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let handshake = http2::Builder::new(TokioExecutor::new())
        .max_frame_size(WINDOW - 1)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .handshake(TokioIo::new(stream))
        .await;
    let (mut sender, connection) = handshake.expect("it speaks HTTP/2");
    let driven = tokio::spawn(connection);
    // What is kept is there at once, in one piece.
    for _ in 0..3 {
        let request = Request::get("http://shop.example/").body(Full::new(Bytes::new())).unwrap();
        let answer = sender.send_request(request).await.expect("an answer");
        let body = answer.into_body().collect().await.expect("all of it").to_bytes();
        assert!(body == whole.as_bytes(), "{} bytes", body.len());
    }
    assert_eq!(origin.seen().len(), 1);
    driven.abort();
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_all_of_it() {
    const BYTES: usize = 2 << 20;
    // It comes in ever larger parts, as there is always more of it.
    let body = "x".repeat(BYTES);
    let origin = Origin::start(move |_| ok(&body));
    let mut plan = plan(&[origin.address]);
    // Time for a part, and not for one of a quarter of a mebibyte.
    plan.bounds.body_pause = Duration::from_millis(250);
    let gateway = start(plan);
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let handshake = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(16 << 10)
        .handshake(TokioIo::new(stream))
        .await;
    let (mut sender, connection) = handshake.expect("it speaks HTTP/2");
    let driven = tokio::spawn(connection);
    let request = Request::get("http://shop.example/").body(Full::new(Bytes::new())).unwrap();
    let mut body = sender.send_request(request).await.expect("an answer").into_body();
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        read += frame.expect("it goes on").data_ref().map_or(0, Bytes::len);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(read, BYTES);
    driven.abort();
}

async fn encrypted(
    address: SocketAddr,
    chain: &Path,
    offers: &[&[u8]],
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(chain).expect("it can be encrypted"))
        .expect("it can be encrypted");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("it can be encrypted")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = offers.iter().map(|offer| offer.to_vec()).collect();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(address).await.expect("it can be encrypted");
    let name = ServerName::try_from("shop.example").expect("it can be encrypted");
    tokio::time::timeout(Duration::from_secs(10), connector.connect(name, stream))
        .await
        .expect("it can be encrypted")
        .expect("it can be encrypted")
}

#[tokio::test]
async fn encrypted_clients_choose_their_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(vec!["shop.example".to_owned()]).unwrap();
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let origin = echo();
    let mut plan = plan(&[origin.address]);
    plan.listen[0].tls = vec![Certificate { chain: chain.clone(), key }];
    let gateway = start(plan);
    let stream = encrypted(gateway.address, &chain, &[b"h2", b"http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let answers = asked(TokioIo::new(stream), "https", 5).await;
    check(&answers, &origin, "https");
    let mut stream = encrypted(gateway.address, &chain, &[b"http/1.1"]).await;
    stream.write_all(b"GET /plain HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // Not every server says goodbye.
    drop(stream.read_to_end(&mut answer).await);
    assert!(String::from_utf8_lossy(&answer).ends_with("/plain"));
}
