//! Orders to forget, as gateways tell each other: a stream in Redis, so that who was away hears of what was missed, and knows
//! where that cannot be.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ::redis::{Pipeline, RedisError, Value, aio::MultiplexedConnection, cmd, pipe};
use tokio::time::{sleep, timeout};
use traffic::{
    cache::{OrderId, Orders, Purge},
    redis::{Patience, RedisSettings},
};

use super::ORDERS_MAX;
use crate::{
    cache::{Cache, disk::Disk, lock},
    clock,
    redis::{Redis, connection},
    state::Shared,
};

/// Orders that Redis keeps for who was away, about.
const KEPT: usize = 10_000;

/// How long one question waits for an order, and for how long an answer is waited for then.
const BLOCK: Duration = Duration::from_secs(2);
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How long the disk waits for the orders that were missed while this gateway was down.
const FIRST_MAX: Duration = Duration::from_secs(2);

/// How often it is looked whether anything is shared.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Asks for the orders after this one.
pub(super) fn since(asked: &mut Pipeline, redis: &Redis, heard: OrderId) {
    let next = OrderId { count: heard.count.saturating_add(1), ..heard };
    let stream = redis.key(&["orders"]);
    asked.cmd("XRANGE").arg(stream).arg(next.to_string()).arg("+").arg("COUNT").arg(ORDERS_MAX);
}

/// How many orders an answer has.
pub(super) fn count(orders: &Value) -> usize {
    match orders {
        Value::Array(all) => all.len(),
        _ => 0,
    }
}

/// Hears of the orders of an answer, and forgets what they say.
pub(super) fn hear(cache: &Cache, orders: &Value) {
    let Value::Array(all) = orders else { return };
    // What was kept on disk from before this process knows of these already.
    let known = cache.disk.as_ref().map(|disk| disk.restored().0).unwrap_or_default();
    for entry in all {
        let Some((id, order)) = read(entry) else { continue };
        // Known once here, it is not old any more for who looks next: forgotten first.
        let mut orders = lock(&cache.common.orders);
        let is_own = orders.sent().any(|sent| sent.nonce == order.nonce);
        let is_new = orders.heard() < id;
        // A mark: nobody who waits for an answer is to ask anew because of it.
        let is_mark = order.purge == Purge::Tag(String::new());
        if is_new && !is_own && !is_mark && known < id {
            cache.purge_here(&order.purge, order.soft, clock::now());
        }
        orders.hear(id, order.nonce, order.purge);
        drop(orders);
        // Before that it is not known whether there were others before this one.
        if let Some(disk) = cache.disk.as_ref().filter(|_| !cache.common.is_behind()) {
            disk.heard(id);
        }
    }
}

/// An order as it is in the stream.
struct Order {
    nonce: u64,
    soft: bool,
    purge: Purge,
}

fn read(entry: &Value) -> Option<(OrderId, Order)> {
    let Value::Array(parts) = entry else { return None };
    let [id, Value::Array(fields)] = &parts[..] else { return None };
    let id = OrderId::parse(text(id)?)?;
    let field = |name: &str| {
        let (pairs, _) = fields.as_chunks::<2>();
        pairs.iter().find(|[key, _]| text(key) == Some(name)).and_then(|[_, value]| text(value))
    };
    let words = [field("kind")?, field("host")?, field("what")?];
    // Of a kind that this version does not know: nothing is known to be kept.
    let purge = Purge::of_words(words).unwrap_or(Purge::All);
    let nonce = field("nonce")?.parse().ok()?;
    Some((id, Order { nonce, soft: field("soft") == Some("1"), purge }))
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

/// Tells and hears of orders, for as long as the gateway runs.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        let settings = sharing(&shared);
        if settings.is_none()
            && let Some(disk) = &shared.cache.disk
        {
            disk.awaits_no_more();
        }
        if let Some(settings) = settings {
            let changed = async {
                while sharing(&shared).as_ref() == Some(&settings) {
                    sleep(LOOK_INTERVAL).await;
                }
            };
            tokio::select! {
                () = keep(&shared.cache, &settings) => {}
                () = changed => {}
            }
        }
        sleep(LOOK_INTERVAL).await;
    }
}

/// Through which Redis answers are shared, if they are.
fn sharing(shared: &Shared) -> Option<RedisSettings> {
    let state = shared.state();
    let shares =
        state.plan.routes.iter().any(|route| route.cache.as_ref().is_some_and(|rule| rule.shared));
    state.plan.redis.clone().filter(|_| shares)
}

/// Keeps telling and hearing, whatever becomes of the connections.
async fn keep(cache: &Arc<Cache>, settings: &RedisSettings) {
    let mut tries = 0;
    if let Some(disk) = &cache.disk {
        // What was missed is missed there as well.
        disk.seen().await;
    }
    loop {
        let connected = async {
            let mut listening = timeout(ANSWER_MAX, connection(settings)).await.ok()?.ok()?;
            let speaking = timeout(ANSWER_MAX, connection(settings)).await.ok()?.ok()?;
            timeout(ANSWER_MAX, catch_up(cache, settings, &mut listening)).await.ok()?.ok()?;
            cache.common.is_caught_up.store(true, Ordering::Release);
            let heard = cache.common.heard();
            if let Some(disk) = cache.disk.as_ref().filter(|_| heard != OrderId::default()) {
                disk.heard(heard);
            }
            Some((listening, speaking))
        };
        let connected = match &cache.disk {
            Some(disk) if disk.awaits() => first(cache, disk, connected).await,
            _ => connected.await,
        };
        if let Some((listening, speaking)) = connected {
            tries = 0;
            tokio::select! {
                _ = listen(cache, settings, listening) => {}
                _ = speak(cache, settings, speaking) => {}
            }
        }
        sleep(Patience::pause(tries)).await;
        tries += 1;
    }
}

