//! A server of S3-compatible storage over a folder, which checks signatures and checksums.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener as Bound},
    path::Path,
    thread,
};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::{net::TcpListener, runtime};

/// The bucket that is there.
pub const BUCKET: &str = "traces";

/// The key that the server knows.
pub const KEY: &str = "taut-test-key";

/// Its secret.
pub const SECRET: &str = "taut-test-secret";

/// Serves the folder `root` with an empty [`BUCKET`] in it, until the process ends. Returns the server's address; an object
/// is the file of its name in the folder of the bucket.
///
/// # Errors
///
/// There is no such folder, or no port is free.
pub fn serve(root: &Path) -> io::Result<String> {
    fs::create_dir(root.join(BUCKET))?;
    let files = FileSystem::new(root).map_err(|error| io::Error::other(format!("{error:?}")))?;
    let mut service = S3ServiceBuilder::new(files);
    service.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = service.build();
    let bound = Bound::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    bound.set_nonblocking(true)?;
    let address = bound.local_addr()?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let run = async move {
        let listener = TcpListener::from_std(bound)?;
        loop {
            let (socket, _) = listener.accept().await?;
            let service = service.clone();
            tokio::spawn(async move {
                let builder = Builder::new(TokioExecutor::new());
                // A client that goes away is its own business.
                drop(builder.serve_connection(TokioIo::new(socket), service).await);
            });
        }
    };
    thread::Builder::new().name("s3".to_owned()).spawn(move || {
        let ended: io::Result<()> = runtime.block_on(run);
        drop(ended);
    })?;
    Ok(format!("http://{address}"))
}
