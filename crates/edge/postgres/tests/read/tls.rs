//! Encryption: what each `sslmode` does with a server that has a certificate, and with one that has none.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use postgres::{ConnectError, Limits, Target, connect};
use testkit::Postgres;

/// An authority of our own, and a certificate of it for the host `localhost`.
fn certificates(folder: &Path) {
    let run = |words: &[&str]| {
        let mut command = Command::new("openssl");
        command.args(words).current_dir(folder).stderr(Stdio::null());
        assert!(command.status().expect("openssl is there").success(), "{words:?}");
    };
    fs::write(folder.join("host.ext"), "subjectAltName=DNS:localhost\n").expect("our own folder");
    run(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.crt",
        "-subj",
        "/CN=authority",
        "-days",
        "2",
    ]);
    run(&[
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "host.key",
        "-out",
        "host.csr",
        "-subj",
        "/CN=localhost",
    ]);
    run(&[
        "x509",
        "-req",
        "-in",
        "host.csr",
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-out",
        "host.crt",
        "-days",
        "2",
        "-extfile",
        "host.ext",
    ]);
}

/// Whether the connection is encrypted.
async fn encrypted(server: &Postgres, host: &str, more: &str) -> Result<bool, ConnectError> {
    let url = format!("postgres://postgres@{host}:{}/postgres?{more}", server.port());
    let connection = connect(&Target::parse(&url)?, &Limits::default()).await?;
    let question = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    Ok(connection.query_one(question, &[]).await.expect("a row").get(0))
}

#[tokio::test]
async fn each_mode_encrypts_and_believes_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let mut server = Postgres::start();
    let modes = |host: &'static str, more: &str| (host, more.to_owned());
    for (mode, expected) in [("disable", Some(false)), ("prefer", Some(false)), ("require", None)] {
        let found = encrypted(&server, "127.0.0.1", &format!("sslmode={mode}")).await.ok();
        assert_eq!(found, expected, "{mode}");
    }
    // The server reads its key as its own user.
    let texts =
        ["host.crt", "host.key"].map(|name| fs::read_to_string(folder.path().join(name)).unwrap());
    for (name, text) in ["server.crt", "server.key"].iter().zip(&texts) {
        let path = server.data_path().join(name);
        server.psql(&format!(
            "copy (select $text${text}$text$) to program 'umask 077; sed ''s/\\\\n/\\n/g'' > {}'",
            path.display()
        ));
    }
    server.configure(&[("ssl", "on")]);
    server.restart();
    let roots = format!("sslrootcert={}", folder.path().join("ca.crt").display());
    let checks = [
        (modes("127.0.0.1", "sslmode=disable"), Some(false)),
        (modes("127.0.0.1", "sslmode=allow"), Some(false)),
        (modes("127.0.0.1", "sslmode=prefer"), Some(true)),
        (modes("127.0.0.1", ""), Some(true)),
        (modes("127.0.0.1", "sslmode=require"), Some(true)),
        (modes("127.0.0.1", "sslmode=verify-ca"), None),
        (modes("127.0.0.1", &format!("sslmode=verify-ca&{roots}")), Some(true)),
        (modes("127.0.0.1", &format!("sslmode=verify-full&{roots}")), None),
        (modes("localhost", &format!("sslmode=verify-full&{roots}")), Some(true)),
    ];
    for ((host, more), expected) in checks {
        let found = encrypted(&server, host, &more).await;
        if let Err(error) = &found {
            assert!(error.hint().contains("sslrootcert"), "{more}: {error:?}");
        }
        assert_eq!(found.ok(), expected, "{host} {more}");
    }
}

#[tokio::test]
async fn a_server_that_wants_encryption_gets_it_where_it_is_allowed() {
    let server = Postgres::builder().hba("hostnossl all picky 127.0.0.1/32 reject").start();
    server.psql("create role picky login");
    let url = server.url_for("postgres", "picky");
    let refused =
        connect(&Target::parse(&format!("{url}?sslmode=disable")).unwrap(), &Limits::default())
            .await;
    assert!(refused.unwrap_err().hint().contains("pg_hba.conf"));
    // It has no certificate: there is nothing left to try.
    let refused =
        connect(&Target::parse(&format!("{url}?sslmode=allow")).unwrap(), &Limits::default()).await;
    assert!(refused.is_err());
}
