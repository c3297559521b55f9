//! Certificates: read from files, offered with HTTP/2 and HTTP/1.1.

use std::{path::PathBuf, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
};
use tokio_rustls::TlsAcceptor;
use traffic::plan::Certificate;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or holds no such thing.
    #[error("failed to read the certificate or key `{}`", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// They do not fit.
    #[error("failed to use the certificate `{}`", path.display())]
    Unfit {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

pub(crate) fn acceptor(certificate: &Certificate) -> Result<TlsAcceptor, CertificateError> {
    let Certificate { chain: path, key: key_path } = certificate;
    let of_file = |source| CertificateError::File { path: path.clone(), source };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(of_file)?;
    let key = PrivateKeyDer::from_pem_file(key_path)
        .map_err(|source| CertificateError::File { path: key_path.clone(), source })?;
    let unfit = |source| CertificateError::Unfit { path: path.clone(), source };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unfit)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
