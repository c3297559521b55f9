//! What can be done: drain a member and take that back, change weights, forget what is cached, warm it, read the
//! settings again. Orders about members outlive a reload, not a restart; they are told in `/members`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use http::StatusCode;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use traffic::{cache::Purge, dns, plan::Plan};

use super::Problem;
use crate::{clock, state::Shared};

/// What was ordered of members.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    of: BTreeMap<(String, String), Order>,
    /// The plan as the settings have it.
    pub(crate) base: Plan,
    /// What was found for names of members that are looked up, by host and port.
    pub(crate) found: BTreeMap<String, Found>,
}

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Found {
    /// Its addresses, as of the last time that there were any.
    pub(crate) addresses: BTreeSet<SocketAddr>,
    /// Why it could not be looked up the last time; `None` if it could.
    pub(crate) trouble: Option<String>,
}

/// What was ordered of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Order {
    /// No new requests are sent to it.
    pub(crate) drained: bool,
    /// Its weight, instead of that of the settings.
    weight: Option<u32>,
}

/// Orders at once: more than there are members.
const ORDERS_MAX: usize = 10_000;

/// Weights, as in the settings.
const WEIGHT_MAX: u64 = 1_000;

/// Addresses that are warmed by one order.
pub(super) const WARM_MAX: usize = 1_000;

/// How many of them at once: warming is not to push aside who waits.
const WARM_AT_ONCE: usize = 4;

/// For one of them.
const WARM_TIME_MAX: Duration = Duration::from_secs(30);

impl Orders {
    /// None, beside this plan.
    pub(crate) fn new(base: Plan) -> Self {
        Self { of: BTreeMap::new(), base, found: BTreeMap::new() }
    }

    /// What was ordered of a member.
    pub(crate) fn of(&self, service: &str, address: &str) -> Option<Order> {
        self.of.get(&(service.to_owned(), address.to_owned())).copied()
    }

    /// The settings' plan, with the members that names stand for.
    fn looked_up(&self) -> Plan {
        let mut plan = self.base.clone();
        let found = |name: &str| self.found.get(name).map(|found| &found.addresses);
        for service in &mut plan.services {
            if service.lookup.is_some() {
                service.members = dns::expanded(&service.members, found);
            }
        }
        plan
    }

    /// The settings' plan with what was found and ordered.
    pub(crate) fn plan(&self) -> Plan {
        let mut plan = self.looked_up();
        for service in &mut plan.services {
            for member in &mut service.members {
                if let Some(order) = self.of(&service.name, &member.address) {
                    member.weight = order.weight.unwrap_or(member.weight);
                    if order.drained {
                        member.weight = 0;
                    }
                }
            }
        }
        plan
    }
}

/// Carries out `POST /members/SERVICE/ADDRESS/drain`, `undrain` or `weight`.
pub(super) fn member(shared: &Shared, path: &str, body: &Value) -> Result<Value, Problem> {
    let mut parts = path.splitn(3, '/');
    let (Some(service), Some(address), Some(verb)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(Problem::unknown("expected /members/SERVICE/ADDRESS/drain, undrain or weight"));
    };
    let mut orders = shared.orders.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let known = orders.looked_up();
    let found = known.services.iter().find(|known| known.name == service);
    if !found.is_some_and(|found| found.members.iter().any(|one| one.address == address)) {
        return Err(Problem::unknown("no service of this name has a member of this address"));
    }
    let key = (service.to_owned(), address.to_owned());
    let before = orders.of.get(&key).copied();
    let mut order = before.unwrap_or_default();
    match verb {
        "drain" => order.drained = true,
        "undrain" => order.drained = false,
        "weight" => {
            let weight = body.get("weight").and_then(Value::as_u64).filter(|it| *it <= WEIGHT_MAX);
            let weight = weight.and_then(|weight| u32::try_from(weight).ok());
            let missing = || Problem::wrong("expected {\"weight\": N}, from 0 to 1000");
            order.weight = Some(weight.ok_or_else(missing)?);
        }
        _ => return Err(Problem::unknown("known are drain, undrain and weight")),
    }
    if ORDERS_MAX <= orders.of.len() {
        return Err(Problem::new(StatusCode::CONFLICT, "too many orders stand already"));
    }
    if order == Order::default() {
        orders.of.remove(&key);
    } else {
        orders.of.insert(key.clone(), order);
    }
    let plan = orders.plan();
    let of_service = plan.services.iter().find(|known| known.name == service);
    let left = of_service.is_some_and(|known| known.members.iter().any(|one| one.weight > 0));
    if !left && body.get("force").and_then(Value::as_bool) != Some(true) {
        match before {
            Some(before) => drop(orders.of.insert(key, before)),
            None => drop(orders.of.remove(&key)),
        }
        let detail = "nobody of the service would be left; {\"force\": true} does it all the same";
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    shared.take(plan);
    Ok(json!({
        "service": service, "member": address, "drained": order.drained, "weight": order.weight,
        "lasts": "until it is undone or the gateway is restarted",
    }))
}

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
pub(super) async fn warm(listen: Option<SocketAddr>, body: &Value) -> Result<Value, Problem> {
    let listed = body.get("urls").and_then(Value::as_array);
    let wrong = || Problem::wrong("expected {\"urls\": [\"http://host/path\"]}, at most 1000");
    let listed = listed.filter(|urls| urls.len() <= WARM_MAX).ok_or_else(wrong)?;
    let listen = listen.ok_or_else(|| {
        let detail = "no address without encryption is listened on, through which to warm";
        Problem::new(StatusCode::CONFLICT, detail)
    })?;
    let urls: Option<Vec<(String, String)>> =
        listed.iter().map(|url| split(url.as_str()?)).collect();
    let urls = Arc::new(urls.ok_or_else(wrong)?);
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..WARM_AT_ONCE {
        let (urls, next) = (Arc::clone(&urls), Arc::clone(&next));
        tasks.spawn_local(async move {
            let mut warmed = 0_usize;
            loop {
                let place = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some((host, path)) = urls.get(place) else { return warmed };
                let asked = timeout(WARM_TIME_MAX, fetch(listen, host, path)).await;
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

/// Host and path of an address.
fn split(url: &str) -> Option<(String, String)> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(slash)?;
    let path = if path.is_empty() { "/" } else { path };
    let good = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    (!host.is_empty() && good(host) && good(path)).then(|| (host.to_owned(), path.to_owned()))
}

/// Whether it was answered well.
async fn fetch(listen: SocketAddr, host: &str, path: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(listen).await?;
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
