//! One request through the fleet, and its spans.

use std::{sync::Arc, time::Duration};

use model::{
    Attributes, Moment, Resource, Scope, Span, SpanId, SpanKind, Status, StatusCode, Text, TraceId,
    Value,
};

use super::Process;
use crate::made::Dice;

/// Spans of one request.
pub(super) const SPANS_EACH: u64 = 10;

/// Processes of each service.
const PODS: usize = 4;

/// Services, and what each has tables of.
const SERVICES: &[(&str, &[&str])] = &[
    ("orders", &["orders", "order_items", "baskets", "coupons"]),
    ("catalogue", &["products", "categories", "prices", "photos"]),
    ("payments", &["payments", "refunds", "accounts", "currencies"]),
    ("people", &["users", "addresses", "sessions", "consents"]),
    ("stock", &["parcels", "warehouses", "shipments", "carriers"]),
    ("search", &["documents", "synonyms", "queries", "facets"]),
];

const ROUTES: &[&str] = &["", "/{id}", "/{id}/history", "/recent", "/{id}/notes", "/summary"];

const AGENTS: &[&str] = &[
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.1 Safari/605.1.15",
    "shop-app/8.4.1 (iPhone; iOS 20.1)",
    "okhttp/5.2.1",
];

/// All processes: those of the gateway first.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) processes: Vec<Process>,
}

/// What the spans of one request have in common.
struct Request<'a> {
    fleet: &'a Fleet,
    trace_id: TraceId,
    now: Moment,
    /// How much slower than usual.
    times: u64,
    spans: Vec<(usize, Span)>,
}

impl Fleet {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let names = std::iter::once("gateway").chain(SERVICES.iter().map(|(name, _)| *name));
        let pods = names.flat_map(|name| (0..PODS as u64).map(move |pod| (name, pod)));
        let processes = pods.map(|(name, pod)| process(name, pod, dice)).collect();
        Self { processes }
    }

    /// The spans of one request, each with the process that sends it, in the order in which they end.
    pub(super) fn request(&self, begin: Moment, dice: &mut Dice) -> Vec<(usize, Span)> {
        let place = usize::try_from(dice.below(SERVICES.len() as u64)).unwrap_or(0);
        let (service, tables) = SERVICES[place];
        let table = *dice.pick(tables);
        let route = format!("/api/{table}{}", dice.pick(ROUTES));
        let path = route.replace("{id}", &dice.below(2_000_000).to_string());
        let tenant = dice.below(200);
        // One tenant's history is slow, and a few of all requests are.
        let is_slow = tenant == 17 && route.ends_with("history") || dice.below(200) == 0;
        let mut trace_id = [0; 16];
        trace_id[..8].copy_from_slice(&dice.next().to_be_bytes());
        trace_id[8..].copy_from_slice(&dice.next().to_be_bytes());
        let mut request = Request {
            fleet: self,
            trace_id: TraceId(trace_id),
            now: begin,
            times: if is_slow { 20 + dice.below(80) } else { 1 },
            spans: Vec::new(),
        };
        let pod = |dice: &mut Dice, first: usize| {
            first * PODS + usize::try_from(dice.below(PODS as u64)).unwrap_or(0)
        };
        let (gateway, own) = (pod(dice, 0), pod(dice, place + 1));
        let ids: Vec<SpanId> = (0..4).map(|_| SpanId(dice.next().to_be_bytes())).collect();
        let failed = dice.below(100) == 0;
        for number in 0..4 {
            let table = *dice.pick(tables);
            request.statement((own, ids[2]), table, number, dice);
        }
        request.cache(own, ids[2], tenant, dice);
        request.own(own, (ids[3], ids[2]), tenant, dice);
        request.statement((own, ids[3]), table, 9, dice);
        let end = request.now + Duration::from_micros(200 + dice.below(400));
        let caller = (tenant, dice.below(50_000), *dice.pick(AGENTS));
        let what = (route.as_str(), path.as_str(), service);
        request.entry(own, (ids[2], Some(ids[1])), (begin, end), what, caller, failed, dice);
        request.remote(gateway, ids[1], ids[0], (begin, end), what, failed, dice);
        request.entry(gateway, (ids[0], None), (begin, end), what, caller, failed, dice);
        request.spans
    }
}

