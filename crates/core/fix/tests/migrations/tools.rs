//! Django and Alembic themselves, against a real server, forwards and back.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use testkit::Postgres;

use crate::{fancy, files, plain};

/// What runs the migrations; fetched once, from where `pip` fetches.
const PACKAGES: [&str; 3] = ["django==5.2.19", "alembic==1.20.1", "psycopg[binary]==3.3.9"];

/// A Python that has the packages.
fn python() -> PathBuf {
    let home = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let folder = home.unwrap_or_else(std::env::temp_dir).join("taut/test/migrations");
    fs::create_dir_all(&folder).expect("a folder in our own cache");
    #[expect(clippy::disallowed_types, reason = "tests of one machine take turns")]
    let lock = fs::File::create(folder.join("lock")).expect("a file in our own folder");
    lock.lock().expect("nobody holds it for long");
    let (venv, ready) =
        (folder.join("venv"), folder.join(PACKAGES.join("+").replace(['[', ']'], "_")));
    let python = venv.join("bin/python");
    if !ready.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
        run(Command::new(&python).args(["-m", "pip", "install", "-q"]).args(PACKAGES));
        fs::write(&ready, "").expect("a file in our own folder");
    }
    python
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the folder is ours");
    fs::write(path, text).expect("the folder is ours");
}

fn indexes(server: &Postgres) -> String {
    server.psql(
        "select relname || case when indisvalid then '' else ' INVALID' end
         from pg_index join pg_class on oid = indexrelid
         where indrelid = 'shop_order'::regclass and not indisprimary order by relname collate \"C\"",
    )
}

const MODELS: &str = "
from django.db import models

class Order(models.Model):
    customer_id = models.IntegerField()
    at = models.DateTimeField()
    total = models.IntegerField()
    status = models.TextField()
    note = models.TextField()

    class Meta:
        indexes = []
";

#[test]
fn django_runs_it_forwards_and_back_and_has_nothing_to_add() {
    let (server, folder) = (Postgres::start(), tempfile::tempdir().unwrap());
    let settings = format!(
        "SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\nUSE_TZ = True\n\
         DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'\n\
         DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'NAME': 'postgres',\n\
         'USER': 'postgres', 'HOST': '127.0.0.1', 'PORT': {}}}}}\n",
        server.port()
    );
    write(folder.path(), "settings.py", &settings);
    write(folder.path(), "shop/__init__.py", "");
    write(folder.path(), "shop/migrations/__init__.py", "");
    write(folder.path(), "shop/models.py", MODELS);
    let python = python();
    let django = |arguments: &[&str]| {
        run(Command::new(&python)
            .args(["-m", "django"])
            .args(arguments)
            .current_dir(folder.path())
            .env("PYTHONPATH", folder.path())
            .env("DJANGO_SETTINGS_MODULE", "settings"))
    };
    django(&["makemigrations", "shop"]);
    django(&["migrate"]);
    let first = files("django", &plain()).remove(0);
    write(folder.path(), &first.path, &first.text);
    django(&["migrate"]);
    assert_eq!(indexes(&server), "shop_order_paid_idx");
    // The line for `Meta` that the comment gives says the same.
    let line = first.text.lines().find_map(|line| line.strip_prefix("#     indexes = ")).unwrap();
    write(folder.path(), "shop/models.py", &MODELS.replace("[]", line));
    assert!(django(&["makemigrations", "--check", "--dry-run"]).contains("No changes"));
    // What it has no words for comes after it, as SQL.
    let mut second = files("django", &fancy()).remove(0);
    let name = Path::new(&first.path).file_stem().unwrap().to_str().unwrap();
    let newest = format!("(\"shop\", \"{name}\")");
    second.text = second.text.replace("(\"app\", \"0001_initial\")", &newest);
    write(folder.path(), "shop/migrations/second.py", &second.text);
    django(&["migrate"]);
    assert_eq!(indexes(&server), "Größe \"x\" 100%\nshop_order_note\nshop_order_paid_idx");
    django(&["migrate", "shop", "0001"]);
    assert_eq!(indexes(&server), "");
}

#[test]
fn alembic_runs_it_forwards_and_back() {
    let (server, folder) = (Postgres::start(), tempfile::tempdir().unwrap());
    server.psql(
        "create table shop_order (id int primary key, customer_id int, at timestamptz, total int, status text, \
         note text)",
    );
    let url = format!("postgresql+psycopg://postgres@127.0.0.1:{}/postgres", server.port());
    write(
        folder.path(),
        "alembic.ini",
        &format!("[alembic]\nscript_location = .\nsqlalchemy.url = {url}\n"),
    );
    write(
        folder.path(),
        "env.py",
        "from alembic import context\nfrom sqlalchemy import create_engine\n\
         engine = create_engine(context.config.get_main_option('sqlalchemy.url'))\n\
         with engine.connect() as connection:\n    context.configure(connection=connection)\n    \
         with context.begin_transaction():\n        context.run_migrations()\n",
    );
    let python = python();
    let alembic = |arguments: &[&str]| {
        run(Command::new(&python)
            .args(["-m", "alembic"])
            .args(arguments)
            .current_dir(folder.path()))
    };
    let (first, mut second) =
        (files("alembic", &plain()).remove(0), files("alembic", &fancy()).remove(0));
    let revision = first.text.split("revision = \"").nth(1).unwrap().split('"').next().unwrap();
    second.text =
        second.text.replace("down_revision = None", &format!("down_revision = \"{revision}\""));
    for file in [&first, &second] {
        write(folder.path(), &file.path, &file.text);
    }
    alembic(&["upgrade", "head"]);
    assert_eq!(indexes(&server), "Größe \"x\" 100%\nshop_order_note\nshop_order_paid_idx");
    let wanted = "select pg_get_expr(indpred, indrelid) from pg_index where indexrelid = '\"Größe \"\"x\"\" 100%\"'::regclass";
    assert_eq!(server.psql(wanted), "((note <> 'a:b\\c''d'::text) AND (note <> '%s'::text))");
    alembic(&["downgrade", "base"]);
    assert_eq!(indexes(&server), "");
}

/// sqlx, Flyway and Prisma send a file as it is: one statement, outside of a transaction.
#[test]
fn files_of_sql_run_as_they_are() {
    for tool in ["flyway", "prisma", "sqlx"] {
        let server = Postgres::start();
        server.psql(
            "create table shop_order (id int primary key, customer_id int, at timestamptz, total int, status text, \
             note text)",
        );
        let down = |path: &str| path.ends_with(".down.sql");
        for file in &files(tool, &fancy()) {
            if down(&file.path) || file.text.starts_with("executeInTransaction") {
                continue;
            }
            assert!(tool != "sqlx" || file.text.starts_with("-- no-transaction\n"));
            server.psql(&file.text);
        }
        assert_eq!(indexes(&server), "Größe \"x\" 100%\nshop_order_note", "{tool}");
        for file in files(tool, &fancy()).iter().rev().filter(|file| down(&file.path)) {
            server.psql(&file.text);
            assert!(!indexes(&server).contains("INVALID"));
        }
        assert_eq!(indexes(&server).is_empty(), tool == "sqlx", "{tool}");
    }
}
