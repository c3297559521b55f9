//! Addresses as libpq takes them, and what libpq takes from the environment where they say nothing.
//!
//! The client knows most parameters itself. Those that it does not are read here: certificates and the modes of
//! `sslmode`; some have no meaning for us and are passed over.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr as _};

use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

use super::tls::{Tls, Trust};

/// What libpq takes from its environment: variables such as `PGPASSWORD`, and the text of the password file.
#[derive(Clone, Default)]
pub struct Environment {
    /// `PGHOST`, `PGUSER` and the like, by name.
    pub variables: BTreeMap<String, String>,
    /// Text of `.pgpass`: `host:port:database:user:password` in each line.
    pub passwords: String,
}

/// Without passwords.
impl fmt::Debug for Environment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.variables.keys().map(String::as_str).collect();
        write!(out, "Environment({})", names.join(", "))
    }
}

/// Parameters that mean nothing to us: what they do is done otherwise, or not at all.
const PASSED_OVER: [&str; 9] = [
    "client_encoding",
    "fallback_application_name",
    "gssencmode",
    "krbsrvname",
    "passfile",
    "sslcompression",
    "sslsni",
    "ssl_min_protocol_version",
    "gssdelegation",
];

/// Parameters of certificates, with the variables that stand for them.
const OF_TLS: [(&str, &str); 4] = [
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
];

/// Reads an address; what it leaves open is taken from `environment`, and then as libpq has it.
///
/// # Errors
///
/// What is wrong with it, without the address itself: there may be a password in it.
pub(super) fn parse(text: &str, environment: &Environment) -> Result<(Config, Tls), String> {
    let (rest, mut taken) = split(text);
    let mut config = Config::from_str(&rest).map_err(|error| wrong(&error))?;
    for (name, variable) in OF_TLS {
        if let (false, Some(value)) =
            (taken.contains_key(name), environment.variables.get(variable))
        {
            taken.insert(name.to_owned(), value.clone());
        }
    }
    fill(&mut config, environment)?;
    let tls = tls(&taken, &mut config)?;
    Ok((config, tls))
}

/// What is wrong, without what was written: only names of parameters that are known are repeated.
fn wrong(error: &tokio_postgres::Error) -> String {
    let text =
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    if text.starts_with("invalid value for option") {
        return text;
    }
    text.split(['`', ':']).next().unwrap_or_default().trim().to_owned()
}

/// Takes out what the client does not know: the rest of the address, and those parameters.
fn split(text: &str) -> (String, BTreeMap<String, String>) {
    let is_ours =
        |name: &str| PASSED_OVER.contains(&name) || OF_TLS.iter().any(|(known, _)| *known == name);
    let mut taken = BTreeMap::new();
    if text.contains("://") {
        let Some((address, query)) = text.split_once('?') else { return (text.to_owned(), taken) };
        let mut kept = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some((name, value)) if is_ours(name) => {
                    taken.insert(name.to_owned(), decoded(value));
                }
                _ => kept.push(pair),
            }
        }
        let sign = if kept.is_empty() { "" } else { "?" };
        return (format!("{address}{sign}{}", kept.join("&")), taken);
    }
    let mut kept = String::new();
    for (name, value, written) in pairs(text) {
        if is_ours(&name) {
            taken.insert(name, value);
        } else {
            kept.push_str(written);
            kept.push(' ');
        }
    }
    (kept, taken)
}

/// `key = value` and `key = 'quoted \' value'`: name, value, and how it was written. What is neither goes on as it is.
fn pairs(text: &str) -> Vec<(String, String, &str)> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else {
            pairs.push((String::new(), String::new(), rest));
            break;
        };
        let after_blank = after.trim_start();
        let mut value = String::new();
        let mut end = after_blank.len();
        let mut chars = after_blank.char_indices();
        let quoted = after_blank.starts_with('\'');
        if quoted {
            chars.next();
        }
        while let Some((place, char)) = chars.next() {
            match char {
                '\\' => value.extend(chars.next().map(|(_, char)| char)),
                '\'' if quoted => {
                    end = place + 1;
                    break;
                }
                char if !quoted && char.is_whitespace() => {
                    end = place;
                    break;
                }
                char => value.push(char),
            }
        }
        let length = rest.len() - after_blank.len() + end;
        let written = rest.get(..length).unwrap_or(rest);
        pairs.push((name.trim().to_owned(), value, written));
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    pairs
}

/// `%2F` decoded.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let code = digit(ahead.next()).zip(digit(ahead.next()));
        match code {
            Some((high, low)) if byte == b'%' => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                bytes = ahead;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Fills in what the address leaves open.
fn fill(config: &mut Config, environment: &Environment) -> Result<(), String> {
    let variable = |name: &str| environment.variables.get(name).filter(|value| !value.is_empty());
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        // A folder is where a local server's socket is; without anything said, this machine.
        config.host(variable("PGHOST").map_or("localhost", String::as_str));
    }
    if config.get_ports().is_empty()
        && let Some(port) = variable("PGPORT")
    {
        let number = port.parse().map_err(|error| format!("`PGPORT` is no port: {error}"))?;
        config.port(number);
    }
    if config.get_user().is_none()
        && let Some(user) = variable("PGUSER").or_else(|| variable("USER"))
    {
        config.user(user);
    }
    if config.get_dbname().is_none()
        && let Some(name) = variable("PGDATABASE")
    {
        config.dbname(name);
    }
    if config.get_password().is_none() {
        let password = variable("PGPASSWORD").cloned();
        if let Some(password) = password.or_else(|| from_file(config, &environment.passwords)) {
            config.password(password);
        }
    }
    Ok(())
}