fn process(name: &str, pod: u64, dice: &mut Dice) -> Process {
    let pod_name = format!("{name}-{:08x}-{pod:05}", dice.next() & 0xffff_ffff);
    let resource = Resource {
        attributes: Attributes(vec![
            text("service.name", name),
            text("service.version", &format!("2026.11.{}", 10 + pod)),
            text("service.namespace", "shop"),
            text("service.instance.id", &format!("{:032x}", u128::from(dice.next()) << 17)),
            text("deployment.environment.name", "production"),
            text("host.name", &format!("node-{:02}.internal", dice.below(12))),
            text("k8s.pod.name", &pod_name),
            text("telemetry.sdk.language", "python"),
            text("telemetry.sdk.name", "opentelemetry"),
            text("telemetry.sdk.version", "1.45.1"),
        ]),
        ..Resource::default()
    };
    let scope = Scope {
        name: "opentelemetry.instrumentation.auto".into(),
        version: "0.66b1".into(),
        ..Scope::default()
    };
    Process { resource: Arc::new(resource), scope: Arc::new(scope) }
}

impl Request<'_> {
    fn push(
        &mut self,
        (process, span_id, parent_id): (usize, SpanId, Option<SpanId>),
        (name, kind): (&str, SpanKind),
        (start, end): (Moment, Moment),
        attributes: Vec<(Text, Value)>,
    ) {
        let Process { resource, scope } = &self.fleet.processes[process];
        let span = Span {
            trace_id: self.trace_id,
            span_id,
            parent_id,
            trace_state: Text::default(),
            flags: 257,
            name: name.into(),
            kind,
            start,
            end,
            attributes: Attributes(attributes),
            dropped_attributes_count: 0,
            events: Vec::new(),
            dropped_events_count: 0,
            links: Vec::new(),
            dropped_links_count: 0,
            status: Status::default(),
            resource: Arc::clone(resource),
            scope: Arc::clone(scope),
        };
        self.spans.push((process, span));
    }

    /// From now on for about so many microseconds.
    fn take(&mut self, micros: u64, dice: &mut Dice) -> (Moment, Moment) {
        let start = self.now + Duration::from_nanos(20_000 + dice.below(300_000));
        let nanos = micros * 500 + dice.below(micros * 1_000);
        let end = start + Duration::from_nanos(nanos * self.times);
        self.now = end;
        (start, end)
    }

    fn statement(
        &mut self,
        (process, parent): (usize, SpanId),
        table: &str,
        number: u64,
        dice: &mut Dice,
    ) {
        let owners = if dice.below(4) == 0 { 1_000_000 } else { 40 };
        let (operation, sql) = match number {
            0 => (
                "SELECT",
                format!(
                    "SELECT {table}.id, {table}.name, {table}.kind, {table}.state, {table}.created_at, {table}.updated_at FROM {table} \
                 WHERE {table}.tenant_id = $1 AND {table}.state IN ($2, $3, $4) ORDER BY {table}.created_at DESC LIMIT $5"
                ),
            ),
            1 => (
                "SELECT",
                format!("SELECT count(*) FROM {table} WHERE tenant_id = $1 AND state = $2"),
            ),
            2 => (
                "SELECT",
                format!(
                    "SELECT {table}.*, people.name AS person FROM {table} JOIN people ON people.id = {table}.person_id \
                 WHERE {table}.id = ANY($1) AND people.active"
                ),
            ),
            9 => (
                "UPDATE",
                format!("UPDATE {table} SET seen_at = now(), seen_by = $1 WHERE id = $2"),
            ),
            // Some write values into their statements.
            _ => (
                "SELECT",
                format!(
                    "SELECT id, name, price_cents FROM {table} WHERE owner_id = {}",
                    dice.below(owners)
                ),
            ),
        };
        let times = self.take(1_500, dice);
        let rows = dice.below(60).cast_signed();
        let attributes = vec![
            text("db.system.name", "postgresql"),
            text("db.namespace", "shop"),
            text("db.query.text", &sql),
            text("db.operation.name", operation),
            text("db.collection.name", table),
            (Text::const_new("db.response.returned_rows"), Value::Int(rows)),
            text("server.address", "db-primary.internal"),
            (Text::const_new("server.port"), Value::Int(5432)),
            text("network.peer.address", "10.0.3.17"),
            (Text::const_new("thread.id"), Value::Int(dice.below(64).cast_signed())),
            text("code.function.name", &format!("shop.{table}.repository.find")),
        ];
        let ids = (process, SpanId(dice.next().to_be_bytes()), Some(parent));
        let name = format!("{operation} {table}");
        self.push(ids, (&name, SpanKind::Client), times, attributes);
    }

    fn cache(&mut self, process: usize, parent: SpanId, tenant: u64, dice: &mut Dice) {
        let times = self.take(300, dice);
        let key = format!("GET settings:{tenant}");
        let attributes = vec![
            text("db.system.name", "redis"),
            text("db.namespace", "0"),
            text("db.operation.name", "GET"),
            text("db.query.text", &key),
            text("server.address", "cache.internal"),
            (Text::const_new("server.port"), Value::Int(6379)),
            text("network.peer.address", "10.0.4.9"),
            (Text::const_new("network.peer.port"), Value::Int(6379)),
            (Text::const_new("cache.hit"), Value::Bool(dice.below(10) != 0)),
            (Text::const_new("thread.id"), Value::Int(dice.below(64).cast_signed())),
        ];
        let ids = (process, SpanId(dice.next().to_be_bytes()), Some(parent));
        self.push(ids, ("GET", SpanKind::Client), times, attributes);
    }

    fn own(
        &mut self,
        process: usize,
        (id, parent): (SpanId, SpanId),
        tenant: u64,
        dice: &mut Dice,
    ) {
        let times = self.take(800, dice);
        let share = Value::Double(f64::from(u32::try_from(dice.below(1_000)).unwrap_or(0)) / 1e3);
        let attributes = vec![
            text("code.function.name", "shop.rules.apply"),
            text("code.file.path", "/srv/shop/rules.py"),
            (Text::const_new("code.line.number"), Value::Int(217)),
            (Text::const_new("thread.id"), Value::Int(dice.below(64).cast_signed())),
            text("thread.name", "worker"),
            text("app.module", "rules"),
            text("app.tenant", &format!("tenant-{tenant}")),
            text("app.flag", if tenant.is_multiple_of(3) { "new-rules" } else { "old-rules" }),
            (Text::const_new("app.rules"), Value::Int(dice.below(30).cast_signed())),
            (Text::const_new("app.share"), share),
        ];
        self.push(
            (process, id, Some(parent)),
            ("apply rules", SpanKind::Internal),
            times,
            attributes,
        );
    }

    #[expect(clippy::too_many_arguments, reason = "made-up data has many sides")]
    fn entry(
        &mut self,
        process: usize,
        ids: (SpanId, Option<SpanId>),
        times: (Moment, Moment),
        (route, path, service): (&str, &str, &str),
        (tenant, user, agent): (u64, u64, &str),
        failed: bool,
        dice: &mut Dice,
    ) {
        let status = if failed { 500 } else { 200 };
        let attributes = vec![
            text("http.request.method", "GET"),
            text("url.scheme", "https"),
            text("url.path", path),
            text("http.route", route),
            (Text::const_new("http.response.status_code"), Value::Int(status)),
            text("server.address", if ids.1.is_none() { "shop.example" } else { service }),
            (Text::const_new("server.port"), Value::Int(if ids.1.is_none() { 443 } else { 8080 })),
            text("client.address", &format!("10.{}.{}.7", user % 16, tenant)),
            text("network.protocol.version", if ids.1.is_none() { "2" } else { "1.1" }),
            text("user_agent.original", agent),
            text("user.id", &format!("user-{user}")),
            text("app.tenant", &format!("tenant-{tenant}")),
            (
                Text::const_new("http.response.body.size"),
                Value::Int(dice.below(60_000).cast_signed()),
            ),
        ];
        self.push(
            (process, ids.0, ids.1),
            (&format!("GET {route}"), SpanKind::Server),
            times,
            attributes,
        );
        if let (true, Some((_, span))) = (failed, self.spans.last_mut()) {
            span.status = Status { code: StatusCode::Error, message: "internal error".into() };
        }
    }

    #[expect(clippy::too_many_arguments, reason = "made-up data has many sides")]
    fn remote(
        &mut self,
        process: usize,
        id: SpanId,
        parent: SpanId,
        times: (Moment, Moment),
        (route, path, service): (&str, &str, &str),
        failed: bool,
        dice: &mut Dice,
    ) {
        let status = if failed { 500 } else { 200 };
        let attributes = vec![
            text("http.request.method", "GET"),
            text("url.full", &format!("http://{service}.internal:8080{path}")),
            text("url.template", route),
            (Text::const_new("http.response.status_code"), Value::Int(status)),
            text("server.address", &format!("{service}.internal")),
            (Text::const_new("server.port"), Value::Int(8080)),
            text("network.protocol.version", "1.1"),
            text("network.peer.address", "10.0.7.1"),
            text("peer.service", service),
            (Text::const_new("thread.id"), Value::Int(dice.below(64).cast_signed())),
        ];
        self.push((process, id, Some(parent)), ("GET", SpanKind::Client), times, attributes);
    }
}

fn text(key: &'static str, value: &str) -> (Text, Value) {
    (Text::const_new(key), Value::Text(value.into()))
}
