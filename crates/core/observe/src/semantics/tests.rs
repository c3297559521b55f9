//! Spans as real instrumentations emit them, and what must be read from them.

use model::{Attributes, Parameters, Resource, SpanKind, Value};

use super::*;
use crate::testing::{Say as _, span};

fn read(span: &Span) -> Call {
    call(span, &mut Statements::default())
}

fn client(name: &str) -> Span {
    span(name).kind(SpanKind::Client).id(2, 1)
}

fn server(name: &str) -> Span {
    span(name).kind(SpanKind::Server)
}

fn postgres(name: &str, text: &str) -> Span {
    client(name).with("db.system", "postgresql").with("db.statement", text)
}

/// The work in one line.
fn told(span: &Span) -> String {
    match read(span).work {
        Work::Request(request) => {
            let background = if request.background { " in the background" } else { "" };
            format!("request {}{background}", request.operation)
        }
        Work::Statement(statement) => format!("statement {}", statement.text.text.to_lowercase()),
        Work::Connect { system, pooled } => {
            format!("connect {system}{}", if pooled { " from a pool" } else { "" })
        }
        Work::Transaction { system } => format!("transaction {system}"),
        Work::Cache { system, operation, key } => format!("cache {system} {operation} {key}"),
        Work::Http(http) => format!("http {} {} {}", http.method, http.host, http.template),
        Work::Mail { peer } => format!("mail {peer}"),
        Work::Send { system, destination } => format!("send {system} {destination}"),
        Work::Render { template } => format!("render {template}"),
        Work::Own => "own".to_owned(),
        Work::Missing => "missing".to_owned(),
    }
}

fn check(span: &Span, expected: &str) {
    assert_eq!(told(span), expected, "{span:#?}");
}

fn parameters(span: &Span) -> Parameters {
    read(span).statement().expect("a statement").parameters
}

#[test]
fn django_requests_are_called_by_their_route() {
    let django = server("GET api/orders/<int:pk>/")
        .with("http.method", "GET")
        .with("http.target", "/api/orders/17/?expand=items&page=2")
        .with("http.route", "api/orders/<int:pk>/")
        .int("http.status_code", 200);
    check(&django, "request GET /api/orders/<int:pk>/");
    let call = read(&django);
    let request = call.request().unwrap();
    assert_eq!(
        (request.path.as_str(), request.query.as_str()),
        ("/api/orders/17/", "expand=items&page=2")
    );
    assert_eq!((request.status, request.method.as_str()), (200, "GET"));
    let router = server("GET")
        .with("http.method", "GET")
        .with("http.route", r"^orders/(?P<pk>[^/.]+)/items\.json$");
    check(&router, "request GET /orders/{pk}/items.json");
    let nested = server("GET")
        .with("http.method", "GET")
        .with("http.route", r"^a/(?P<x>(a|b)+)/(?P<y>\d+)/?$");
    check(&nested, "request GET /a/{x}/{y}/");
}

#[test]
fn new_names_are_read_as_old_ones() {
    let new = server("GET /orders/{id}")
        .with("http.request.method", "get")
        .with("url.path", "/orders/17")
        .with("url.query", "a=1")
        .with("http.route", "/orders/{id}")
        .int("http.response.status_code", 503)
        .int("http.response.body.size", 1234)
        .value(
            "http.response.header.content-encoding",
            Value::List(vec![Value::Text(Text::from("gzip"))]),
        );
    check(&new, "request GET /orders/{id}");
    let call = read(&new);
    assert!(call.failed, "a status of 503 is a failure of the server");
    let request = call.request().unwrap();
    assert_eq!((request.response_bytes, request.compressed), (Some(1234), Some(true)));
    assert_eq!((request.query.as_str(), request.status), ("a=1", 503));
}