/// The password that the file has for this address: the first line that fits.
fn from_file(config: &Config, passwords: &str) -> Option<String> {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        _ => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let user = config.get_user()?;
    let database = config.get_dbname().unwrap_or(user);
    passwords.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = fields(line);
        let password = (fields.len() == 5).then(|| fields.pop())??;
        let wanted = [host.as_str(), &port, database, user];
        let fits = fields.iter().zip(wanted).all(|(field, want)| field == "*" || field == want);
        fits.then_some(password)
    })
}

/// Fields between colons; a backslash hides the sign after it. The last one takes the rest.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        let count = fields.len();
        let Some(field) = fields.last_mut() else { break };
        match char {
            '\\' => field.extend(chars.next()),
            ':' if count < 5 => fields.push(String::new()),
            char => field.push(char),
        }
    }
    fields
}

/// How the connection is to be encrypted, and whom to believe.
fn tls(taken: &BTreeMap<String, String>, config: &mut Config) -> Result<Tls, String> {
    let text = |name: &str| taken.get(name).filter(|value| !value.is_empty());
    let root = text("sslrootcert");
    let (mode, trust) = match text("sslmode").map(String::as_str) {
        // `allow` encrypts once the server refuses anything else.
        Some("disable" | "allow") => (SslMode::Disable, Trust::Anybody),
        // libpq takes a file of roots as a wish to hold the server against it.
        Some("require") if root.is_some() => (SslMode::Require, Trust::Authority),
        Some("require") => (SslMode::Require, Trust::Anybody),
        Some("verify-ca") => (SslMode::Require, Trust::Authority),
        Some("verify-full") => (SslMode::Require, Trust::Host),
        Some("prefer") | None => (SslMode::Prefer, Trust::Anybody),
        Some(_) => {
            return Err(
                "`sslmode` is one of disable, allow, prefer, require, verify-ca, verify-full"
                    .to_owned(),
            );
        }
    };
    config.ssl_mode(mode);
    Ok(Tls {
        trust,
        allows: text("sslmode").is_some_and(|mode| mode == "allow"),
        roots: root.filter(|root| *root != "system").map(PathBuf::from),
        identity: text("sslcert").zip(text("sslkey")).map(|(cert, key)| (cert.into(), key.into())),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn environment(variables: &[(&str, &str)], passwords: &str) -> Environment {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Environment {
            variables: variables.iter().map(own).collect(),
            passwords: passwords.to_owned(),
        }
    }

    #[test]
    fn modes_of_encryption_are_read_from_either_kind_of_address() {
        let check = |text: &str, mode, trust| {
            let (config, tls) = parse(text, &Environment::default()).unwrap();
            assert_eq!((config.get_ssl_mode(), tls.trust), (mode, trust), "{text}");
        };
        check("postgres://a@b/c", SslMode::Prefer, Trust::Anybody);
        check("postgres://a@b/c?sslmode=disable", SslMode::Disable, Trust::Anybody);
        check(
            "postgres://a@b/c?sslmode=require&connect_timeout=3",
            SslMode::Require,
            Trust::Anybody,
        );
        check(
            "postgres://a@b/c?sslmode=require&sslrootcert=%2Fx.pem",
            SslMode::Require,
            Trust::Authority,
        );
        check("host=b user=a sslmode=verify-ca", SslMode::Require, Trust::Authority);
        check("host=b sslmode='verify-full' user=a", SslMode::Require, Trust::Host);
        check("host=b sslmode=allow", SslMode::Disable, Trust::Anybody);
        let (_, tls) =
            parse("postgres://b?sslrootcert=%2Fx%20y.pem", &Environment::default()).unwrap();
        assert_eq!(tls.roots, Some(PathBuf::from("/x y.pem")));
        assert!(parse("postgres://b?sslmode=maybe", &Environment::default()).is_err());
    }

    #[test]
    fn what_is_left_open_comes_from_the_environment() {
        let known = environment(
            &[("PGHOST", "db"), ("PGPORT", "6000"), ("PGUSER", "me"), ("PGDATABASE", "shop")],
            "# passwords\nother:*:*:*:no\ndb:6000:shop:me:a\\:b\\\\c\n*:*:*:*:late",
        );
        let (config, _) = parse("postgres://", &known).unwrap();
        assert_eq!(config.get_hosts(), [Host::Tcp("db".to_owned())]);
        assert_eq!((config.get_ports(), config.get_user()), (&[6000][..], Some("me")));
        assert_eq!(config.get_dbname(), Some("shop"));
        assert_eq!(config.get_password(), Some(&b"a:b\\c"[..]));
        let (config, _) = parse("postgres://you@other/b", &known).unwrap();
        assert_eq!(config.get_password(), Some(&b"no"[..]));
        let (config, _) = parse("postgres://you:said@other:1/b", &known).unwrap();
        assert_eq!((config.get_password(), config.get_ports()), (Some(&b"said"[..]), &[1][..]));
        let known = environment(&[("PGPASSWORD", "hunter2"), ("PGSSLMODE", "require")], "");
        let (config, _) = parse("host=b user=a", &known).unwrap();
        assert_eq!(config.get_password(), Some(&b"hunter2"[..]));
        assert_eq!(config.get_ssl_mode(), SslMode::Require);
        assert!(!format!("{known:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn any_address_is_read_or_refused_without_being_repeated(
            text in "(postgres://|host|=|'|\\\\|:|@|/|\\?|&|sslmode|verify-ca| |é|%2|5432|secret){0,20}",
        ) {
            if let Err(error) = parse(&text, &Environment::default()) {
                prop_assert!(!error.contains("secret"), "{}", error);
            }
        }
    }
}
