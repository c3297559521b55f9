//! What the tests share: gateways of a plan, origins that do as they are told, and clients that send what
//! they like, byte by byte.

pub(crate) mod disk;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use gateway::Gateway;
use traffic::{
    cache::CacheRule,
    plan::{Listen, Member, Plan, Route, Service},
};

/// Longer than anything here takes on a machine that is not broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What counts requests that are being answered: those that most tests send.
pub(crate) const ACTIVE: &str =
    "http_server_active_requests{http_request_method=\"GET\",url_scheme=\"http\"}";

/// A gateway of one service and one route, on a free port.
pub(crate) struct Running {
    gateway: Option<Gateway>,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
}

/// A plan of one service of these members, and one route to it.
pub(crate) fn plan(members: &[SocketAddr]) -> Plan {
    let member = |address: &SocketAddr| Member::new(address.to_string());
    Plan {
        listen: vec![Listen::plain(([127, 0, 0, 1], 0).into())],
        admin: Some(([127, 0, 0, 1], 0).into()),
        workers: 1,
        drain: Duration::from_secs(5),
        services: vec![Service::new("app", members.iter().map(member).collect())],
        routes: vec![Route::to("all", 0)],
        ..Plan::default()
    }
}

pub(crate) fn start(plan: Plan) -> Running {
    let gateway = Gateway::start(plan).expect("a gateway on free ports");
    let address = gateway.listens()[0];
    let admin = gateway.admin().expect("the plan has an admin port");
    Running { gateway: Some(gateway), address, admin }
}

/// A plan of one service of this member, and one route to it with a cache.
pub(crate) fn cached(rule: CacheRule, origin: &Origin) -> Plan {
    let mut plan = plan(&[origin.address]);
    plan.routes = vec![Route { cache: Some(rule), ..Route::to("all", 0) }];
    plan
}

impl Running {
    /// One of another process.
    pub(crate) fn elsewhere(address: SocketAddr, admin: SocketAddr) -> Self {
        Self { gateway: None, address, admin }
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().expect("it runs until it is dropped")
    }

    pub(crate) fn stop(mut self) {
        self.gateway.take().expect("it runs").stop();
    }

    /// Orders something by the admin port, whose token is `sesame`.
    pub(crate) fn order(&self, path: &str, body: &str) -> String {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer sesame\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        );
        ask(self.admin, &head)
    }

    /// A page of the admin port, for who shows the token that is `sesame`.
    pub(crate) fn told(&self, path: &str) -> String {
        get_with(self.admin, path, "authorization: Bearer sesame\r\n")
    }

    /// A page of the admin port.
    pub(crate) fn page(&self, path: &str) -> String {
        get(self.admin, path)
    }

    /// The value of a metric's line that begins like this.
    pub(crate) fn metric(&self, line: &str) -> f64 {
        let page = self.told("/metrics");
        let line = page.lines().find_map(|known| known.strip_prefix(line));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            gateway.stop();
        }
    }
}

/// A server of HTTP/1.1 that answers each request, as it came, with the bytes that a function gives.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

/// What an origin does with a request.
pub(crate) enum Reply {
    /// Sends these bytes, and waits for the next request.
    Send(Vec<u8>),
    /// Sends these bytes, and closes.
    SendAndClose(Vec<u8>),
    /// Closes, without a word.
    Close,
    /// Never answers.
    Hang,
}

pub(crate) fn ok(body: &str) -> Reply {
    Reply::Send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into())
}

/// An answer with these header lines.
pub(crate) fn answer(headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Send(
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into(),
    )
}

/// An origin whose answers are numbered.
pub(crate) fn counting(headers: &'static str) -> Origin {
    let number = AtomicU32::new(0);
    Origin::start(move |_| {
        answer(headers, &format!("answer {}", number.fetch_add(1, Ordering::Relaxed)))
    })
}

impl Origin {
    pub(crate) fn start(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST, 0, reply).expect("a free port")
    }

    /// One at this address of this machine, if the port is free there.
    pub(crate) fn start_at(
        address: Ipv4Addr,
        port: u16,
        reply: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind((address, port))?;
        let address = listener.local_addr()?;
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (told, reply) = (Arc::clone(&seen), Arc::new(reply));
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (told, reply) = (Arc::clone(&told), Arc::clone(&reply));
                thread::spawn(move || converse(stream, &told, &*reply));
            }
        });
        Ok(Self { address, seen })
    }

    /// One that is given the bodies of requests, which may be any bytes.
    pub(crate) fn start_bytes(reply: impl Fn(&[u8]) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let reply = Arc::new(reply);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let reply = Arc::clone(&reply);
                thread::spawn(move || converse_bytes(stream, &*reply));
            }
        });
        Self { address, seen: Arc::default() }
    }

    /// One that runs already, in another process.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { address, seen: Arc::default() }
    }

    /// Requests that came, each from its first byte to its last.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("nobody panics with it").clone()
    }
}

