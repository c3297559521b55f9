//! Why storage could not do as asked.

use std::{io, path::PathBuf};

/// Why storage could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// What was given as the server is none.
    #[error("`{endpoint}` is no server of objects: {why}")]
    Endpoint {
        /// The server.
        endpoint: String,
        /// What is wrong with it.
        why: String,
    },
    /// The server cannot be reached, or was silent for too long.
    #[error("failed to reach `{endpoint}`")]
    Away {
        /// The server.
        endpoint: String,
        /// What happened.
        #[source]
        source: io::Error,
    },
    /// The server said no.
    #[error("`{endpoint}` refused to {action}: {code} ({status})")]
    Refused {
        /// The server.
        endpoint: String,
        /// What was tried: `put x`, `list`, `get x`, `remove x`.
        action: String,
        /// The HTTP status.
        status: u16,
        /// The code of the error: `AccessDenied`, `NoSuchBucket`.
        code: String,
    },
    /// The server said what nobody understands.
    #[error("`{endpoint}` answered what is no answer to {action}")]
    Unclear {
        /// The server.
        endpoint: String,
        /// What was tried.
        action: String,
    },
    /// A name cannot be that of an object.
    #[error("`{name}` cannot be the name of an object")]
    Name {
        /// The name.
        name: String,
    },
    /// A file cannot be read or written.
    #[error("failed to {action} `{path}`")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl ObjectsError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Away { .. } => Some("check the address of the server and the network between"),
            Self::Refused { code, status, .. } => match code.as_str() {
                "NoSuchBucket" => Some("create the bucket first"),
                "AccessDenied" => {
                    Some("the key needs to be allowed to list, get, put and delete there")
                }
                "InvalidAccessKeyId" | "SignatureDoesNotMatch" => {
                    Some("check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
                }
                "ExpiredToken" => Some("AWS_SESSION_TOKEN has expired: get a new one"),
                "AuthorizationHeaderMalformed" | "PermanentRedirect" => Some("check the region"),
                "RequestTimeTooSkewed" => Some("the clock of this machine is wrong"),
                _ if *status == 301 || *status == 307 => Some("check the region"),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the same may go well a little later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Away { .. } => true,
            Self::Refused { status, .. } => *status == 429 || 500 <= *status,
            _ => false,
        }
    }
}