#[test]
fn requests_without_route_are_called_by_their_path_without_its_variable_parts() {
    let bare = |target: &str| server("GET").with("http.method", "GET").with("http.target", target);
    check(&bare("/orders/17/items?x=1"), "request GET /orders/{id}/items");
    check(&bare("/u/5f2c1a9e-77aa-4c1d-9a55-0d9f3c2b1a00"), "request GET /u/{id}");
    check(&bare("/"), "request GET /");
    let caught = bare("/orders/17").with("http.route", "/*");
    check(&caught, "request GET /orders/{id}");
    let mounted = bare("/api/orders").with("http.route", "/");
    check(&mounted, "request GET /api/orders");
    let url = server("GET")
        .with("http.method", "GET")
        .with("http.url", "https://shop.example/orders/17?x=1");
    check(&url, "request GET /orders/{id}");
    check(
        &server("OrdersController#index").with("http.method", "GET"),
        "request GET OrdersController#index",
    );
}

#[test]
fn a_root_that_answers_http_is_a_request_whatever_its_kind() {
    let root = span("request").with("http.method", "GET").with("http.target", "/orders");
    check(&root, "request GET /orders");
    check(&root.id(2, 1), "own");
    check(&span("nightly report"), "own");
}

#[test]
fn what_asgi_and_express_add_is_the_services_own() {
    let sent = span("GET /orders http send")
        .id(2, 1)
        .with("asgi.event.type", "http.response.body")
        .int("http.status_code", 200);
    check(&sent, "own");
    let middleware = span("middleware - jsonParser")
        .id(2, 1)
        .with("express.type", "middleware")
        .with("http.route", "/");
    check(&middleware, "own");
}

#[test]
fn messages_are_handled_in_the_background() {
    let celery = span("run/shop.tasks.mail")
        .kind(SpanKind::Consumer)
        .scope("opentelemetry.instrumentation.celery")
        .with("celery.task_name", "shop.tasks.mail")
        .with("celery.action", "run")
        .with("messaging.destination", "celery");
    check(&celery, "request process shop.tasks.mail in the background");
    let kafka = span("orders process").kind(SpanKind::Consumer).with("messaging.system", "kafka");
    check(&kafka, "request process orders in the background");
    let sent = span("apply_async/shop.tasks.mail")
        .kind(SpanKind::Producer)
        .scope("opentelemetry.instrumentation.celery")
        .with("celery.task_name", "shop.tasks.mail");
    check(&sent, "send celery shop.tasks.mail");
    let sqs = client("Orders send")
        .with("messaging.system", "aws_sqs")
        .with("messaging.operation", "publish");
    check(&sqs.with("messaging.destination.name", "orders"), "send aws_sqs orders");
}

#[test]
fn procedures_are_called_and_answered_by_service_and_method() {
    let grpc = |span: Span| {
        span.with("rpc.system", "grpc")
            .with("rpc.service", "shop.Orders")
            .with("rpc.method", "List")
    };
    check(&grpc(server("shop.Orders/List")), "request shop.Orders/List");
    let call =
        grpc(client("shop.Orders/List")).with("server.address", "orders").int("server.port", 50051);
    check(&call, "http List orders:50051 shop.Orders");
}

#[test]
fn statements_are_read_from_old_and_new_names() {
    check(
        &postgres("SELECT", "SELECT name FROM users WHERE id = %s"),
        "statement select name from users where id = ?",
    );
    let new = client("SELECT users")
        .with("db.system.name", "postgresql")
        .with("db.query.text", "SELECT name FROM users WHERE id = $1");
    check(&new, "statement select name from users where id = ?");
    let alchemy = postgres("SELECT shop", "SELECT name FROM users WHERE id = %s")
        .with("db.operation", "SELECT shop");
    check(&alchemy, "statement select name from users where id = ?");
    let rust = client("query").with("db.statement", "SELECT name FROM users WHERE id = $1");
    check(&rust, "statement select name from users where id = ?");
}

