//! A bucket, and what is done with it.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
    sync::Arc,
    thread,
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rusty_s3::{Credentials, S3Action as _, UrlStyle, actions::ListObjectsV2};
use ureq::{
    Agent, Body, SendBody,
    http::{Request, Response, StatusCode},
    tls::{RootCerts, TlsConfig},
};

use crate::{Access, Address, ObjectsError, address};

/// Bytes of an object that is put at once.
pub const OBJECT_BYTES_MAX: u64 = 5 << 30;

/// Objects that are listed at most: what is beyond would not be looked at.
pub const OBJECTS_MAX: usize = 100_000;

/// A signature is good for this long; it goes with one request.
const SIGNED_FOR: Duration = Duration::from_mins(15);

/// An answer to a list, or to what failed.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// How often something is tried, and how long is waited after the first time: 0.2 s, 0.8 s, 3.2 s.
const TRIES: u32 = 4;
const WAIT_FIRST: Duration = Duration::from_millis(200);

/// An object that is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its name within the address.
    pub name: String,
    /// How large it is, in bytes; 0 if the storage does not say.
    pub bytes: u64,
}

/// A bucket on a server.
#[derive(Debug, Clone)]
pub struct Bucket {
    address: Address,
    /// For messages.
    endpoint: String,
    signer: rusty_s3::Bucket,
    credentials: Option<Credentials>,
    agent: Agent,
}

impl Bucket {
    /// A bucket of `address` on the server at `endpoint`, such as `https://s3.eu-central-1.amazonaws.com` or
    /// `http://127.0.0.1:9000`. Nothing is asked of the server yet.
    ///
    /// Buckets of AWS are addressed by their host names, those of other servers by path. Without access, requests are
    /// not signed.
    ///
    /// # Errors
    ///
    /// `endpoint` is no URL of a server.
    pub fn new(
        address: Address,
        endpoint: &str,
        region: &str,
        access: Option<&Access>,
    ) -> Result<Self, ObjectsError> {
        let no_server = |why: String| ObjectsError::Endpoint { endpoint: endpoint.to_owned(), why };
        let url: url::Url = endpoint.parse().map_err(|error| no_server(format!("{error}")))?;
        let is_aws = url.host_str().is_some_and(|host| host.ends_with(".amazonaws.com"));
        // Certificates of AWS are good for one label before the region.
        let style = if is_aws && !address.bucket().contains('.') {
            UrlStyle::VirtualHost
        } else {
            UrlStyle::Path
        };
        let (name, region) = (address.bucket().to_owned(), region.to_owned());
        let signer = rusty_s3::Bucket::new(url, style, name, region)
            .map_err(|error| no_server(error.to_string()))?;
        let credentials = access.map(|access| match &access.session_token {
            Some(token) => Credentials::new_with_token(&*access.key_id, &*access.secret, &**token),
            None => Credentials::new(&*access.key_id, &*access.secret),
        });
        Ok(Self { address, endpoint: endpoint.to_owned(), signer, credentials, agent: agent() })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Puts a file there under a name; in place of what has the name already. Returns how large it is.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is larger than [`OBJECT_BYTES_MAX`], or the storage does not take it.
    pub fn put(&self, name: &str, path: &Path) -> Result<u64, ObjectsError> {
        let key = self.key(name)?;
        let failed =
            |source| ObjectsError::File { action: "read", path: path.to_path_buf(), source };
        let (bytes, checksum) = summed(path).map_err(failed)?;
        if OBJECT_BYTES_MAX < bytes {
            return Err(failed(io::Error::from(io::ErrorKind::FileTooLarge)));
        }
        let checksum = BASE64_STANDARD.encode(checksum.to_be_bytes());
        again(|| {
            let mut put = self.signer.put_object(self.credentials.as_ref(), &key);
            put.headers_mut().insert("x-amz-checksum-crc32c", checksum.as_str());
            let request = Request::put(put.sign(SIGNED_FOR).as_str())
                .header("content-length", bytes)
                .header("x-amz-checksum-crc32c", &checksum);
            let file = File::open(path).map_err(failed)?;
            // Of a file that grows meanwhile, no more than was summed.
            let mut body = file.take(bytes);
            self.run(&format!("put {name}"), request.body(SendBody::from_reader(&mut body)))?;
            Ok(bytes)
        })
    }

    /// What is there, by name; at most [`OBJECTS_MAX`].
    ///
    /// # Errors
    ///
    /// The storage does not tell.
    pub fn list(&self) -> Result<Vec<Object>, ObjectsError> {
        let mut objects = Vec::new();
        let mut from: Option<String> = None;
        loop {
            let page = again(|| self.page(from.as_deref()))?;
            let is_empty = page.contents.is_empty();
            objects.extend(page.contents.into_iter().filter_map(|object| {
                let name = object.key.strip_prefix(self.address.prefix())?.to_owned();
                Some(Object { name, bytes: object.size.unwrap_or(0) })
            }));
            from = page.next_continuation_token;
            if from.is_none() || is_empty || OBJECTS_MAX <= objects.len() {
                objects.truncate(OBJECTS_MAX);
                objects.sort_unstable();
                return Ok(objects);
            }
        }
    }

    /// Gets an object into a file, which appears once it is whole. Returns how large it is.
    ///
    /// # Errors
    ///
    /// It is not there, the storage does not give it, or the file cannot be written.
    pub fn get(&self, name: &str, path: &Path) -> Result<u64, ObjectsError> {
        let key = self.key(name)?;
        let action = format!("get {name}");
        let beside = path.with_added_extension("part");
        let got = again(|| {
            let get = self.signer.get_object(self.credentials.as_ref(), &key);
            let request = Request::get(get.sign(SIGNED_FOR).as_str()).body(SendBody::none());
            let response = self.run(&action, request)?;
            self.save(response, &beside)
        });
        let failed =
            |source| ObjectsError::File { action: "write", path: path.to_path_buf(), source };
        let saved = got.and_then(|bytes| fs::rename(&beside, path).map_err(failed).map(|()| bytes));
        if saved.is_err() {
            // It may not have been made at all.
            drop(fs::remove_file(&beside));
        }
        saved
    }

    /// Removes an object; one that is not there is gone already.
    ///
    /// # Errors
    ///
    /// The storage does not do it.
    pub fn remove(&self, name: &str) -> Result<(), ObjectsError> {
        let key = self.key(name)?;
        again(|| {
            let delete = self.signer.delete_object(self.credentials.as_ref(), &key);
            let request = Request::delete(delete.sign(SIGNED_FOR).as_str()).body(SendBody::none());
            match self.run(&format!("remove {name}"), request) {
                Err(ObjectsError::Refused { status: 404, code, .. }) if code == "NoSuchKey" => {
                    Ok(())
                }
                other => other.map(drop),
            }
        })
    }

    fn key(&self, name: &str) -> Result<String, ObjectsError> {
        let is_name = name.len() <= 255 && address::is_plain(name) && name != "." && name != "..";
        if is_name {
            Ok(self.address.key(name))
        } else {
            Err(ObjectsError::Name { name: name.to_owned() })
        }
    }

    fn page(
        &self,
        from: Option<&str>,
    ) -> Result<rusty_s3::actions::ListObjectsV2Response, ObjectsError> {
        let mut list = self.signer.list_objects_v2(self.credentials.as_ref());
        list.with_prefix(self.address.prefix());
        if let Some(from) = from {
            list.with_continuation_token(from);
        }
        let request = Request::get(list.sign(SIGNED_FOR).as_str()).body(SendBody::none());
        let mut response = self.run("list", request)?;
        let text = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let text = text.map_err(|error| self.away(error))?;
        let unclear = |_| ObjectsError::Unclear {
            endpoint: self.endpoint.clone(),
            action: "list".to_owned(),
        };
        ListObjectsV2::parse_response(&text).map_err(unclear)
    }

    fn save(&self, mut response: Response<Body>, path: &Path) -> Result<u64, ObjectsError> {
        let failed =
            |source| ObjectsError::File { action: "write", path: path.to_path_buf(), source };
        let mut file = File::create(path).map_err(failed)?;
        let body = response.body_mut().with_config().limit(OBJECT_BYTES_MAX);
        let mut reader = body.reader();
        let mut buffer = vec![0; 64 << 10];
        let mut bytes = 0;
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(source) => {
                    return Err(ObjectsError::Away { endpoint: self.endpoint.clone(), source });
                }
            };
            bytes += read as u64;
            let part = buffer.get(..read).unwrap_or_default();
            io::Write::write_all(&mut file, part).map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
        Ok(bytes)
    }