fn converse(stream: TcpStream, seen: &Mutex<Vec<String>>, reply: &dyn Fn(&str) -> Reply) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut writer = stream;
    while let Some(request) = read_request(&mut reader) {
        seen.lock().expect("nobody panics with it").push(request.clone());
        let (bytes, close) = match reply(&request) {
            Reply::Send(bytes) => (bytes, false),
            Reply::SendAndClose(bytes) => (bytes, true),
            Reply::Close => return,
            Reply::Hang => {
                thread::sleep(PATIENCE);
                return;
            }
        };
        if writer.write_all(&bytes).is_err() || close {
            return;
        }
    }
}

fn converse_bytes(stream: TcpStream, reply: &dyn Fn(&[u8]) -> Reply) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut writer = stream;
    loop {
        let mut length = 0;
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let told = line.to_ascii_lowercase();
            if let Some(told) = told.strip_prefix("content-length:") {
                length = told.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        if let Reply::Send(bytes) = reply(&body)
            && writer.write_all(&bytes).is_err()
        {
            return;
        }
    }
}

/// One request, with its body as it came on the wire.
fn read_request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        if reader.read_line(&mut text).ok()? == 0 {
            return None;
        }
    }
    let head = text.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    if let Some(length) = length {
        let mut body = vec![0; length.trim().parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        text.push_str(&String::from_utf8_lossy(&body));
    } else if head.contains("transfer-encoding: chunked") {
        // The last chunk and the trailers after it.
        while !text.ends_with("\r\n0\r\n\r\n") && !text.contains("\r\n0\r\n") {
            if reader.read_line(&mut text).ok()? == 0 {
                return None;
            }
        }
        while !text.ends_with("\r\n\r\n") {
            if reader.read_line(&mut text).ok()? == 0 {
                return None;
            }
        }
    }
    Some(text)
}

/// A connection to a server.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Sends these bytes, and reads until the server closes.
pub(crate) fn ask(address: SocketAddr, bytes: &str) -> String {
    let mut stream = connect(address);
    // A server that has heard enough may close before it has heard all.
    let _all = stream.write_all(bytes.as_bytes());
    read_all(&mut stream)
}

/// A way through the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// Its own, for plain HTTP/1.1.
    Plain,
    /// Through hyper, which has a connection from the first thing on that the other does not know.
    Hyper,
}

impl Path {
    pub(crate) const BOTH: [Self; 2] = [Self::Plain, Self::Hyper];

    /// A line for the head of a request that makes it go this way.
    pub(crate) fn line(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Hyper => "upgrade: none\r\n",
        }
    }
}

/// Sends these bytes on this way, and reads until the server closes. On hyper's a harmless request comes first, whose
/// answer is left out, so that nothing but hyper sees the others.
pub(crate) fn ask_on(path: Path, address: SocketAddr, bytes: &str) -> String {
    let mut stream = connect(address);
    if path == Path::Hyper {
        let first = "GET /first HTTP/1.1\r\nhost: a\r\nupgrade: none\r\n\r\n";
        stream.write_all(first.as_bytes()).expect("it is open");
        read_until(&mut stream, "\r\n\r\nx");
    }
    // A server that has heard enough may close before it has heard all.
    let _all = stream.write_all(bytes.as_bytes());
    read_all(&mut stream)
}

/// Asks for something on this way, after which the connection is closed.
pub(crate) fn on(path: Path, address: SocketAddr, target: &str) -> String {
    let head =
        format!("GET {target} HTTP/1.1\r\nhost: a\r\n{}connection: close\r\n\r\n", path.line());
    ask(address, &head)
}

pub(crate) fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&answer)),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until what was read ends like this.
pub(crate) fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(end.as_bytes()) {
        match stream.read(&mut byte) {
            Ok(1) => answer.push(byte[0]),
            _ => panic!("it ended after {:?}", String::from_utf8_lossy(&answer)),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// A request for a path, after which the connection is closed.
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"))
}

/// The same with these header lines.
pub(crate) fn get_with(address: SocketAddr, path: &str, headers: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: a\r\n{headers}connection: close\r\n\r\n"))
}

/// The value of a header of an answer.
pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

pub(crate) fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or(answer)
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what} did not come about");
        thread::sleep(Duration::from_millis(20));
    }
}
