//! Names of members, looked up again for as long as the gateway runs: addresses come and go as members do, and what was
//! known stays when nobody answers.
//!
//! Whom the system asks (`/etc/hosts` and the like), or a name server that the settings name, whose answers say how
//! long they count.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher as _, RandomState},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use traffic::dns::{self, ADDRESSES_MAX, ANSWER_BYTES_MAX, Answer, Kind};

use crate::state::Shared;

/// How often it looks whether there is a new plan, or a name is due.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// How long a name server has to answer; it is asked twice.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// How often one is asked, at most, for a name that it says counts for no time at all.
const INTERVAL_MIN: Duration = Duration::from_secs(1);

/// Names that are looked up, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Wanted {
    /// By host and port, the longest time between two look-ups.
    names: BTreeMap<String, Duration>,
    resolver: Option<SocketAddr>,
}

/// What came of looking up a name.
type LookedUp = Result<(BTreeSet<SocketAddr>, Option<Duration>), String>;

/// Looks names up for as long as the gateway runs.
#[expect(clippy::infinite_loop, reason = "it ends with the runtime that it is in")]
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut generation = 0;
    let mut wanted = Wanted::default();
    let mut due: BTreeMap<String, Instant> = BTreeMap::new();
    loop {
        let now_in_force = shared.generation.load(Ordering::Acquire);
        if generation != now_in_force {
            generation = now_in_force;
            let new = wanted_of(&shared);
            if new.resolver != wanted.resolver {
                due.clear();
            }
            due.retain(|name, _| new.names.contains_key(name));
            wanted = new;
        }
        let now = Instant::now();
        let names =
            wanted.names.iter().filter(|(name, _)| due.get(*name).is_none_or(|at| *at <= now));
        let mut asks = JoinSet::new();
        for (name, interval) in names {
            let (name, interval, resolver) = (name.clone(), *interval, wanted.resolver);
            asks.spawn_local(async move {
                let looked_up = look_up(&name, resolver).await;
                (name, interval, looked_up)
            });
        }
        let mut came = Vec::new();
        while let Some(done) = asks.join_next().await {
            let Ok((name, interval, looked_up)) = done else { continue };
            let counts = looked_up.as_ref().map_or(None, |(_, counts)| *counts);
            let wait = counts.map_or(interval, |ttl| interval.min(ttl.max(INTERVAL_MIN)));
            due.insert(name.clone(), Instant::now() + wait);
            came.push((name, looked_up));
        }
        if !came.is_empty() {
            learn(&shared, &wanted, came);
        }
        sleep(LOOK_INTERVAL).await;
    }
}

/// What the plan wants to be looked up.
fn wanted_of(shared: &Shared) -> Wanted {
    let orders = shared.orders.lock().unwrap_or_else(PoisonError::into_inner);
    let mut names: BTreeMap<String, Duration> = BTreeMap::new();
    for service in &orders.told().services {
        let Some(lookup) = service.lookup else { continue };
        for member in &service.members {
            if member.address.parse::<SocketAddr>().is_err() {
                let interval = names.entry(member.address.clone()).or_insert(lookup.interval);
                *interval = lookup.interval.min(*interval);
            }
        }
    }
    Wanted { names, resolver: orders.base.resolver }
}

/// Takes what came; members change only if addresses did.
fn learn(shared: &Shared, wanted: &Wanted, came: Vec<(String, LookedUp)>) {
    let mut orders = shared.orders.lock().unwrap_or_else(PoisonError::into_inner);
    orders.found.retain(|name, _| wanted.names.contains_key(name));
    let mut has_changed = false;
    for (name, looked_up) in came {
        let known = orders.found.entry(name).or_default();
        match looked_up {
            Ok((addresses, _)) => {
                has_changed |= known.addresses != addresses;
                known.addresses = addresses;
                known.trouble = None;
            }
            // What was known stays.
            Err(why) => known.trouble = Some(why),
        }
    }
    if has_changed {
        shared.take(orders.plan());
    }
}

