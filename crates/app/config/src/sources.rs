//! Where settings come from: a file, the environment and flags, gathered before any of it is read.

use std::{
    collections::BTreeMap,
    env, fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use objects::Access;

use crate::{
    clickhouse,
    database_url::hidden,
    gateway::{ADMIN_TOKEN_BYTES_MIN, ADMIN_TOKEN_WORDS},
    problem::{Problem, did_you_mean},
    table::{GATEWAY_ADMIN_TOKEN, OTHER_VARIABLES, Setting, WEB_TOKEN, known},
    value,
    written::{Origin, Place, Written},
};

/// Everything that the user wrote.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The settings file and its text.
    pub file: Option<(PathBuf, String)>,
    /// Environment variables; those that do not begin with `TAUT_` are ignored.
    pub environment: Vec<(String, String)>,
    /// Flags that stand for settings.
    pub flags: Vec<Flag>,
    /// What PostgreSQL's own clients take from the environment.
    pub postgres: PostgresEnvironment,
    /// The key for storage of objects, as clients of AWS take it from the environment.
    pub access: Option<Access>,
}

/// What PostgreSQL's own clients take from the environment: `PGPASSWORD` and the like, and the password file.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PostgresEnvironment {
    /// Variables, by name.
    pub variables: BTreeMap<String, String>,
    /// Text of the password file; empty if there is none.
    pub passwords: String,
}

/// Names alone: there are passwords in it.
impl fmt::Debug for PostgresEnvironment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.variables.keys().map(String::as_str).collect();
        write!(out, "PostgresEnvironment({})", names.join(", "))
    }
}

/// A flag that stands for a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// As the user writes it: `--grpc`.
    pub name: String,
    /// The setting that it stands for: `receive.grpc`.
    pub key: String,
    /// What the user wrote.
    pub value: String,
}

/// Why a settings file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the settings `{}`", path.display())]
pub struct ReadError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The file that is read if it is there and no other was named.
const FILE: &str = "taut.toml";

/// Bytes of a settings file; the example has some 10 KiB.
const FILE_BYTES_MAX: u64 = 1 << 20;

impl Sources {
    /// Gathers the environment and the file: `path` if it is given, else what `TAUT_CONFIG` names,
    /// else `taut.toml` in the working folder if there is one.
    ///
    /// # Errors
    ///
    /// A file that was named, or that is there, cannot be read.
    pub fn read(path: Option<&Path>, flags: Vec<Flag>) -> Result<Self, ReadError> {
        let environment: Vec<(String, String)> = env::vars_os()
            .filter_map(|(name, value)| {
                let name = name.into_string().ok().filter(|name| name.starts_with("TAUT_"))?;
                Some((name, value.to_string_lossy().into_owned()))
            })
            .collect();
        let named = path.map(Path::to_owned).or_else(|| {
            let named = environment.iter().find(|(name, _)| name == "TAUT_CONFIG");
            named.map(|(_, path)| path).filter(|path| !path.is_empty()).map(PathBuf::from)
        });
        let file = match named {
            Some(path) => Some(read_file(path)?),
            None if Path::new(FILE).exists() => Some(read_file(PathBuf::from(FILE))?),
            None => None,
        };
        Ok(Self {
            file,
            environment,
            flags,
            postgres: PostgresEnvironment::read(),
            access: access(),
        })
    }
}

impl Sources {
    /// The password for ClickHouse; empty for none.
    pub(crate) fn clickhouse_password(&self) -> String {
        self.variable(clickhouse::PASSWORD)
    }

    /// What has to be shown to see the pages; empty for nothing.
    pub(crate) fn web_token(&self) -> String {
        self.variable(WEB_TOKEN)
    }

    /// What is wrong with the token for the pages: with another character it could never be shown as a cookie (RFC 6265,
    /// section 4.1.1), so that nobody would be let in.
    pub(crate) fn unusable_web_token(&self) -> Option<Problem> {
        let is_shown = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
        if self.web_token().bytes().all(is_shown) {
            return None;
        }
        // Without its value, which is a secret.
        let place =
            Place { name: "environment".into(), text: WEB_TOKEN.into(), range: 0..WEB_TOKEN.len() };
        let title = format!("`{WEB_TOKEN}` has a character that no browser can send back");
        let hint = "take letters, digits and signs other than `\"`, `,`, `;`, `\\`: `openssl rand -hex 32` makes one";
        Some(Problem::new(title, place, "nobody would be let in").hint(Some(hint.to_owned())))
    }

    /// What has to be shown at the gateway's admin port; empty for what the file says.
    pub(crate) fn gateway_admin_token(&self) -> String {
        self.variable(GATEWAY_ADMIN_TOKEN)
    }

    fn variable(&self, wanted: &str) -> String {
        let found = self.environment.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    }
}

/// `None` unless both the key and its secret are there.
fn access() -> Option<Access> {
    let variable = |name| env::var(name).ok().filter(|text| !text.is_empty());
    Some(Access {
        key_id: variable("AWS_ACCESS_KEY_ID")?,
        secret: variable("AWS_SECRET_ACCESS_KEY")?,
        session_token: variable("AWS_SESSION_TOKEN"),
    })
}

/// Variables of PostgreSQL's clients that are taken.
const OF_POSTGRES: [&str; 10] = [
    "PGHOST",
    "PGPORT",
    "PGUSER",
    "PGDATABASE",
    "PGPASSWORD",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSSLCERT",
    "PGSSLKEY",
    "USER",
];