#[test]
fn statements_without_text_are_told_by_operation_and_table() {
    let bare = client("SELECT shop.users").with("db.system", "mysql");
    check(
        &bare.clone().with("db.operation", "SELECT").with("db.sql.table", "users"),
        "statement select from users",
    );
    check(&bare.with("db.query.summary", "SELECT users orders"), "statement select users orders");
    let find = client("mongodb.find").with("db.system", "mongodb").with("db.operation", "find");
    let find = find.with("db.mongodb.collection", "users");
    check(&find, "statement find users");
    let read = read(
        &find.with("db.statement", r#"{"filter":{"email":"eve@example.com","age":{"$gt":17}}}"#),
    );
    let statement = read.statement().unwrap();
    assert!(!statement.text.text.contains("eve"), "{}", statement.text.text);
    assert!(!statement.text.text.contains("17"), "{}", statement.text.text);
    assert!(matches!(statement.parameters, Parameters::Known(_)));
}

#[test]
fn parameters_are_hashed_wherever_they_are() {
    let hidden = postgres("SELECT", "SELECT name FROM users WHERE id = %s");
    assert_eq!(parameters(&hidden), Parameters::Hidden);
    let bound = |id: &str| parameters(&hidden.clone().with("db.statement.parameters", id));
    assert!(matches!(bound("(17,)"), Parameters::Known(_)));
    assert_ne!(bound("(17,)"), bound("(18,)"));
    assert_eq!(bound("(17,)"), bound("(17,)"));
    let named = |one: &str, two: &str| {
        let span =
            hidden.clone().with("db.query.parameter.b", two).with("db.query.parameter.a", one);
        parameters(&span)
    };
    assert_eq!(named("1", "2"), named("1", "2"));
    assert_ne!(named("1", "2"), named("2", "1"));
    let swapped =
        hidden.clone().with("db.query.parameter.a", "1").with("db.query.parameter.b", "2");
    assert_eq!(named("1", "2"), parameters(&swapped), "the order of attributes does not matter");
    let inlined = |id: u32| {
        parameters(&postgres("SELECT", &format!("SELECT name FROM users WHERE id = {id}")))
    };
    assert_ne!(inlined(17), inlined(18));
}

#[test]
fn rows_and_batches_are_counted() {
    let statement = postgres("SELECT", "SELECT 1")
        .int("db.response.returned_rows", 12)
        .int("db.operation.batch.size", 3);
    let call = read(&statement);
    let statement = call.statement().unwrap();
    assert_eq!((statement.returned_rows, statement.batch_size), (Some(12), 3));
    let changed = read(&postgres("UPDATE", "UPDATE a SET b = 1").int("db.rows_affected", 3));
    assert_eq!(changed.statement().unwrap().returned_rows, None, "changed rows did not come back");
}

#[test]
fn connections_are_opened_or_taken_from_a_pool() {
    let system = |name: &str| client(name).with("db.system", "postgresql");
    check(&system("connect"), "connect postgresql");
    check(&system("pg.connect"), "connect postgresql");
    check(&system("sql.connector.connect"), "connect postgresql");
    check(&system("pg-pool.connect"), "connect postgresql from a pool");
    check(&system("pool.acquire"), "connect postgresql from a pool");
    check(&span("HikariDataSource.getConnection").id(2, 1), "connect other_sql from a pool");
    check(&span("prisma:engine:connection").id(2, 1), "connect other_sql from a pool");
    check(&client("PDO::__construct").with("db.system.name", "mysql"), "connect mysql");
}

#[test]
fn transactions_are_told_from_statements() {
    for text in ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s1", "SET search_path TO shop"] {
        check(&postgres("x", text), "transaction postgresql");
    }
    check(&client("sql.conn.begin_tx").with("db.system", "postgresql"), "transaction postgresql");
    check(&client("BEGIN").with("db.system", "postgresql"), "transaction postgresql");
    check(&postgres("prepare SELECT", "SELECT 1"), "transaction postgresql");
    check(&span("Transaction.commit").id(2, 1), "transaction other_sql");
    check(&client("sql.rows").with("db.system", "postgresql"), "own");
}

