//! `cargo xtask fronts`: what the gateway brings in front of the proving ground, whose application is not touched. The same
//! requests straight to it and through the gateway: answers compared, latencies and bytes measured, a verdict by `taut prove`.

use std::{path::Path, process::Child, time::Duration};

use serde_json::Value;

use crate::{
    args::Args,
    failure::Failure,
    ground::{self, Application, Folder, How},
    screen,
    service::{Service, free_port},
    shell::{self, Shell, make_folder},
    sides::{self, Load, Sides, Told, text, write},
};

/// Requests that are answered with the gateway in front, and without.
struct Front {
    name: &'static str,
    /// Whose requests these are, as the proving ground's traffic has them.
    asks: &'static str,
    /// What the gateway does.
    does: &'static str,
    /// Its route, but for name and service.
    route: &'static str,
    /// The service that the route leads to.
    service: &'static str,
    users: u32,
    /// Seconds before and after, for some 160 requests each on an idle machine, as a p95 wants them.
    seconds: [u64; 2],
    /// Who asks for something else meanwhile: whose requests, and how many users.
    meanwhile: Option<(&'static str, u32)>,
}

const fn front(name: &'static str, asks: &'static str, route: &'static str) -> Front {
    let seconds = [60, 20];
    let (does, service) = ("", "app");
    Front { name, asks, does, route, service, users: 2, seconds, meanwhile: None }
}

const FRONTS: &[Front] = &[
    Front {
        does: "cached for a minute",
        seconds: [220, 10],
        ..front(
            "trending",
            "trending",
            "paths = [\"/api/trending/\"]\ncache = { ttl = \"1m\", stale-while-revalidate = \"1m\" }",
        )
    },
    Front {
        does: "two at once, as many wait",
        service: "webhooks",
        users: 4,
        seconds: [40, 40],
        ..front("webhooks", "webhooks", "paths = [\"/api/webhooks/*\"]")
    },
    Front {
        does: "the same, for who asks for something else meanwhile",
        seconds: [20, 20],
        meanwhile: Some(("webhooks", 4)),
        ..front("jobs-beside-webhooks", "jobs", "paths = [\"/api/jobs/\"]")
    },
    Front {
        does: "compressed",
        seconds: [130, 130],
        ..front("articles", "articles", "paths = [\"/api/articles/\"]\ncompress = \"on\"")
    },
    Front {
        does: "compressed, and cached for a minute",
        seconds: [130, 10],
        ..front(
            "articles-cached",
            "articles",
            "paths = [\"/api/articles/\"]\ncompress = \"on\"\ncache = { ttl = \"1m\", stale-while-revalidate = \"1m\" }",
        )
    },
    Front {
        does: "cached, compressed, kept by browsers",
        seconds: [15, 15],
        ..front(
            "assets",
            "assets",
            "paths = [\"/static/*\"]\nassets = \"on\"\ncompress = \"on\"\ncache = { ttl = \"1m\" }",
        )
    },
];

/// What each request says: which of the routes it is for, and that it can be compressed, as browsers say.
const ROUTE: &str = "x-front";

/// `cargo xtask fronts`
pub(crate) fn command(shell: &mut Shell, args: &Args) -> Result<(), Failure> {
    let names: Vec<&str> = FRONTS.iter().map(|front| front.name).collect();
    let told = Told::read(args, "nothing to measure", &names)?;
    let scale = told.scale;
    let binary = told.ready(shell)?;
    // The folder of the pairs' faulty side: its rows are loaded already where those ran.
    let folder = Folder::claim(shell, "pairs-faulty")?;
    let otlp = "http://127.0.0.1:9";
    let how = How { mode: "faulty", scale, otlp, database: None, distance_millis: 0.0 };
    let application = Application::up(shell, &folder, &how)?;
    let work = folder.join("work");
    let outcome = make_folder(&work).and_then(|()| {
        let sides = Sides { shell, binary: &binary, work: &work };
        rows(&sides, application.base(), &told)
    });
    shell.forget_interrupt();
    let down = application.down(shell);
    let rows = outcome?;
    down?;
    let load = sides::load_average();
    screen::print(&format!(
        "\nRows: {scale}; load average at the end {load}.\n\n\
         | requests | what the gateway does | p50 ms | p95 ms | bytes an answer | requests | verdict by p50 | by p95 | answers |\n\
         |---|---|---|---|---|---|---|---|---|\n{}\n",
        rows.concat()
    ));
    Ok(())
}

/// The table's rows, with a gateway for all of them.
fn rows(sides: &Sides<'_>, base: &str, told: &Told<'_>) -> Result<Vec<String>, Failure> {
    let port = free_port(0)?;
    let file = sides.work.join("gateway.toml");
    write(&file, &settings(port, base.trim_start_matches("http://")))?;
    let mut command = sides.shell.command(sides.binary);
    ground::forget_settings(&mut command);
    command.args(["gateway", "--no-watch", "--config"]).arg(&file);
    command.env("TAUT_STORE_FOLDER", sides.work.join("store"));
    let mut gateway = Service::start(sides.shell, "taut gateway", &mut command, port)?;
    let through = format!("http://127.0.0.1:{port}");
    let wanted = FRONTS.iter().filter(|front| told.wants(front.name));
    let rows = wanted.map(|front| row(sides, front, [base, &through], told.share)).collect();
    match gateway.ended() {
        Some(failure) => Err(failure),
        None => rows,
    }
}

/// The gateway's settings: a route for each, told apart by a header.
fn settings(port: u16, member: &str) -> String {
    let mut text = format!(
        "[gateway]\nlisten = [\"127.0.0.1:{port}\"]\nadmin = \"off\"\nworkers = 1\n\n\
         [gateway.service.app]\nmembers = [\"{member}\"]\n\n\
         [gateway.service.webhooks]\nmembers = [\"{member}\"]\nconnections-max = 2\nconnect-timeout = \"30s\"\n"
    );
    for Front { name, route, service, .. } in FRONTS {
        text.push_str(&format!(
            "\n[[gateway.route]]\nname = \"{name}\"\nservice = \"{service}\"\nheaders = {{ {ROUTE} = \"{name}\" }}\n{route}\n"
        ));
    }
    // What is asked meanwhile says nothing of routes.
    text.push_str(
        "\n[[gateway.route]]\nservice = \"webhooks\"\npaths = [\"/api/webhooks/*\"]\n\n[[gateway.route]]\nservice = \"app\"\n",
    );
    text
}

/// A row of the table.
fn row(sides: &Sides<'_>, front: &Front, bases: [&str; 2], share: f64) -> Result<String, Failure> {
    let Front { name, asks, does, users, seconds, .. } = *front;
    let asks = sides.asks(asks)?;
    let headers = [(ROUTE, name), ("Accept-Encoding", "gzip, br, zstd")];
    let answers = sides.answers(name, &asks, bases, &headers)?;
    let mut told = Vec::new();
    for (side, base, seconds) in
        [("straight", bases[0], seconds[0]), ("gateway", bases[1], seconds[1])]
    {
        #[expect(clippy::cast_precision_loss, reason = "seconds")]
        let seconds = (seconds as f64 * share / 100.0).max(1.0);
        let load = Load { users, seconds, headers: &headers };
        let meanwhile = match front.meanwhile {
            Some(others) => Some(Meanwhile::begin(sides, others, base, seconds)?),
            None => None,
        };
        let loaded = sides.load((name, side), &asks, base, load);
        drop(meanwhile);
        told.push(loaded?);
    }
    let verdict = |measure| sides.verdict(name, ["straight", "gateway"], measure);
    let (by_p50, by_p95) = (verdict("p50")?, verdict("p95")?);
    let (before, after) = (&told[0], &told[1]);
    Ok(format!(
        "| {name} | {does} | {} | {} | {} -> {} | {} | {by_p50} | {by_p95} | {answers} |\n",
        sides::millis(before, after, "p50"),
        sides::millis(before, after, "p95"),
        bytes(before),
        bytes(after),
        sides::requests(before, after),
    ))
}

/// Bytes of an answer, in the middle of all.
fn bytes(side: &Value) -> u64 {
    let of = |name: &str| side[name].as_u64().unwrap_or_default();
    of("body_bytes").checked_div(of("answered")).unwrap_or_default()
}

/// Others who ask, until this is dropped.
struct Meanwhile(Child);

impl Meanwhile {
    fn begin(
        sides: &Sides<'_>,
        (endpoint, users): (&str, u32),
        base: &str,
        seconds: f64,
    ) -> Result<Self, Failure> {
        let asks = sides.asks(endpoint)?;
        let file = sides.scenario((endpoint, "meanwhile"), &asks, base, &[])?;
        let mut command = sides.shell.command(sides.binary);
        // Longer than who is measured; it is ended before.
        let length = format!("{}s", seconds + 60.0);
        command.args(["load", &text(&file), "--users", &users.to_string(), "--for", &length]);
        let log: &Path = &sides.shell.log_path("meanwhile");
        let child = Shell::spawn(&mut command, log)?;
        let begun = Self(child);
        // By then all of them wait for answers.
        sides.shell.sleep(Duration::from_secs(2))?;
        Ok(begun)
    }
}

impl Drop for Meanwhile {
    fn drop(&mut self) {
        shell::end(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_what_the_gateway_does() {
        for front in FRONTS {
            assert!(!front.does.is_empty(), "{}", front.name);
            assert!(front.route.starts_with("paths = "), "{}", front.name);
        }
    }

    #[test]
    fn each_route_is_for_the_requests_that_name_it() {
        let settings = settings(8080, "127.0.0.1:8000");
        for front in FRONTS {
            assert!(settings.contains(&format!("headers = {{ x-front = \"{}\" }}", front.name)));
            assert!(settings.contains(&format!("[gateway.service.{}]", front.service)));
        }
    }
}
