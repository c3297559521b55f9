//! Certificates of the gateway: the right one for each name, changed while connections go on, and kept when the new one
//! is none.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use traffic::{
    cache::CacheRule,
    plan::{Certificate, Plan},
};

use crate::{
    kit::{Origin, cached, eventually, ok, plan, start},
    origins::Folder,
};

fn encrypted(address: SocketAddr, certificates: &[Certificate]) -> Plan {
    let mut plan = plan(&[address]);
    plan.listen[0].tls = certificates.to_vec();
    plan
}

/// A client that believes these certificates alone.
pub(crate) fn believing(believed: &[&Certificate], offers: &[&[u8]]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in believed {
        roots
            .add(CertificateDer::from_pem_file(&certificate.chain).expect("as the test has it"))
            .expect("as the test has it");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("as the test has it")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = offers.iter().map(|offer| offer.to_vec()).collect();
    Arc::new(config)
}

/// A connection of who believes these certificates alone, and asks for this name.
async fn connected(
    address: SocketAddr,
    believed: &[&Certificate],
    name: &str,
    offers: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let config = believing(believed, offers);
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned()).expect("as the test has it");
    let connecting = TlsConnector::from(config).connect(name, stream);
    tokio::time::timeout(Duration::from_secs(20), connecting).await.expect("it is decided in time")
}