#[test]
fn prismas_layers_are_its_own_but_for_the_statement() {
    check(&span("prisma:client:operation").id(2, 1).with("model", "User"), "own");
    check(&span("prisma:engine:query").id(2, 1), "own");
    check(&span("prisma:client:serialize").id(2, 1), "own");
    let query = span("prisma:engine:db_query").id(2, 1).with("db.statement", "SELECT 1 FROM users");
    check(&query, "statement select ? from users");
    check(
        &client("prisma:engine:db_query")
            .with("db.system", "postgresql")
            .with("db.query.text", "BEGIN"),
        "transaction postgresql",
    );
    check(
        &client("prisma:client:db_query")
            .with("db.system.name", "postgresql")
            .with("db.query.text", "SELECT 1"),
        "statement select ?",
    );
}

#[test]
fn caches_are_not_databases() {
    let redis = |text: &str| client("GET").with("db.system", "redis").with("db.statement", text);
    check(&redis("GET ?"), "cache redis GET ");
    check(&redis("get user:17:profile"), "cache redis GET user:{id}:profile");
    let ioredis = client("hmset")
        .with("db.system", "redis")
        .with("db.statement", "hmset session:8f2c1a9e77aa4c1d x [1 other arguments]");
    check(&ioredis, "cache redis HMSET session:{id}");
    check(
        &client("get").with("db.system", "memcached").with("db.operation", "get"),
        "cache memcached GET ",
    );
    check(&client("connect").with("db.system", "redis"), "connect redis");
}

#[test]
fn remote_calls_are_told_by_method_host_and_template() {
    let requests = client("GET")
        .with("http.method", "GET")
        .with("http.url", "https://user:pass@api.example.com:443/customers/17?key=1");
    check(&requests, "http GET api.example.com /customers/{id}");
    let new = client("GET")
        .with("http.request.method", "GET")
        .with("url.full", "http://orders:8080/v1/orders/17")
        .int("http.response.status_code", 429)
        .int("http.request.resend_count", 2);
    check(&new, "http GET orders:8080 /v1/orders/{id}");
    let call = read(&new);
    let http = call.http().unwrap();
    assert_eq!((http.status, http.resend_count), (429, 2));
    let ruby = client("HTTP GET")
        .with("http.method", "GET")
        .with("http.target", "/x/9")
        .with("net.peer.name", "api");
    check(&ruby.int("net.peer.port", 443), "http GET api /x/{id}");
    let template = new.with("url.template", "/v1/orders/{order}");
    check(&template, "http GET orders:8080 /v1/orders/{order}");
    let hash = |url: &str| read(&client("GET").with("url.full", url)).http().unwrap().url_hash;
    assert_ne!(hash("http://a/1"), hash("http://a/2"));
}

#[test]
fn mail_is_told_by_name_scope_or_port() {
    check(&span("send_mail").id(2, 1), "mail ");
    check(&span("django.core.mail.EmailMessage.send_mail").id(2, 1), "mail ");
    check(&client("smtp.send").with("net.peer.name", "mx.example.com"), "mail mx.example.com");
    check(&client("send").with("server.address", "mx").int("server.port", 587), "mail mx");
    check(&span("deliver.action_mailer").id(2, 1), "mail ");
    check(&span("validate_email").id(2, 1), "own");
    let provider = client("POST")
        .with("http.method", "POST")
        .with("http.url", "https://api.mail.example/v3/send");
    check(&provider, "http POST api.mail.example /v3/send");
}

#[test]
fn templates_are_rendered() {
    let jinja = span("jinja2.render").id(2, 1).with("jinja2.template_name", "orders.html");
    check(&jinja, "render orders.html");
    let rails = span("render_template.action_view")
        .id(2, 1)
        .scope("OpenTelemetry::Instrumentation::ActionView");
    check(
        &rails.with("identifier", "app/views/orders/index.html.erb"),
        "render app/views/orders/index.html.erb",
    );
    check(&span("Render orders/list").id(2, 1), "render orders/list");
}

