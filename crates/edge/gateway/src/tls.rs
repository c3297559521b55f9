//! Certificates: the gateway's own, chosen by the name that a client asks for, and whom it believes of members. All are
//! read together, and a plan counts only if all of them can be used: else the old ones stay.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use sha2::{Digest as _, Sha256};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use traffic::{
    plan::{Certificate, Listen, Plan},
    wire::{Http, MemberTls, Wire},
};
use webpki::EndEntityCert;

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
    /// Nobody is believed.
    #[error("failed to find a certificate of an authority{}", in_file(path.as_deref()))]
    Nobody {
        /// Where; `None` for the system's.
        path: Option<PathBuf>,
    },
    /// A member's certificate cannot have this name.
    #[error("failed to read `{name}` as the name of a host")]
    Name {
        /// The name.
        name: String,
    },
}

fn in_file(path: Option<&Path>) -> String {
    path.map_or_else(
        || " on this system: name a file as `ca` in `tls` of the service".to_owned(),
        |path| format!(" in `{}`", path.display()),
    )
}

/// All that was read.
#[derive(Clone, Default)]
pub(crate) struct Keyring {
    /// For each address that is listened on.
    acceptors: Vec<Option<TlsAcceptor>>,
    connectors: Vec<Known>,
}

/// How members are spoken to that are spoken to like this.
#[derive(Debug, Clone)]
struct Known {
    tls: MemberTls,
    http: Http,
    /// Of all that was read for it.
    digest: [u8; 32],
    connector: Connector,
}

/// How connections to members are encrypted.
#[derive(Clone)]
pub(crate) struct Connector {
    /// With the HTTP that the service has.
    usual: TlsConnector,
    /// With HTTP/1.1, for other protocols on the same connection.
    one: TlsConnector,
    name: Option<ServerName<'static>>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Connector").field("name", &self.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Keyring").field("connectors", &self.connectors).finish_non_exhaustive()
    }
}

impl Keyring {
    /// Reads all that a plan names, for the addresses that are listened on.
    pub(crate) fn read(
        plan: &Plan,
        listens: &[Listen],
        old: Option<&Self>,
    ) -> Result<Self, CertificateError> {
        let mut acceptors = Vec::new();
        for (place, listen) in listens.iter().enumerate() {
            let same = |other: &&Listen| other.address == listen.address;
            let beside = plan.listen.get(place).filter(same);
            let wanted = beside.or_else(|| plan.listen.iter().find(same));
            acceptors.push(match wanted.filter(|wanted| !wanted.tls.is_empty()) {
                // Whether it is encrypted only counts after a restart.
                _ if listen.tls.is_empty() => None,
                Some(wanted) => Some(acceptor(&wanted.tls)?),
                None => old.and_then(|old| old.acceptors.get(place)?.clone()),
            });
        }
        let mut connectors: Vec<Known> = Vec::new();
        let before = old.map(|old| &*old.connectors).unwrap_or_default();
        for service in &plan.services {
            let Wire { http, tls: Some(tls), .. } = &service.wire else { continue };
            if !connectors.iter().any(|known| known.tls == *tls && known.http == *http) {
                connectors.push(connector(tls, *http, before)?);
            }
        }
        Ok(Self { acceptors, connectors })
    }

    /// How what comes in at this address is encrypted.
    pub(crate) fn acceptor(&self, place: usize) -> Option<TlsAcceptor> {
        self.acceptors.get(place)?.clone()
    }

    /// How members that are spoken to like this are.
    pub(crate) fn connector(&self, wire: &Wire) -> Option<Connector> {
        let tls = wire.tls.as_ref()?;
        let mut known = self.connectors.iter();
        let found = known.find(|known| known.tls == *tls && known.http == wire.http);
        found.map(|known| known.connector.clone())
    }
}

impl Connector {
    /// What sets up the encryption; `one` for HTTP/1.1 alone.
    pub(crate) fn tls(&self, one: bool) -> &TlsConnector {
        if one { &self.one } else { &self.usual }
    }

    /// The name that a member's certificate must have.
    pub(crate) fn name(&self, host: &str) -> Option<ServerName<'static>> {
        self.name.clone().or_else(|| ServerName::try_from(host.to_owned()).ok())
    }

    /// Whether it is the same one: what it was made of has not changed.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.usual.config(), other.usual.config())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn acceptor(certificates: &[Certificate]) -> Result<TlsAcceptor, CertificateError> {
    let path = certificates.first().map(|first| first.chain.clone()).unwrap_or_default();
    let resolver = ByName::read(certificates)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|source| CertificateError::Unfit { path, source })?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Certificates by the names that they are for.
