//! The engine with receivers and pages over a throw-away store, for work on the pages:
//! `cargo run -p web --example serve -- 7070 4318`, then `npm --prefix web run seed`.

use std::{error::Error, net::Ipv4Addr, sync::Arc};

use tokio::net::TcpListener;
use web::Setup;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut ports = std::env::args().skip(1).map(|port| port.parse::<u16>());
    let pages = ports.next().transpose()?.unwrap_or(7070);
    let otlp = ports.next().transpose()?.unwrap_or(4318);
    let folder = tempfile::tempdir()?;
    let (store, _) = store::Folder::open(folder.path(), store::Options::default())?;
    let settings = config::Settings::load(&config::Sources::default())?;
    let live = engine::Live::new(Arc::new(store), settings)?;
    let finder = live.start()?;
    let options = receive::Options {
        grpc: None,
        http: Some((Ipv4Addr::LOCALHOST, otlp).into()),
        ..receive::Options::default()
    };
    let sink: Arc<dyn receive::Sink> = Arc::<engine::Live>::clone(&live);
    let running = receive::serve(options, sink).await?;
    let setup = Setup {
        otlp_http: running.http(),
        counters: Some(running.counters()),
        store_folder: Some(folder.path().to_path_buf()),
        ..Setup::default()
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, pages)).await?;
    println!("http://{}", listener.local_addr()?);
    let shutdown = async {
        tokio::signal::ctrl_c().await.ok();
    };
    let source: Arc<dyn web::Source> = Arc::<engine::Live>::clone(&live);
    web::serve(listener, source, setup, shutdown).await?;
    live.stop();
    finder.join().map_err(|_panic| "the finder panicked")?;
    Ok(())
}