#[test]
fn a_summary_counts_for_what_it_stands_for() {
    let summary = postgres("SELECT", "SELECT 1")
        .micros(100, 900)
        .value("aggregation.is_summary", Value::Bool(true))
        .int("aggregation.span_count", 60);
    let apart = read(&summary.clone().int("aggregation.duration_total_ns", 300_000));
    assert_eq!((apart.count, apart.duration().as_micros()), (60, 300));
    let side_by_side = read(&summary.clone().int("aggregation.duration_total_ns", 9_000_000));
    assert_eq!(side_by_side.duration().as_micros(), 800);
    assert_eq!(read(&summary.int("aggregation.duration_total_ns", -1)).count, 60);
    assert_eq!(read(&span("x").int("aggregation.span_count", i64::MAX)).count, 1);
}

fn code(span: &Span) -> Option<String> {
    let place = *read(span).code?;
    Some(format!("{} {}:{}", place.function, place.file, place.line))
}

#[test]
fn the_code_is_where_attributes_say_unless_that_is_a_library() {
    assert_eq!(
        code(
            &span("x")
                .with("code.function", "list")
                .with("code.namespace", "shop.views")
                .with("code.filepath", "/app/views.py")
                .int("code.lineno", 7)
        ),
        Some("shop.views.list /app/views.py:7".to_owned())
    );
    assert_eq!(
        code(
            &span("x")
                .with("code.function.name", "com.acme.Orders.list")
                .int("code.line.number", 7)
        ),
        Some("com.acme.Orders.list :7".to_owned())
    );
    assert_eq!(code(&span("x")), None);
    assert_eq!(
        code(
            &span("x")
                .with("code.function", "execute")
                .with("code.filepath", "/usr/lib/python3/dist-packages/psycopg2/x.py")
        ),
        None
    );
}

#[test]
fn the_code_is_the_nearest_frame_outside_of_libraries() {
    let stack = |text: &str| code(&span("x").with("code.stacktrace", text)).unwrap_or_default();
    assert_eq!(
        stack(
            "  File \"/app/manage.py\", line 22, in main\n    main()\n  File \"/app/shop/views.py\", line 41, in list_orders\n    x\n  File \"/venv/lib/python3.13/site-packages/django/db/models/query.py\", line 9, in __iter__\n    y\n"
        ),
        "list_orders /app/shop/views.py:41"
    );
    assert_eq!(
        stack(
            "java.lang.Throwable\n\tat org.hibernate.loader.Loader.load(Loader.java:9)\n\tat com.acme.OrderService.load(OrderService.java:42)\n\tat com.acme.Main.main(Main.java:1)"
        ),
        "com.acme.OrderService.load OrderService.java:42"
    );
    assert_eq!(
        stack(
            "Error\n    at Client.query (/app/node_modules/pg/lib/client.js:1:1)\n    at async loadOrders (/app/src/orders.js:10:5)\n    at process.x (node:internal/process:9:9)"
        ),
        "loadOrders /app/src/orders.js:10"
    );
    assert_eq!(
        stack(
            "/usr/local/bundle/gems/pg-1.5/lib/pg.rb:3:in `exec'\n/app/models/order.rb:12:in `items'"
        ),
        "items /app/models/order.rb:12"
    );
    assert_eq!(
        stack(
            "goroutine 1 [running]:\ngorm.io/gorm.(*DB).Find(0x1)\n\t/go/pkg/mod/gorm.io/gorm/finisher.go:1 +0x1\nmain.listOrders(0x2)\n\t/app/main.go:33 +0x1d"
        ),
        "main.listOrders /app/main.go:33"
    );
    assert_eq!(
        stack(
            "   at Microsoft.EntityFrameworkCore.Query.X()\n   at Acme.Orders.Load(Int32 id) in /src/Orders.cs:line 42"
        ),
        "Acme.Orders.Load /src/Orders.cs:42"
    );
    assert_eq!(
        stack(
            "#0 /app/vendor/laravel/x.php(1): Illuminate\\X->y()\n#1 /app/Orders.php(12): App\\Orders->load(17)"
        ),
        "App\\Orders->load /app/Orders.php:12"
    );
}

