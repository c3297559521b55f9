//! A real server behind the gateway: what comes through it is what comes from the server itself.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use crate::kit::{ask, eventually, plan, start};

/// nginx over a folder, on a free port; ended when dropped.
pub(crate) struct Nginx {
    process: Child,
    pub(crate) address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Nginx {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder, a file, a port");
        let at = folder.path().display();
        let address = TcpListener::bind("127.0.0.1:0")
            .expect("a folder, a file, a port")
            .local_addr()
            .expect("a folder, a file, a port");
        fs::write(folder.path().join("large"), "0123456789".repeat(200_000))
            .expect("a folder, a file, a port");
        fs::write(folder.path().join("small"), "small").expect("a folder, a file, a port");
        let text = format!(
            "daemon off; worker_processes 1; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ worker_connections 512; }}\n\
             http {{ access_log off; etag on; client_body_temp_path {at}/b; proxy_temp_path {at}/p;\n\
             fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n\
             server {{ listen {address}; root {at}; gzip on; gzip_types *; gzip_proxied any; }} }}\n"
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, text).expect("a folder, a file, a port");
        let process = Command::new("nginx")
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is installed: `cargo xtask setup`");
        let nginx = Self { process, address, _folder: folder };
        eventually("nginx", || TcpStream::connect(address).is_ok());
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Told to end, it takes its worker along; killed, it would leave it behind.
        let told = Command::new("kill").arg(self.process.id().to_string()).status();
        assert!(told.is_ok_and(|status| status.success()));
        drop(self.process.wait());
    }
}

/// An answer without what changes from second to second or is for one hop.
fn told(answer: &str) -> String {
    let lower = answer.to_ascii_lowercase();
    let (head, body) = lower.split_once("\r\n\r\n").expect("a head");
    let hop = |line: &&str| !line.starts_with("date:") && !line.starts_with("connection:");
    // The words after a status mean nothing, and are not passed on.
    let phrase =
        |line| if str::starts_with(line, "http/") { crate::kit::status(line) } else { line };
    let mut lines: Vec<&str> = head.lines().filter(hop).map(phrase).collect();
    lines.sort_unstable();
    format!("{}\n\n{} bytes: {}", lines.join("\n"), body.len(), body.get(..20).unwrap_or(body))
}

#[test]
fn every_answer_is_as_the_server_gives_it() {
    let nginx = Nginx::start();
    let gateway = start(plan(&[nginx.address]));
    for request in [
        "GET /small HTTP/1.1\r\n",
        "GET /large HTTP/1.1\r\n",
        "HEAD /large HTTP/1.1\r\n",
        "GET /large HTTP/1.1\r\nrange: bytes=5-14\r\n",
        "GET /large HTTP/1.1\r\nrange: bytes=99999999-\r\n",
        "GET /large HTTP/1.1\r\naccept-encoding: gzip\r\n",
        "GET /small HTTP/1.1\r\nif-modified-since: Fri, 01 Jan 2100 00:00:00 GMT\r\n",
        "GET /nowhere HTTP/1.1\r\n",
        "POST /small HTTP/1.1\r\ncontent-length: 3\r\n",
        "OPTIONS /small HTTP/1.1\r\n",
    ] {
        let body = if request.starts_with("POST") { "abc" } else { "" };
        let whole = format!("{request}host: a\r\nconnection: close\r\n\r\n{body}");
        let (direct, through) = (ask(nginx.address, &whole), ask(gateway.address, &whole));
        assert_eq!(told(&through), told(&direct), "{request}");
    }
}
