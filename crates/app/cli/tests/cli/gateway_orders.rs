//! Orders of the Gateway page: carried out by the gateway within `taut up`, and by one of another process through its admin
//! port.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::fix_gateway::{Origin, Spoken, json_of};

/// Far more than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

const UP: [&str; 8] =
    ["up", "--grpc", "off", "--http", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--config"];

/// Settings with two members, and a cache for what is below `/kept/`.
fn settings(folder: &str, origins: &[Origin; 2], admin: &str) -> String {
    let [one, two] = origins.each_ref().map(|origin| origin.address);
    format!(
        "[store]\nfolder = \"{folder}\"\n[gateway]\nlisten = \"127.0.0.1:0\"\nadmin = \"{admin}\"\n\
         admin-token = \"a-long-secret-for-tests\"\nworkers = 1\n\
         [gateway.service.shop]\nmembers = [\"{one}\", \"{two}\"]\n\
         [[gateway.route]]\nname = \"kept\"\nservice = \"shop\"\npaths = [\"/kept/*\"]\n\
         cache = {{ ttl = \"5m\", tags = [\"item-{{2}}\"] }}\n\
         [[gateway.route]]\nname = \"all\"\nservice = \"shop\"\n"
    )
}

/// Status and JSON of the answer to a POST.
fn post(address: SocketAddr, path: &str, order: &Value) -> (u16, Value) {
    let order = order.to_string();
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(
        stream,
        "POST /api/v1/gateway/{path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{order}",
        order.len()
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("there is a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let told = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    (status.expect("there is a status"), told)
}

/// The status of the answer to a request through the gateway.
fn get(gateway: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(gateway).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n")
        .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer.split(' ').nth(1).expect("there is a status").to_owned()
}

/// Gives every order by the API of `pages`, and looks at what comes of it at `gateway`.
fn check(pages: SocketAddr, gateway: SocketAddr, origins: &[Origin; 2]) {
    let [one, two] = origins;
    let member = |origin: &Origin, order: Value| {
        let mut whole = json!({"service": "shop", "member": origin.address.to_string()});
        let order = order.as_object().cloned().expect("an object");
        whole.as_object_mut().expect("an object").extend(order);
        post(pages, "members", &whole)
    };
    let seen = || json_of(pages, "/api/v1/gateway")["gateway"].clone();

    let (status, told) = member(one, json!({"order": "drain"}));
    assert_eq!((status, &told["drained"]), (200, &json!(true)), "{told}");
    let before = one.asked();
    assert!((0..6).all(|_| get(gateway, "/") == "200"));
    assert_eq!(one.asked(), before, "it is drained");
    assert_eq!(seen()["services"][0]["members"][0]["drained"], true);
    // The last one only on purpose.
    let (status, told) = member(two, json!({"order": "drain"}));
    assert_eq!((status, &told["type"]), (409, &json!("urn:taut:gateway-refused")), "{told}");
    assert_eq!(member(two, json!({"order": "drain", "force": true})).0, 200);
    assert_eq!(get(gateway, "/"), "503");
    for origin in origins {
        assert_eq!(member(origin, json!({"order": "undrain"})).0, 200);
    }
    assert_eq!(get(gateway, "/"), "200");
    assert_eq!(member(one, json!({"order": "weight", "weight": 5})).0, 200);
    assert_eq!(seen()["services"][0]["members"][0]["weight"], 5);
    assert_eq!(member(one, json!({"order": "weight", "weight": 1_001})).0, 400);
    assert_eq!(member(one, json!({"order": "weight"})).0, 400);
    let nobody = json!({"service": "shop", "member": "127.0.0.1:1", "order": "drain"});
    assert_eq!(post(pages, "members", &nobody).0, 404);

    let urls = json!({"urls": ["http://shop/kept/a", "http://shop/kept/b", "http://shop/kept/c"]});
    assert_eq!(post(pages, "warm", &urls), (200, json!({"asked": 3, "answered": 3})));
    // The last of them may be put in its place just after it was answered.
    let began = Instant::now();
    while seen()["cache"]["entries"] != 3 {
        assert!(began.elapsed() < PATIENCE, "{}", seen());
        thread::sleep(Duration::from_millis(20));
    }
    let purge = |order: Value| {
        let (status, told) = post(pages, "purge", &order);
        assert_eq!(status, 200, "{order}: {told}");
        told["forgotten"].clone()
    };
    assert_eq!(purge(json!({"url": "http://shop/kept/a"})), 1);
    assert_eq!(purge(json!({"tag": "item-b"})), 1);
    assert_eq!(purge(json!({"tag": "item-b"})), 0);
    assert_eq!(purge(json!({"all": true})), 1);
    assert_eq!(seen()["cache"]["entries"], 0);
    assert_eq!(post(pages, "warm", &json!({"urls": ["/kept/a"]})).0, 400);
    let canary = json!({"route": "all", "order": "step"});
    assert_eq!(post(pages, "canaries", &canary).0, 404);
}

#[test]
fn orders_are_carried_out_by_the_gateway_of_this_process_or_of_another() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let (path, store) = (folder.path().join("taut.toml"), folder.path().join("data"));
    let (file, store) = (path.display().to_string(), store.display().to_string());
    let origins = [Origin::start(), Origin::start()];
    let write = |admin: &str| {
        fs::write(&path, settings(&store, &origins, admin)).expect("it can be written to");
    };
    write("off");
    let here = Spoken::start(&[&UP[..], &[&file]].concat());
    check(here.address("pages"), here.address("gateway"), &origins);
    drop(here);

    write("127.0.0.1:0");
    let away = Spoken::start(&["gateway", "--no-watch", "--config", &file]);
    write(&away.address("admin").to_string());
    let beside = Spoken::start(&[&UP[..], &[&file]].concat());
    let pages = beside.address("pages");
    check(pages, away.address("listens"), &origins);
    drop(away);
    let (status, told) = post(pages, "purge", &json!({"all": true}));
    assert_eq!((status, &told["type"]), (503, &json!("urn:taut:gateway-away")), "{told}");
}