#[test]
fn comments_in_statements_tell_the_code_where_nothing_else_does() {
    let code = |text: &str| code(&postgres("SELECT", text));
    assert_eq!(
        code("SELECT 1 /*controller='orders%3Alist',framework='django%3A5.1',route='%5Eorders'*/"),
        Some("orders:list :0".to_owned())
    );
    assert_eq!(
        code(
            "SELECT 1 /*application:Shop,controller:orders,action:index,line:/app/models/order.rb:12:in `items'*/"
        ),
        Some("orders#index /app/models/order.rb:12".to_owned())
    );
    assert_eq!(code("/*file='src/orders.js'*/ SELECT 1"), Some(" src/orders.js:0".to_owned()));
    assert_eq!(code("SELECT 1 /* plain words */"), None);
}

#[test]
fn attributes_that_may_tell_fast_from_slow_are_kept() {
    let mut request = server("GET")
        .with("http.method", "GET")
        .with("http.target", "/orders?expand=items&17=x")
        .int("http.status_code", 200)
        .with("tenant.id", "acme")
        .with("user.tier", "gold")
        .value("cache.hit", Value::Bool(false))
        .with("user.id", "17")
        .with("request.url", "https://x.example/")
        .with("request_time", "2026-11-21T10:00:00Z")
        .with("build", "5f2c1a9e77aa4c1d9a550d9f")
        .int("order.items", 40)
        .with("http.user_agent", "curl")
        .with("long", &"x".repeat(200));
    let resource =
        [("service.name", "shop"), ("k8s.pod.name", "shop-1"), ("service.version", "1.2")];
    let attributes = resource.map(|(key, value)| (Text::from(key), Value::Text(Text::from(value))));
    request.resource =
        Arc::new(Resource { attributes: Attributes(attributes.to_vec()), ..Resource::default() });
    let call = read(&request);
    let kept: Vec<String> = call
        .request()
        .unwrap()
        .attributes
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    assert_eq!(
        kept,
        [
            "?expand=present",
            "cache.hit=false",
            "http.method=GET",
            "http.status_code=200",
            "k8s.pod.name=shop-1",
            "order.items=40",
            "service.version=1.2",
            "tenant.id=acme",
            "user.tier=gold",
        ]
    );
    for number in 0..100 {
        request = request.int(&format!("feature.{number}"), number);
    }
    assert_eq!(read(&request).request().unwrap().attributes.len(), 32);
}

#[test]
fn segments_that_name_one_thing_among_many_are_variable() {
    let variable = [
        "17",
        "5f2c1a9e-77aa-4c1d-9a55-0d9f3c2b1a00",
        "deadbeef01",
        "17-red-shoes",
        "red-shoes-17",
        "eve@example.com",
        "eve%40example.com",
        "2026-11-21",
        "AbCdEfGhIjKlMnOpQrStUv",
        "order12345",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "12,13",
    ];
    for segment in variable {
        assert!(template::is_variable(segment), "{segment}");
    }
    let constant = [
        "orders",
        "v1",
        "v2.1",
        "api",
        "oauth2",
        "s3",
        "red-shoes",
        "{id}",
        ":id",
        "<int:pk>",
        "index.html",
        "",
        "customer_orders_with_details",
        "OrdersController",
        "getCustomerOrdersByStatus",
    ];
    for segment in constant {
        assert!(!template::is_variable(segment), "{segment}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_anywhere_is_read(key: usize, text: String, name: String, kind in 0..6_usize) {
        const KEYS: &[&str] = &[
            "db.statement", "db.system", "code.stacktrace", "http.url", "http.target", "http.route", "http.method", "rpc.method",
            "messaging.destination.name", "db.query.summary", "db.sql.table", "url.full", "net.peer.name", "aggregation.span_count",
        ];
        const KINDS: &[SpanKind] = &[
            SpanKind::Unspecified, SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer,
        ];
        let span = span(&name).kind(KINDS[kind]).with(KEYS[key % KEYS.len()], &text).with("db.system", "mongodb");
        proptest::prop_assert_eq!(read(&span), read(&span));
    }
}