/// The addresses of a host and port, and for how long they count, if that is known. None is trouble.
async fn look_up(name: &str, resolver: Option<SocketAddr>) -> LookedUp {
    let Some((host, port)) = name.rsplit_once(':') else { return Err("it has no port".to_owned()) };
    let port = port.parse().map_err(|_unread| "it has no port".to_owned())?;
    let (found, counts) = match resolver {
        Some(server) => asked(server, host).await?,
        None => (of_system(host).await?, None),
    };
    if found.is_empty() {
        return Err("it has no address".to_owned());
    }
    let found = found.into_iter().take(ADDRESSES_MAX);
    Ok((found.map(|address| SocketAddr::new(address, port)).collect(), counts))
}

/// As the system finds it: of both kinds IPv4 alone, since the same host is one member.
async fn of_system(host: &str) -> Result<BTreeSet<IpAddr>, String> {
    let found = timeout(ANSWER_TIME_MAX * 2, tokio::net::lookup_host((host, 0))).await;
    let found = found.map_err(|_elapsed| "nobody answered in time".to_owned())?;
    let found = found.map_err(|error| error.to_string())?;
    let all: BTreeSet<IpAddr> = found.map(|address| address.ip()).collect();
    let four: BTreeSet<IpAddr> = all.iter().copied().filter(IpAddr::is_ipv4).collect();
    Ok(if four.is_empty() { all } else { four })
}

/// As a name server says it; IPv6 where there is no IPv4.
async fn asked(
    server: SocketAddr,
    host: &str,
) -> Result<(BTreeSet<IpAddr>, Option<Duration>), String> {
    for kind in [Kind::A, Kind::Aaaa] {
        match ask(server, host, kind).await? {
            Answer::Addresses(found, counts) if !found.is_empty() => {
                return Ok((found, Some(counts)));
            }
            Answer::Addresses(..) | Answer::Cut => {}
            Answer::Failed(code) => return Err(format!("{server} could not say (code {code})")),
            Answer::NoHost => return Err(format!("{server} knows no such host")),
        }
    }
    Ok((BTreeSet::new(), None))
}

/// Asks twice: a packet may be lost.
async fn ask(server: SocketAddr, host: &str, kind: Kind) -> Result<Answer, String> {
    let mut trouble = String::new();
    for _ in 0..2 {
        // A number that nobody guesses, and a port by chance: what others send is no answer.
        let id = u16::try_from(RandomState::new().hash_one(host) & 0xFFFF).unwrap_or_default();
        let question = dns::question(id, host, kind);
        let question = question.ok_or_else(|| "it is no name".to_owned())?;
        let read = |bytes: &[u8]| dns::answer(bytes, id, host, kind);
        let told = timeout(ANSWER_TIME_MAX, once(server, &question, read)).await;
        match told {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => trouble = format!("{server}: {error}"),
            Err(_elapsed) => trouble = format!("{server} did not answer in time"),
        }
    }
    Err(trouble)
}

/// By UDP, and by TCP if the answer does not fit.
async fn once(
    server: SocketAddr,
    question: &[u8],
    read: impl Fn(&[u8]) -> Option<Answer>,
) -> io::Result<Answer> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut bytes = vec![0; ANSWER_BYTES_MAX];
    let answer = loop {
        let count = socket.recv(&mut bytes).await?;
        // Whatever is no answer to this question is somebody else's, or nothing.
        if let Some(answer) = bytes.get(..count).and_then(&read) {
            break answer;
        }
    };
    if answer != Answer::Cut {
        return Ok(answer);
    }
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).unwrap_or(u16::MAX);
    stream.write_all(&[&length.to_be_bytes()[..], question].concat()).await?;
    let length = usize::from(stream.read_u16().await?);
    let bytes = bytes.get_mut(..length).unwrap_or_default();
    stream.read_exact(bytes).await?;
    read(bytes)
        .filter(|answer| *answer != Answer::Cut)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "what came by TCP is no answer"))
}
