//! Members that speak HTTP/2, or are encrypted: real servers of hyper and rustls, and certificates made for them.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{Either, Full};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    runtime::Runtime,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;
use traffic::plan::Certificate;

/// Certificates that were made, in a folder that lasts as long as this.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A certificate for these names, which is its own authority.
    pub(crate) fn certificate(&self, file: &str, names: &[&str]) -> Certificate {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let (chain, key) = (self.path(&format!("{file}.pem")), self.path(&format!("{file}.key")));
        std::fs::write(&chain, made.cert.pem()).expect("the folder is there");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("the folder is there");
        Certificate { chain, key }
    }
}

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) version: Version,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) scheme: String,
    /// The common part of the client's certificates: how many it showed.
    pub(crate) certificates: usize,
}

/// A member.
pub(crate) struct Member {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Came>>>,
    pub(crate) connections: Arc<AtomicUsize>,
    /// Told to let connections end after what is under way.
    ending: watch::Sender<u32>,
    runtime: Option<Runtime>,
}

/// How it is spoken to.
pub(crate) enum Speaks {
    /// HTTP/2, at once.
    Two,
    /// What is agreed on.
    Encrypted(Box<ServerConfig>),
}

/// What a server shows, offers and wants.
pub(crate) fn shows(
    certificate: &Certificate,
    offers: &[&[u8]],
    clients: Option<&Certificate>,
) -> Box<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(believed) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_file(&believed.chain).expect("a file"))
                .expect("fits");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let chain = vec![CertificateDer::from_pem_file(&certificate.chain).expect("a file")];
    let key = PrivateKeyDer::from_pem_file(&certificate.key).expect("a file");
    let mut config = builder.with_single_cert(chain, key).expect("they fit");
    config.alpn_protocols = offers.iter().map(|offer| offer.to_vec()).collect();
    Box::new(config)
}

impl Member {
    /// One that answers `/echo` with what it is sent, as it comes, trailers and all; `/stop` by letting the connection
    /// end after it; anything else with the path.
    pub(crate) fn start(speaks: Speaks) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let acceptor = match speaks {
            Speaks::Two => None,
            Speaks::Encrypted(config) => Some(TlsAcceptor::from(Arc::<ServerConfig>::from(config))),
        };
        let (seen, connections) =
            (Arc::<Mutex<Vec<Came>>>::default(), Arc::<AtomicUsize>::default());
        let (ending, ends) = watch::channel(0);
        let (told, counted) = (Arc::clone(&seen), Arc::clone(&connections));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("an option");
                let (acceptor, told, mut ends) =
                    (acceptor.clone(), Arc::clone(&told), ends.clone());
                let counted = Arc::clone(&counted);
                ends.mark_unchanged();
                tokio::spawn(async move {
                    counted.fetch_add(1, Ordering::Relaxed);
                    let Some(acceptor) = acceptor else {
                        return converse(stream, true, (told, 0), ends).await;
                    };
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let session = stream.get_ref().1;
                    let two = session.alpn_protocol() == Some(b"h2");
                    let certificates = session.peer_certificates().map_or(0, <[_]>::len);
                    converse(stream, two, (told, certificates), ends).await;
                });
            }
        });
        Self { address, seen, connections, ending, runtime: Some(runtime) }
    }

    pub(crate) fn seen(&self) -> Vec<Came> {
        self.seen.lock().expect("nobody panics with it").clone()
    }

    /// Lets the connections that are there end after what is under way.
    pub(crate) fn end_connections(&self) {
        self.ending.send_modify(|count| *count += 1);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

type Body = Either<Incoming, Full<Bytes>>;
type Of = (Arc<Mutex<Vec<Came>>>, usize);

async fn converse<I>(io: I, two: bool, (told, certificates): Of, mut ends: watch::Receiver<u32>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let host = request.headers().get("host").map(|host| host.to_str().unwrap_or("").to_owned());
        let authority = request.uri().authority().map(ToString::to_string);
        let path = request.uri().path().to_owned();
        told.lock().expect("nobody panics with it").push(Came {
            version: request.version(),
            host: authority.or(host).unwrap_or_default(),
            scheme: request.uri().scheme_str().unwrap_or_default().to_owned(),
            path: path.clone(),
            certificates,
        });
        async move { Ok::<_, std::convert::Infallible>(answered(request, &path).await) }
    });
    let io = TokioIo::new(io);
    if two {
        let connection = http2::Builder::new(TokioExecutor::new()).serve_connection(io, service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = ends.changed() => connection.as_mut().graceful_shutdown(),
        }
        let _ended = connection.await;
        return;
    }
    let connection = http1::Builder::new().serve_connection(io, service).with_upgrades();
    let _ended = connection.await;
}

async fn answered(mut request: Request<Incoming>, path: &str) -> Response<Body> {
    if request.headers().contains_key("upgrade") {
        let upgraded = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let mut stream = TokioIo::new(upgraded.await.expect("it was agreed on"));
            let (mut read, mut write) = tokio::io::split(&mut stream);
            let _end = tokio::io::copy(&mut read, &mut write).await;
        });
        let mut response = Response::new(Either::Right(Full::default()));
        *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert("connection", "upgrade".parse().expect("a value"));
        response.headers_mut().insert("upgrade", "websocket".parse().expect("a value"));
        return response;
    }
    match path {
        "/echo" => {
            let mut response = Response::new(Either::Left(request.into_body()));
            // HTTP/1.1 wants to know beforehand.
            response.headers_mut().insert("trailer", "x-sum".parse().expect("a value"));
            response
        }
        "/large" => Response::new(Either::Right(Full::new(Bytes::from(vec![b'x'; 4 << 20])))),
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Response::new(Either::Right(Full::new(Bytes::from_static(b"slow"))))
        }
        _ => Response::new(Either::Right(Full::new(Bytes::copy_from_slice(path.as_bytes())))),
    }
}
