//! Remedies that the gateway carries out: operations as routes of its settings.

use model::{Finding, GatewayChange, GatewayPlace, Snippet};

use crate::Hint;

/// Parts of a path whose first sign is one of these stand for what differs from request to request.
const PARAMETERS: &[char] = &['{', '<', ':', '*', '(', '['];

/// An operation as a route sees it: its method, its paths as a route names them, and a path such as its requests have.
/// `None` if it is none of HTTP.
#[must_use]
pub fn paths_of(operation: &str) -> Option<(String, String, String)> {
    let (method, path) = operation.split_once(' ')?;
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(&method);
    let tame = path.is_ascii() && !path.contains([' ', '?', '#', '"', '\\']);
    if !known || !tame || path.chars().any(char::is_control) {
        return None;
    }
    // Frameworks name routes with a slash in front and without.
    let path = format!("/{}", path.trim_start_matches(['/', '^']).trim_end_matches('$'));
    let differs = |part: &&str| part.starts_with(PARAMETERS) || part.contains('{');
    let parts: Vec<&str> = path.split('/').collect();
    let paths = match parts.iter().position(differs) {
        Some(place) => format!("{}/*", parts.get(..place)?.join("/")),
        None => path.clone(),
    };
    let example = parts.iter().map(|part| if differs(part) { "1" } else { *part });
    let example = example.collect::<Vec<_>>().join("/");
    Some((method.to_owned(), paths, example))
}

/// A change of the route that takes a finding's operation.
pub(crate) fn of_route(
    remedy: &str,
    finding: &Finding,
    settings: &[(&str, String)],
    reason: String,
) -> Option<GatewayChange> {
    let (method, paths, example) = paths_of(&finding.operation.operation)?;
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
    let reason = if paths.ends_with("/*") {
        format!("{reason} Routes know no parameters: this takes everything below {paths}.")
    } else {
        reason
    };
    Some(GatewayChange {
        remedy: remedy.to_owned(),
        on: GatewayPlace::Route,
        method,
        paths,
        example,
        settings: settings.collect(),
        reason,
    })
}

/// A change as a hint: why, and the settings to copy.
pub(crate) fn hint(change: &GatewayChange) -> Hint {
    let mut code = match &change.on {
        GatewayPlace::Route => {
            let methods = if change.method == "GET" { "\"GET\", \"HEAD\"" } else { "" };
            let methods =
                if methods.is_empty() { format!("\"{}\"", change.method) } else { methods.into() };
            format!("[[gateway.route]]\npaths = [\"{}\"]\nmethods = [{methods}]\n", change.paths)
        }
        GatewayPlace::Service | GatewayPlace::Host(_) => "[gateway.service.…]\n".to_owned(),
    };
    for (key, value) in &change.settings {
        code.push_str(&format!("{key} = {value}\n"));
    }
    let snippet = Some(Snippet { language: "toml", code: code.trim_end().to_owned() });
    let text = format!("{} `taut fix ID --plan` shows it as a patch.", change.reason);
    Hint { text, snippet, change: None }
}

/// Attributes that name the process which answered.
const INSTANCES: &[&str] = &[
    "service.instance.id",
    "host.name",
    "host.id",
    "k8s.pod.name",
    "container.id",
    "server.address",
    "process.pid",
];

/// Attributes that name who asked.
const CLIENTS: &[&str] = &[
    "client.address",
    "http.client_ip",
    "enduser.id",
    "user.id",
    "tenant.id",
    "http.request.header.x-api-key",
    "user_agent.original",
];

/// Whether requests at fault differ from the others by the process that answered them.
pub(crate) fn is_by_instance(finding: &Finding) -> bool {
    is_by(finding, INSTANCES)
}

/// Whether requests at fault differ from the others by who sent them.
pub(crate) fn is_by_client(finding: &Finding) -> bool {
    is_by(finding, CLIENTS)
}

fn is_by(finding: &Finding, keys: &[&str]) -> bool {
    let attribute = finding.evidence.attribute.as_ref();
    attribute.is_some_and(|(key, _)| keys.contains(&key.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(operation: &str, expected: Option<(&str, &str)>) {
        let found = paths_of(operation);
        let found = found.as_ref().map(|(_, paths, example)| (&**paths, &**example));
        assert_eq!(found, expected, "{operation}");
    }

    #[test]
    fn operations_become_routes() {
        check("GET /api/trending/", Some(("/api/trending/", "/api/trending/")));
        check("GET /api/orders/{id}/lines", Some(("/api/orders/*", "/api/orders/1/lines")));
        check("GET api/orders/<int:pk>/", Some(("/api/orders/*", "/api/orders/1/")));
        check("POST /users/:id", Some(("/users/*", "/users/1")));
        check("GET /{slug}", Some(("/*", "/1")));
        check("GET /v{version}/items", Some(("/*", "/1/items")));
        check("send mail", None);
        check("orders.list", None);
        check("GET /a b", None);
    }
}