async fn asked(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("as the test has it");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nx") {
        let mut part = [0; 1024];
        let count = stream.read(&mut part).await.expect("as the test has it");
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

const ONE: &[&[u8]] = &[b"http/1.1"];

#[tokio::test]
async fn each_name_has_the_certificate_that_is_for_it() {
    let (folder, origin) = (Folder::new(), Origin::start(|_| ok("x")));
    let shop = folder.certificate("shop", &["shop.example", "www.shop.example"]);
    let below = folder.certificate("below", &["*.api.example"]);
    let gateway = start(encrypted(origin.address, &[shop.clone(), below.clone()]));
    for (name, right, wrong) in [
        ("shop.example", &shop, &below),
        ("WWW.shop.example", &shop, &below),
        ("v1.api.example", &below, &shop),
    ] {
        let mut stream = connected(gateway.address, &[right], name, ONE).await.expect(name);
        assert!(asked(&mut stream).await.starts_with("HTTP/1.1 200"), "{name}");
        assert!(connected(gateway.address, &[wrong], name, ONE).await.is_err(), "{name}");
    }
    // Nobody has one for these: the first is shown, and the client decides.
    for name in ["other.example", "api.example", "a.b.api.example"] {
        assert!(connected(gateway.address, &[&shop, &below], name, ONE).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn what_is_spoken_is_agreed_on_and_nothing_else() {
    let (folder, origin) = (Folder::new(), Origin::start(|_| ok("x")));
    let shop = folder.certificate("shop", &["shop.example"]);
    let gateway = start(encrypted(origin.address, std::slice::from_ref(&shop)));
    let address = gateway.address;
    let agreed = async |offers: &[&[u8]]| {
        let stream = connected(address, &[&shop], "shop.example", offers).await.ok()?;
        Some(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
    };
    assert_eq!(agreed(&[b"http/1.1", b"h2"]).await, Some(Some(b"h2".to_vec())));
    assert_eq!(agreed(&[b"http/1.1"]).await, Some(Some(b"http/1.1".to_vec())));
    assert_eq!(agreed(&[]).await, Some(None));
    assert_eq!(agreed(&[b"spdy/3"]).await, None, "who speaks nothing of it is told at once");
}

#[tokio::test]
async fn what_was_asked_for_most_is_warmed_where_everything_is_encrypted() {
    let (folder, origin) = (Folder::new(), Origin::start(|_| ok("x")));
    let shop = folder.certificate("shop", &["shop.example"]);
    let rule = CacheRule { ttl: Some(Duration::from_hours(1)), ..CacheRule::default() };
    let mut plan = cached(rule, &origin);
    plan.listen[0].tls = vec![shop.clone()];
    let record = folder.path("top-keys.json");
    std::fs::write(&record, "[\"https://a/x\"]").expect("as the test has it");
    plan.top_keys = Some(record);
    let gateway = start(plan);
    eventually("kept", || gateway.told("/cache").contains("\"entries\": 1"));
    let mut stream = connected(gateway.address, &[&shop], "shop.example", ONE)
        .await
        .expect("as the test has it");
    let answer = asked(&mut stream).await.to_ascii_lowercase();
    assert!(answer.contains("cache-status: taut; hit"), "{answer}");
    let seen = origin.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].to_ascii_lowercase().contains("x-forwarded-proto: https\r\n"), "{}", seen[0]);
}

#[tokio::test]
async fn a_new_certificate_counts_at_once_and_drops_nobody() {
    let (folder, origin) = (Folder::new(), Origin::start(|_| ok("x")));
    let old = folder.certificate("old", &["shop.example"]);
    let new = folder.certificate("new", &["shop.example"]);
    let live = Certificate { chain: folder.path("live.pem"), key: folder.path("live.key") };
    let put = |from: &Certificate| {
        std::fs::copy(&from.chain, &live.chain).unwrap();
        std::fs::copy(&from.key, &live.key).unwrap();
    };
    put(&old);
    let plan = encrypted(origin.address, std::slice::from_ref(&live));
    assert_eq!(gateway::Gateway::files(&plan), [live.key.clone(), live.chain.clone()]);
    let gateway = start(plan.clone());
    let mut before = connected(gateway.address, &[&old], "shop.example", ONE).await.unwrap();
    assert!(asked(&mut before).await.starts_with("HTTP/1.1 200"));
    put(&new);
    // The settings are the same: what they name has changed.
    assert!(gateway.gateway().replace(plan).unwrap().is_empty());
    let mut after = connected(gateway.address, &[&new], "shop.example", ONE).await.unwrap();
    assert!(asked(&mut after).await.starts_with("HTTP/1.1 200"));
    assert!(connected(gateway.address, &[&old], "shop.example", ONE).await.is_err());
    assert!(asked(&mut before).await.starts_with("HTTP/1.1 200"), "who was there goes on");
}

#[tokio::test]
async fn a_certificate_that_is_none_is_refused_and_the_old_one_stays() {
    let folder = Folder::new();
    let (first, second) = (Origin::start(|_| ok("x")), Origin::start(|_| ok("x")));
    let good = folder.certificate("good", &["shop.example"]);
    let other = folder.certificate("other", &["shop.example"]);
    let gateway = start(encrypted(first.address, std::slice::from_ref(&good)));
    std::fs::write(folder.path("empty.pem"), "").unwrap();
    std::fs::write(folder.path("text.pem"), "no certificate").unwrap();
    let path = |name: &str| folder.path(name);
    for (chain, key, words) in [
        (path("gone.pem"), good.key.clone(), "gone.pem"),
        (good.chain.clone(), path("gone.key"), "gone.key"),
        (path("empty.pem"), good.key.clone(), "empty.pem"),
        (path("text.pem"), good.key.clone(), "text.pem"),
        (good.chain.clone(), other.key.clone(), "good.pem"),
    ] {
        let bad = Certificate { chain, key };
        let refused = gateway.gateway().replace(encrypted(second.address, &[good.clone(), bad]));
        let error = refused.expect_err("it cannot be used").to_string();
        assert!(error.starts_with("failed to ") && error.contains(words), "{error}");
        let mut stream = connected(gateway.address, &[&good], "shop.example", ONE).await.unwrap();
        assert!(asked(&mut stream).await.starts_with("HTTP/1.1 200"));
    }
    assert!(second.seen().is_empty(), "nothing of a plan counts whose certificates do not");
}
