//! Encryption to the target: those whom the system believes, those who are named, or anybody where that is asked for.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio_rustls::TlsConnector;

/// A file of certificates at most; a system's own has some 200 KB.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Whose certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Believes {
    /// Those whom the system believes.
    #[default]
    System,
    /// Authorities in a PEM file, and nobody else.
    File(PathBuf),
    /// Anybody's.
    Anybody,
}

/// What makes encrypted connections, for these protocols.
///
/// # Errors
///
/// There is nobody to believe.
pub(crate) fn connector(believes: &Believes, protocols: &[&str]) -> Result<TlsConnector, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = match believes {
        Believes::Anybody => {
            let anybody = Arc::new(Anybody { provider });
            builder.dangerous().with_custom_certificate_verifier(anybody).with_no_client_auth()
        }
        Believes::File(path) => {
            builder.with_root_certificates(authorities(path)?).with_no_client_auth()
        }
        Believes::System => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err("this machine has no certificates of authorities".to_owned());
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    };
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The certificates of a file. One that cannot be used is an error: it was named.
fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("`{}` {why}", path.display());
    let size = fs::metadata(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    if FILE_BYTES_MAX < size.len() {
        return Err(wrong(&"is no file of certificates: it has more than 4 MiB"));
    }
    let bytes = fs::read(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| wrong(&format!("is damaged: {error}")))?;
        roots
            .add(certificate)
            .map_err(|error| wrong(&format!("has a certificate that cannot be used: {error}")))?;
    }
    if roots.is_empty() {
        return Err(wrong(&"has no certificate in PEM"));
    }
    Ok(roots)
}

/// Believes any certificate; that the other side holds its key is checked all the same.
#[derive(Debug)]
struct Anybody {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
