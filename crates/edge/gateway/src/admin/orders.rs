//! What can be done besides changing members: take a canary further, forget what is cached, warm it.

use std::{io, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
    sync::mpsc,
    time::timeout,
};
use traffic::cache::Purge;

use super::{OwnWays, Problem};
use crate::{clock, connection::Own, state::Shared};

/// Addresses that are warmed by one order.
pub(super) const WARM_MAX: usize = 1_000;

/// How many of them at once: warming is not to push aside who waits.
const WARM_AT_ONCE: usize = 4;

/// Bytes that are on their way from the gateway to itself, on one connection.
const PIPE_BYTES: usize = 64 << 10;

/// For one of them.
const WARM_TIME_MAX: Duration = Duration::from_secs(30);

/// Carries out `POST /canaries/ROUTE/step`, `hold`, `revert` or `finish`.
pub(super) async fn canary(shared: &Arc<Shared>, path: &str) -> Result<Value, Problem> {
    // Names of routes may have slashes in them.
    let (route, order) = path.rsplit_once('/').unwrap_or((path, ""));
    let all = shared.canaries.all(&shared.state().plan);
    let canary = all.into_iter().find(|canary| canary.route == route);
    let canary =
        canary.ok_or_else(|| Problem::unknown("no route of this name tries a new version"))?;
    let news = canary.ordered(order, clock::now());
    let news = news.ok_or_else(|| Problem::unknown("known are step, hold, revert and finish"))?;
    let told = super::canaries::news(&news);
    // Whoever is told may write it to a database that is away; checks of members are on this thread.
    let shared = Arc::clone(shared);
    drop(tokio::task::spawn_blocking(move || shared.canaries.tell(news)).await);
    Ok(told)
}

/// Carries out `POST /cache/purge`: `{"url": …}`, `{"prefix": …}`, `{"tag": …}`, `{"route": …}` or `{"all": true}`,
/// with `"soft": true` to keep what may be answered stale.
pub(super) async fn purge(shared: &Shared, body: &Value) -> Result<Value, Problem> {
    const EXPECTED: &str = "expected one of \"url\", \"prefix\", \"tag\", \"route\" or \"all\": true, and \"soft\": true or not";
    let purge = purge_of(body).ok_or_else(|| Problem::wrong(EXPECTED))?;
    let soft = body.get("soft").and_then(Value::as_bool) == Some(true);
    let forgotten = shared.cache.purge(&purge, soft, clock::now());
    if let Some(disk) = &shared.cache.disk {
        // Once it is answered it holds, even if the process is killed.
        disk.settled().await;
    }
    Ok(json!({"forgotten": forgotten, "soft": soft}))
}

/// What an order to forget names.
pub(crate) fn purge_of(order: &Value) -> Option<Purge> {
    let text = |name: &str| order.get(name).and_then(Value::as_str);
    if let Some(url) = text("url") {
        Purge::url(url)
    } else if let Some(prefix) = text("prefix") {
        Purge::url(&format!("{prefix}*"))
    } else if let Some(tag) = text("tag") {
        Some(Purge::Tag(tag.to_owned()))
    } else if let Some(route) = text("route") {
        Some(Purge::Route(route.to_owned()))
    } else {
        (order.get("all").and_then(Value::as_bool) == Some(true)).then_some(Purge::All)
    }
}

/// Carries out `POST /cache/warm`: `{"urls": ["http://host/path", …]}`, each asked for through the gateway itself.
pub(super) async fn warm(own: &OwnWays, body: &Value) -> Result<Value, Problem> {
    let listed = body.get("urls").and_then(Value::as_array);
    let wrong = || Problem::wrong("expected {\"urls\": [\"http://host/path\"]}, at most 1000");
    let listed = listed.filter(|urls| urls.len() <= WARM_MAX).ok_or_else(wrong)?;
    let urls: Option<Vec<Address>> = listed.iter().map(|url| split(url.as_str()?)).collect();
    let urls = Arc::new(urls.ok_or_else(wrong)?);
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..WARM_AT_ONCE {
        let (own, urls, next) = (Arc::clone(own), Arc::clone(&urls), Arc::clone(&next));
        tasks.spawn_local(async move {
            let mut warmed = 0_usize;
            loop {
                let place = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                // One thread after the other, so that none of them has all the work.
                let (Some(address), Some(way)) = (urls.get(place), own.iter().cycle().nth(place))
                else {
                    return warmed;
                };
                let asked = timeout(WARM_TIME_MAX, fetch(way, address)).await;
                warmed += usize::from(matches!(asked, Ok(Ok(true))));
            }
        });
    }
    let mut warmed = 0;
    while let Some(done) = tasks.join_next().await {
        warmed += done.unwrap_or(0);
    }
    Ok(json!({"asked": urls.len(), "answered": warmed}))
}

/// What is asked for: scheme, host, and path with query.
type Address = (&'static str, String, String);

fn split(url: &str) -> Option<Address> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = ["http", "https"].into_iter().find(|known| *known == scheme)?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(slash)?;
    let path = if path.is_empty() { "/" } else { path };
    let good = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_good = !host.is_empty() && good(host) && good(path);
    is_good.then(|| (scheme, host.to_owned(), path.to_owned()))
}

/// Whether it was answered well, asked for as by a client whose connection is encrypted where the address says so.
async fn fetch(way: &mpsc::Sender<Own>, (scheme, host, path): &Address) -> io::Result<bool> {
    let (mut stream, other) = duplex(PIPE_BYTES);
    let own = Own { stream: other, encrypted: *scheme == "https" };
    // Nobody takes it once the gateway stops.
    way.send(own).await.map_err(|_own| io::ErrorKind::NotConnected)?;
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: taut-warm\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut first = [0; 12];
    stream.read_exact(&mut first).await?;
    let mut rest = vec![0; 16 << 10];
    while stream.read(&mut rest).await? > 0 {}
    Ok(matches!(first.get(9..12), Some([b'2', ..])))
}