/// What comes of the first try. Until then nobody looks on the disk; where nobody tells what was missed, what is there only
/// stands in.
async fn first<T>(
    cache: &Cache,
    disk: &Disk,
    connected: impl Future<Output = Option<T>>,
) -> Option<T> {
    let connected = timeout(FIRST_MAX, connected).await.ok().flatten();
    if connected.is_none() {
        cache.purge_here(&Purge::All, true, clock::now());
    }
    disk.awaits_no_more();
    connected
}

/// Hears of what was missed; where that cannot be known, forgets everything.
async fn catch_up(
    cache: &Cache,
    settings: &RedisSettings,
    connection: &mut MultiplexedConnection,
) -> Result<(), RedisError> {
    let stream = format!("{}:orders", settings.prefix);
    let mut heard = cache.common.heard();
    // Who looked for an answer meanwhile has heard of some, not of what came before them.
    let is_first = !cache.common.is_caught_up.load(Ordering::Acquire);
    let (restored, any) = cache.disk.as_ref().map(|disk| disk.restored()).unwrap_or_default();
    if is_first && any {
        heard = restored;
    }
    // Nothing was there that could have been missed.
    let is_empty = is_first && !any && heard == OrderId::default();
    let mut asked = pipe();
    asked.cmd("XREVRANGE").arg(&stream).arg("+").arg("-").arg("COUNT").arg(Orders::KNOWN_MAX);
    asked.cmd("XRANGE").arg(&stream).arg(heard.to_string()).arg(heard.to_string());
    let (latest, known): (Value, Value) = asked.query_async(connection).await?;
    let Value::Array(mut latest) = latest else { return Ok(()) };
    let newest = latest.first().and_then(read).map(|(id, _)| id).unwrap_or_default();
    let oldest = latest.last().and_then(read).map(|(id, _)| id).unwrap_or_default();
    let all_there = latest.len() < Orders::KNOWN_MAX;
    if latest.is_empty() {
        // A mark, which forgets nothing: who has heard of it knows later whether this is the same sequence.
        let mut mark = cmd("XADD");
        mark.arg(&stream).arg("*").arg("nonce").arg(0).arg("soft").arg(0);
        mark.arg("kind").arg("tag").arg("host").arg("").arg("what").arg("");
        let _id: String = mark.query_async(connection).await?;
    }
    latest.reverse();
    if heard != OrderId::default() && count(&known) == 0 {
        // What was heard last is not there any more: nor may be what came after it. Numbers begin anew, since it may be
        // another server, whose clock is behind.
        cache.purge_here(&Purge::All, false, clock::now());
        lock(&cache.common.orders).begin_anew(newest);
        if let Some(disk) = &cache.disk {
            disk.heard_anew(newest);
        }
        return Ok(());
    }
    let reaches = all_there || oldest <= heard;
    if !reaches {
        if !is_empty {
            cache.purge_here(&Purge::All, false, clock::now());
        }
        lock(&cache.common.orders).begin(oldest);
    }
    hear(cache, &Value::Array(latest));
    Ok(())
}

/// Hears of orders; returns when the connection is of no more use.
async fn listen(
    cache: &Cache,
    settings: &RedisSettings,
    mut connection: MultiplexedConnection,
) -> Option<()> {
    let stream = format!("{}:orders", settings.prefix);
    loop {
        let mut asked = cmd("XREAD");
        asked.arg("COUNT").arg(ORDERS_MAX).arg("BLOCK").arg(BLOCK.as_millis().to_string());
        asked.arg("STREAMS").arg(&stream).arg(cache.common.heard().to_string());
        let answer = timeout(BLOCK + ANSWER_MAX, asked.query_async(&mut connection)).await;
        let answer: Value = answer.ok()?.ok()?;
        // One stream: its name, and what is in it.
        if let Value::Array(streams) = answer
            && let Some(Value::Array(one)) = streams.first()
            && let Some(orders) = one.get(1)
        {
            hear(cache, orders);
        }
    }
}

/// Tells others of this gateway's orders; returns when the connection is of no more use.
async fn speak(
    cache: &Cache,
    settings: &RedisSettings,
    mut connection: MultiplexedConnection,
) -> Option<()> {
    let stream = format!("{}:orders", settings.prefix);
    let mut told = None;
    loop {
        let next: Vec<_> = {
            let orders = lock(&cache.common.orders);
            let is_next = |nonce: u64| told.is_none_or(|told| told < nonce);
            orders.sent().filter(|sent| is_next(sent.nonce)).cloned().collect()
        };
        for sent in &next {
            let [kind, host, what] = sent.purge.words();
            let mut order = cmd("XADD");
            order.arg(&stream).arg("MAXLEN").arg("~").arg(KEPT).arg("*");
            order.arg("nonce").arg(sent.nonce).arg("soft").arg(u8::from(sent.soft));
            order.arg("kind").arg(kind).arg("host").arg(host).arg("what").arg(what);
            let added = timeout(ANSWER_MAX, order.query_async(&mut connection)).await;
            let _id: String = added.ok()?.ok()?;
            told = Some(sent.nonce);
        }
        if next.is_empty() {
            cache.common.sent.notified().await;
        }
    }
}
