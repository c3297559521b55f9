//! A gateway that runs reads its settings again: by itself, on SIGHUP, and when the admin port is told to. A file that is wrong
//! changes nothing, and is told with its line.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::{fix_gateway::Origin, kit::taut};

/// Far more than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

const TOKEN: &str = "sesame-sesame-sesame";

/// Settings with one route, whose path this is.
fn settings(origin: &Origin, path: &str) -> String {
    format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nadmin-token = \"{TOKEN}\"\nworkers = 1\n\n\
         [gateway.service.shop]\nmembers = [\"{}\"]\n\n[[gateway.route]]\nname = \"all\"\npaths = [\"{path}\"]\nservice = \"shop\"\n",
        origin.address
    )
}

/// A gateway with a file of its own, and all that it says; it ends with the test.
struct Running {
    child: Child,
    words: Arc<Mutex<String>>,
    folder: tempfile::TempDir,
}

impl Running {
    fn start(text: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let file = folder.path().join("taut.toml");
        fs::write(&file, text).expect("it can be written to");
        let mut command = taut();
        command.args(["gateway", "--config"]).arg(&file).args(more).stderr(Stdio::piped());
        let mut child = command.current_dir(folder.path()).spawn().expect("the binary runs");
        let mut told = BufReader::new(child.stderr.take().expect("it is piped"));
        let words = Arc::<Mutex<String>>::default();
        let hears = Arc::clone(&words);
        thread::spawn(move || {
            let mut line = String::new();
            while told.read_line(&mut line).is_ok_and(|bytes| 0 < bytes) {
                hears.lock().expect("nobody panics with it").push_str(&line);
                line.clear();
            }
        });
        let running = Self { child, words, folder };
        running.until("the greeting", || running.words().contains("Ctrl-C ends it"));
        running
    }

    fn words(&self) -> String {
        self.words.lock().expect("nobody panics with it").clone()
    }

    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < PATIENCE, "{what} did not come about: {}", self.words());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The address on the first line that begins like this.
    fn address(&self, what: &str) -> SocketAddr {
        let words = self.words();
        let line = words.lines().find_map(|line| line.trim().strip_prefix(what));
        let address = line.expect("it is told").trim().trim_start_matches("http://");
        address.split('/').next().and_then(|it| it.parse().ok()).expect("it is an address")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("taut.toml")
    }

    /// Puts another file in its place, of which nobody sees half.
    fn write(&self, text: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, text).expect("it can be written to");
        fs::rename(new, self.file()).expect("it can be put there");
    }

    /// The status of an answer to a client.
    fn status(&self, path: &str) -> u16 {
        self.answer("listens", &format!("GET {path}"), "").0
    }

    /// What the admin port answers to who shows the token.
    fn admin(&self, asked: &str) -> (u16, String) {
        self.answer("admin", asked, &format!("authorization: Bearer {TOKEN}\r\n"))
    }

    fn answer(&self, whom: &str, asked: &str, more: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address(whom)).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let head = format!(
            "{asked} HTTP/1.1\r\nhost: shop\r\n{more}content-length: 0\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let status = answer.get(9..12).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("no status: {answer}")), answer)
    }

    /// Whether the metrics have this line.
    fn tells(&self, line: &str) -> bool {
        self.admin("GET /metrics").1.lines().any(|told| told == line)
    }

    fn hang_up(&self) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill").args(["-HUP", &id]).status().expect("there is kill").success()
        );
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Gives a gateway that runs a wrong file and then a right one; `tell` tells it to read them.
fn check(more: &[&str], tell: impl Fn(&Running)) {
    let origin = Origin::start();
    let gateway = Running::start(&settings(&origin, "/a"), more);
    assert_eq!((gateway.status("/a"), gateway.status("/b")), (200, 404));
    assert!(gateway.tells("taut_gateway_last_reload_successful 1"));

    // The path is another one, which nobody may see as long as something else is wrong.
    let wrong = settings(&origin, "/b").replace("workers = 1", "wrokers = 1");
    let line = 1 + wrong.lines().position(|line| line.starts_with("wrokers")).expect("it is there");
    gateway.write(&wrong);
    tell(&gateway);
    gateway.until("the refusal", || {
        gateway.words().contains("the gateway goes on with the settings it had")
    });
    let words = gateway.words();
    assert!(words.contains(&format!("taut.toml:{line}:")), "{words}");
    assert!(words.contains("wrokers"), "{words}");
    assert_eq!((gateway.status("/a"), gateway.status("/b")), (200, 404));
    assert_eq!(gateway.admin("GET /ready").0, 200);
    assert!(gateway.tells("taut_gateway_last_reload_successful 0"));
    assert!(!gateway.tells("taut_gateway_reloads_total{outcome=\"refused\"} 0"));
    assert!(gateway.tells("taut_gateway_reloads_total{outcome=\"taken\"} 0"));

    gateway.write(&settings(&origin, "/b"));
    tell(&gateway);
    gateway.until("the new route", || gateway.status("/b") == 200);
    assert_eq!(gateway.status("/a"), 404);
    gateway.until("the word", || gateway.words().contains("the settings were read again"));
    assert!(gateway.tells("taut_gateway_last_reload_successful 1"));
}

#[test]
fn a_file_that_changes_is_read_by_itself_and_a_wrong_one_refused() {
    check(&[], |_| ());
}

#[test]
fn sighup_has_the_file_read_and_a_wrong_one_is_refused() {
    check(&["--no-watch"], Running::hang_up);
}

#[test]
fn the_admin_port_has_the_file_read_and_a_wrong_one_is_refused() {
    check(&["--no-watch"], |gateway| {
        let (status, _) = gateway.answer("admin", "POST /reload", "");
        assert_eq!(status, 401, "not for who shows no token");
        let (status, told) = gateway.admin("POST /reload");
        assert_eq!(status, 200);
        assert!(told.contains("\"asked\": true"), "{told}");
    });
}