impl PostgresEnvironment {
    /// Gathers it. A password file that others may read is passed over, as PostgreSQL's clients do.
    fn read() -> Self {
        let variable = |name: &&str| Some(((*name).to_owned(), env::var(name).ok()?));
        let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".pgpass"));
        let path = env::var_os("PGPASSFILE").map(PathBuf::from).or_else(home);
        let passwords = path.filter(|path| is_private(path)).and_then(|path| read_file(path).ok());
        Self {
            variables: OF_POSTGRES.iter().filter_map(variable).collect(),
            passwords: passwords.map(|(_, text)| text).unwrap_or_default(),
        }
    }
}

fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() % 0o100 == 0)
}

fn read_file(path: PathBuf) -> Result<(PathBuf, String), ReadError> {
    let read = || {
        let mut text = String::new();
        let length = fs::File::open(&path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
        if FILE_BYTES_MAX < length as u64 {
            let message = format!("it is larger than {FILE_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        Ok(text)
    };
    match read() {
        Ok(text) => Ok((path, text)),
        Err(source) => Err(ReadError { path, source }),
    }
}

/// Reads the environment; what is wrong is added to `problems`.
pub(crate) fn read_environment(
    environment: &[(String, String)],
    problems: &mut Vec<Problem>,
) -> BTreeMap<&'static str, Written> {
    let variables: BTreeMap<String, &'static Setting> =
        known().iter().map(|setting| (setting.variable(), setting)).collect();
    let mut values = BTreeMap::new();
    let mut sorted: Vec<_> = environment.iter().collect();
    sorted.sort();
    for (name, value) in sorted {
        let other = OTHER_VARIABLES.iter().any(|(other, _)| other == name);
        // An empty variable is one that is not set, as shells and container files mean it.
        if !name.starts_with("TAUT_") || other || value.is_empty() || is_service_link(name, value) {
            continue;
        }
        let Some(setting) = variables.get(name) else {
            // Without its value, which may be somebody's secret.
            let (text, range) = (name.as_str().into(), 0..name.len());
            let place = Place { name: "environment".into(), text, range };
            let meant = did_you_mean(name, variables.keys().map(String::as_str));
            let hint = meant.map(|meant| format!("did you mean `{meant}`?"));
            let title = format!("unknown environment variable `{name}`");
            problems.push(Problem::new(title, place, "no setting has this name").hint(hint));
            continue;
        };
        let text = Text { around: "environment", before: format!("{name}="), value };
        let origin = Origin::Environment { name: name.clone() };
        if let Some(written) = text.read(setting, origin, problems) {
            values.insert(&*setting.key, written);
        }
    }
    values
}

/// Whether the token of the gateway's admin port that the environment has can be one; told without what it is.
pub(crate) fn check_admin_token(token: &str, problems: &mut Vec<Problem>) {
    if token.len() < ADMIN_TOKEN_BYTES_MIN {
        let (text, range) = (GATEWAY_ADMIN_TOKEN.into(), 0..GATEWAY_ADMIN_TOKEN.len());
        let place = Place { name: "environment".into(), text, range };
        let title = format!("`{GATEWAY_ADMIN_TOKEN}` cannot be set to this");
        let label = format!("expected a text {ADMIN_TOKEN_WORDS}");
        problems.push(Problem::new(title, place, label));
    }
}

/// Whether Kubernetes made the variable for a service whose name begins with `taut`.
fn is_service_link(name: &str, value: &str) -> bool {
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme))
        || name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name
            .split("_PORT_")
            .skip(1)
            .any(|rest| rest.starts_with(|char: char| char.is_ascii_digit()))
}

/// Reads flags; what is wrong is added to `problems`.
pub(crate) fn read_flags(
    flags: &[Flag],
    problems: &mut Vec<Problem>,
) -> BTreeMap<&'static str, Written> {
    let mut values = BTreeMap::new();
    for Flag { name, key, value } in flags {
        let text = Text { around: "command line", before: format!("{name} "), value };
        let Some(setting) = known().iter().find(|setting| setting.key == **key) else {
            let place = text.place();
            problems.push(Problem::new(format!("no setting is called `{key}`"), place, "unknown"));
            continue;
        };
        let origin = Origin::Flag { name: name.clone() };
        if let Some(written) = text.read(setting, origin, problems) {
            values.insert(&*setting.key, written);
        }
    }
    values
}

/// A value with the text around it.
struct Text<'a> {
    around: &'static str,
    before: String,
    value: &'a str,
}

impl Text<'_> {
    fn place(&self) -> Place {
        let text = format!("{}{}", self.before, hidden(self.value));
        let range = self.before.len()..text.len();
        Place { name: self.around.into(), text: text.into(), range }
    }

    fn read(
        &self,
        setting: &Setting,
        origin: Origin,
        problems: &mut Vec<Problem>,
    ) -> Option<Written> {
        match value::from_text(setting.kind, self.value) {
            Ok(value) => Some(Written { value, origin, place: Some(self.place()) }),
            Err(wrong) => {
                let title = format!("`{}` cannot be set to this", setting.key);
                problems.push(Problem::new(title, self.place(), wrong.label).hint(wrong.hint));
                None
            }
        }
    }
}