#[derive(Debug)]
struct ByName {
    /// In small letters; `*.example.com` for all that are one part longer.
    names: BTreeMap<String, Arc<CertifiedKey>>,
    /// For who asks for no name, or for another one.
    first: Option<Arc<CertifiedKey>>,
}

impl ByName {
    fn read(certificates: &[Certificate]) -> Result<Self, CertificateError> {
        let mut all = Self { names: BTreeMap::new(), first: None };
        for certificate in certificates {
            let path = &certificate.chain;
            let (chain, key) = files(certificate)?;
            let unfit = |source| CertificateError::Unfit { path: path.clone(), source };
            let key = CertifiedKey::from_der(chain, key, &provider()).map_err(unfit)?;
            let key = Arc::new(key);
            let none = rustls::Error::NoCertificatesPresented;
            let leaf = key.cert.first().ok_or_else(|| unfit(none))?;
            let leaf = EndEntityCert::try_from(leaf).map_err(|error| {
                unfit(rustls::Error::General(format!("it cannot be understood: {error}")))
            })?;
            for name in leaf.valid_dns_names() {
                // The first that is for a name has it.
                all.names.entry(name.to_ascii_lowercase()).or_insert_with(|| Arc::clone(&key));
            }
            all.first.get_or_insert_with(|| Arc::clone(&key));
        }
        Ok(all)
    }

    fn of(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        self.names.get(&name).or_else(|| {
            let (_, above) = name.split_once('.')?;
            self.names.get(&format!("*.{above}"))
        })
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.of(name));
        named.or(self.first.as_ref()).map(Arc::clone)
    }
}

type Files = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn files(certificate: &Certificate) -> Result<Files, CertificateError> {
    let Certificate { chain: path, key: key_path } = certificate;
    let of_key = |source| CertificateError::File { path: key_path.clone(), source };
    Ok((chain(path)?, PrivateKeyDer::from_pem_file(key_path).map_err(of_key)?))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let of_file = |source| CertificateError::File { path: path.to_owned(), source };
    CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(of_file)
}

/// How members are spoken to. Where the files hold what they held before it is what it was, so that connections stay.
fn connector(tls: &MemberTls, http: Http, before: &[Known]) -> Result<Known, CertificateError> {
    let mut roots = RootCertStore::empty();
    let believed = match &tls.authorities {
        Some(path) => chain(path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let identity = tls.identity.as_ref().map(files).transpose()?;
    let digest = digest(&believed, identity.as_ref());
    let same = |known: &&Known| known.tls == *tls && known.http == http && known.digest == digest;
    if let Some(known) = before.iter().find(same) {
        return Ok(known.clone());
    }
    roots.add_parsable_certificates(believed);
    if roots.is_empty() {
        return Err(CertificateError::Nobody { path: tls.authorities.clone() });
    }
    let path = || {
        let file = tls.identity.as_ref().map(|identity| &identity.chain);
        file.or(tls.authorities.as_ref()).cloned().unwrap_or_default()
    };
    let unfit = |source| CertificateError::Unfit { path: path(), source };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(unfit)?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(unfit)?,
    };
    let mut one = config.clone();
    one.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.alpn_protocols = match http {
        Http::One => vec![b"http/1.1".to_vec()],
        Http::Two => vec![b"h2".to_vec()],
        Http::Offered => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    let name = match &tls.name {
        None => None,
        Some(name) => Some(
            ServerName::try_from(name.clone())
                .map_err(|_no_name| CertificateError::Name { name: name.clone() })?,
        ),
    };
    let (usual, one) = (Arc::new(config).into(), Arc::new(one).into());
    Ok(Known { tls: tls.clone(), http, digest, connector: Connector { usual, one, name } })
}

/// Of whom is believed, and of what is shown.
fn digest(believed: &[CertificateDer<'_>], identity: Option<&Files>) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut part = |bytes: &[u8]| {
        digest.update(bytes.len().to_le_bytes());
        digest.update(bytes);
    };
    for certificate in believed {
        part(certificate);
    }
    if let Some((chain, key)) = identity {
        part(b"shown");
        for certificate in chain {
            part(certificate);
        }
        part(key.secret_der());
    }
    digest.finalize().into()
}

/// The files that a plan reads besides the settings: who watches those watches these as well.
pub(crate) fn files_of(plan: &Plan) -> Vec<PathBuf> {
    let own = plan.listen.iter().flat_map(|listen| &listen.tls);
    let of_members = plan.services.iter().filter_map(|service| service.wire.tls.as_ref());
    let shown = of_members.clone().filter_map(|tls| tls.identity.as_ref());
    let pairs = own.chain(shown).flat_map(|one| [one.chain.clone(), one.key.clone()]);
    let mut all: Vec<PathBuf> =
        pairs.chain(of_members.filter_map(|tls| tls.authorities.clone())).collect();
    all.sort_unstable();
    all.dedup();
    all
}