    fn run(
        &self,
        action: &str,
        request: Result<Request<SendBody<'_>>, ureq::http::Error>,
    ) -> Result<Response<Body>, ObjectsError> {
        let response =
            request.map_err(ureq::Error::from).and_then(|request| self.agent.run(request));
        let mut response = response.map_err(|error| self.away(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        Err(ObjectsError::Refused {
            endpoint: self.endpoint.clone(),
            action: action.to_owned(),
            status: status.as_u16(),
            code: code_of(&body.unwrap_or_default(), status),
        })
    }

    fn away(&self, error: ureq::Error) -> ObjectsError {
        let source = match error {
            ureq::Error::Io(error) => error,
            // Its text has no address and so no signature in it.
            other => io::Error::other(other.to_string()),
        };
        ObjectsError::Away { endpoint: self.endpoint.clone(), source }
    }
}

/// Tries until it went well, cannot go well, or has been tried often enough.
fn again<T>(each: impl Fn() -> Result<T, ObjectsError>) -> Result<T, ObjectsError> {
    let mut wait = WAIT_FIRST;
    for _ in 1..TRIES {
        match each() {
            Err(error) if error.may_pass() => thread::sleep(wait),
            other => return other,
        }
        wait *= 4;
    }
    each()
}

/// Waits for no server for ever, follows nothing elsewhere, and trusts whom the system trusts.
fn agent() -> Agent {
    let roots = rustls_native_certs::load_native_certs().certs;
    let roots = roots.iter().map(|root| ureq::tls::Certificate::from_der(root).to_owned());
    let tls = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(roots.collect())));
    Agent::config_builder()
        .tls_config(tls.build())
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("taut/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_per_read(Some(Duration::from_secs(30)))
        .timeout_per_write(Some(Duration::from_secs(30)))
        .timeout_global(Some(Duration::from_mins(30)))
        .build()
        .new_agent()
}

/// How long a file is, and its CRC-32C.
fn summed(path: &Path) -> io::Result<(u64, u32)> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 256 << 10];
    let (mut bytes, mut checksum) = (0, 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, checksum));
        }
        bytes += read as u64;
        checksum = crc32c::crc32c_append(checksum, buffer.get(..read).unwrap_or_default());
    }
}

/// The `Code` of an error's XML, or what the status says.
fn code_of(body: &str, status: StatusCode) -> String {
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    match code {
        Some((code, _)) if address::is_plain(code) && code.len() <= 64 => code.to_owned(),
        _ => status.canonical_reason().unwrap_or("no reason").to_owned(),
    }
}
