//! nginx, `HAProxy` and Varnish as proxies of the same origin, each with one thread and as its own documents advise.

use std::{fs, net::SocketAddr, path::Path};

use crate::{
    Outcome,
    process::{Server, free_address},
};

/// What a proxy does besides passing on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    Passing,
    Caching,
    /// With gzip.
    Compressing,
    /// With brotli, which only nginx can, by a module.
    Brotli,
    /// TLS towards clients.
    Encrypting,
    /// HTTP/2 without TLS towards clients.
    Two,
}

/// Where Debian puts nginx's module.
pub(crate) const BROTLI: &str = "/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so";

/// nginx over a folder.
pub(crate) fn origin(folder: &Path, core: usize) -> Outcome<Server> {
    let root = folder.display();
    let inner = format!(
        "location / {{ root {root}; }} location /cached/ {{ alias {root}/; expires 1h; }} \
         location /small {{ return 200 \"ok\"; }}"
    );
    nginx(folder, "origin", core, free_address()?, "", "", &inner)
}

/// nginx as a proxy.
pub(crate) fn nginx_proxy(
    folder: &Path,
    core: usize,
    origin: SocketAddr,
    doing: Doing,
) -> Outcome<Server> {
    let at = folder.display();
    let (outer, inner) = match doing {
        Doing::Caching => (
            format!("proxy_cache_path {at}/nginx-cache keys_zone=z:10m;"),
            "proxy_cache z; proxy_cache_valid 200 1h;".to_owned(),
        ),
        Doing::Compressing => (
            "gzip on; gzip_types application/json; gzip_comp_level 1; gzip_proxied any;".to_owned(),
            String::new(),
        ),
        Doing::Brotli => (
            // The level at which the gateway works unless told otherwise.
            "brotli on; brotli_types application/json; brotli_comp_level 1;".to_owned(),
            String::new(),
        ),
        _ => Default::default(),
    };
    let listen = match doing {
        Doing::Encrypting => {
            format!("ssl; ssl_certificate {at}/chain.pem; ssl_certificate_key {at}/key.pem")
        }
        Doing::Two => "http2".to_owned(),
        _ => String::new(),
    };
    let outer = format!("{outer} upstream origin {{ server {origin}; keepalive 128; }}");
    let inner = format!(
        "location / {{ {inner} proxy_pass http://origin; proxy_http_version 1.1; \
         proxy_set_header Connection \"\"; proxy_set_header Host $host; \
         proxy_set_header X-Forwarded-For $remote_addr; }}"
    );
    let name = format!("nginx-{doing:?}");
    nginx(folder, &name, core, free_address()?, &outer, &listen, &inner)
}

#[expect(
    clippy::too_many_arguments,
    reason = "each is a thing of its own, and there is one caller"
)]
fn nginx(
    folder: &Path,
    name: &str,
    core: usize,
    address: SocketAddr,
    outer: &str,
    listen: &str,
    inner: &str,
) -> Outcome<Server> {
    let at = folder.join(name);
    fs::create_dir_all(&at)?;
    let at = at.display();
    let file = folder.join(format!("{name}.conf"));
    let module =
        if outer.contains("brotli") { format!("load_module {BROTLI};\n") } else { String::new() };
    let text = format!(
        "{module}daemon off; worker_processes 1; pid {at}/pid; error_log {at}/error.log crit;\n\
         worker_rlimit_nofile 20000; events {{ worker_connections 12000; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 10m; sendfile on;\n\
         tcp_nopush on; types {{ }} default_type application/json; {outer}\n\
         client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;\n\
         uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n\
         server {{ listen {address} reuseport backlog=4096 {listen}; {inner} }} }}\n"
    );
    fs::write(&file, text)?;
    let path = file.display().to_string();
    Server::start("nginx", core, address, &["nginx", "-c", &path])
}

/// `HAProxy` with one thread.
pub(crate) fn haproxy(
    folder: &Path,
    core: usize,
    origin: SocketAddr,
    doing: Doing,
) -> Outcome<Server> {
    let address = free_address()?;
    let at = folder.display();
    let (outer, inner) = match doing {
        Doing::Caching => (
            "cache c\n total-max-size 64\n max-object-size 1000000\n max-age 3600\n",
            "http-request cache-use c\n http-response cache-store c\n",
        ),
        Doing::Compressing => ("", "compression algo gzip\n compression type application/json\n"),
        _ => ("", ""),
    };
    let bind = match doing {
        Doing::Encrypting => format!("ssl crt {at}/both.pem"),
        Doing::Two => "proto h2".to_owned(),
        _ => String::new(),
    };
    let text = format!(
        "global\n nbthread 1\n maxconn 12000\n no strict-limits\n\
         defaults\n mode http\n timeout connect 5s\n timeout client 10m\n timeout server 1m\n\
         http-reuse always\n option forwardfor\n{outer}\
         frontend f\n bind {address} {bind}\n default_backend b\n\
         backend b\n {inner} server o {origin}\n"
    );
    let file = folder.join(format!("haproxy-{doing:?}.cfg"));
    fs::write(&file, text)?;
    let path = file.display().to_string();
    Server::start("haproxy", core, address, &["haproxy", "-db", "-f", &path])
}

/// Varnish, which caches.
pub(crate) fn varnish(folder: &Path, core: usize, origin: SocketAddr) -> Outcome<Server> {
    let address = free_address()?;
    let state = folder.join("varnish");
    fs::create_dir_all(&state)?;
    let (listen, origin) = (address.to_string(), origin.to_string());
    let state = state.display().to_string();
    let words = ["varnishd", "-F", "-a", &listen, "-b", &origin, "-n", &state, "-s", "malloc,64m"];
    Server::start("varnish", core, address, &words)
}
