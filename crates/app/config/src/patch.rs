//! Changes of `[gateway]` in a settings file: made in place, so that every comment and every blank stays.
//!
//! What comes out is read as the settings are before anybody writes it: a patch that would be refused is none.

mod diff;

use std::path::Path;

use http::{HeaderMap, Method};
use model::{GatewayChange, GatewayPlace};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TableLike, Value};
use traffic::{
    plan::{Host, PathRule, Plan, Route},
    route::{self, Asked},
};

use crate::{file, problem::SettingsError};

pub use diff::{DiffError, diff, undone};

/// A settings file with a change in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patched {
    /// All of its text.
    pub text: String,
    /// What was changed, for people: ``route `api` ``.
    pub place: String,
    /// What else follows from it.
    pub notes: Vec<String>,
}

/// Why a settings file cannot be changed so.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// The file is wrong before anything is changed.
    #[error("the settings are wrong as they are\n{0}")]
    Before(SettingsError),
    /// The file would be wrong.
    #[error("the settings would be wrong with this change\n{0}")]
    After(SettingsError),
    /// There is no gateway.
    #[error("there is no `[gateway]` in the settings")]
    NoGateway,
    /// No route takes such requests.
    #[error("no route of the gateway takes {operation}")]
    NoRoute {
        /// Method and path.
        operation: String,
    },
    /// Several routes take such requests, each for other hosts.
    #[error("several routes take {operation}, for other hosts: {}", routes.join(", "))]
    Several {
        /// Method and path.
        operation: String,
        /// Their names.
        routes: Vec<String>,
    },
    /// No service has such a member.
    #[error("no service of the gateway has a member at {host}")]
    NotInFront {
        /// Who was meant.
        host: String,
    },
    /// It says so already.
    #[error("{place} says so already")]
    Already {
        /// What was to be changed.
        place: String,
    },
    /// The file is written in a way that is not changed here.
    #[error("routes and services can only be changed where they are tables of their own")]
    Layout,
    /// A value is none.
    #[error("`{key} = {value}` is not valid TOML")]
    Value {
        /// The key.
        key: String,
        /// What was to be its value.
        value: String,
    },
}

impl PatchError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Before(_) => "`taut gateway --check` reads them",
            Self::After(_) => "--set KEY=VALUE changes what is set",
            Self::NoGateway => "`taut gateway --example >> taut.toml` writes one to begin with",
            Self::NoRoute { .. } => "add a `[[gateway.route]]` for its path first",
            Self::Several { .. } => "--on-route NAME says which",
            Self::NotInFront { .. } => "the gateway can only answer for what it is in front of",
            Self::Already { .. } => "`taut gateway --check` shows what it means",
            Self::Layout => "write `[[gateway.route]]` and `[gateway.service.NAME]`",
            Self::Value { .. } => "texts need quotes: --set 'total-timeout=\"5s\"'",
        }
    }
}

/// Makes a change in the text of a settings file. `on` names the route, where several take the same requests.
///
/// # Errors
///
/// There is nothing to change it on, it is there already, or the file would be refused.
pub fn patched(
    path: &Path,
    text: &str,
    change: &GatewayChange,
    on: Option<&str>,
) -> Result<Patched, PatchError> {
    let plan = plan_of(path, text, PatchError::Before)?;
    let mut document: DocumentMut = text.parse().map_err(|_error| PatchError::Layout)?;
    let gateway = document.get_mut("gateway").ok_or(PatchError::NoGateway)?;
    let mut notes = Vec::new();
    let place = match &change.on {
        GatewayPlace::Host(host) => {
            let service = plan.services.iter().find(|service| {
                service.members.iter().any(|member| is_host(&member.address, host))
            });
            let missing = || PatchError::NotInFront { host: host.clone() };
            on_service(gateway, &service.ok_or_else(missing)?.name, change)?
        }
        GatewayPlace::Service => {
            let route = taken_by(&plan, change, on)?;
            let service = plan.services.get(route.service).ok_or(PatchError::Layout)?;
            on_service(gateway, &service.name, change)?
        }
        GatewayPlace::Route => {
            let route = taken_by(&plan, change, on)?;
            on_route(gateway, &plan, route, (change, &mut notes))?
        }
    };
    let text = document.to_string();
    let after = plan_of(path, &text, PatchError::After)?;
    if after == plan {
        return Err(PatchError::Already { place });
    }
    Ok(Patched { text, place, notes })
}

/// Whether a text would be taken as settings.
///
/// # Errors
///
/// What is wrong with it.
pub fn checked(path: &Path, text: &str) -> Result<(), PatchError> {
    plan_of(path, text, PatchError::After).map(drop)
}

fn plan_of(
    path: &Path,
    text: &str,
    wrong: fn(SettingsError) -> PatchError,
) -> Result<Plan, PatchError> {
    let mut problems = Vec::new();
    let said = file::read(path, text, &mut problems);
    if !problems.is_empty() {
        return Err(wrong(SettingsError::new(&problems)));
    }
    said.gateway.ok_or(PatchError::NoGateway)
}

/// The route that takes the requests of a change.
fn taken_by<'a>(
    plan: &'a Plan,
    change: &GatewayChange,
    on: Option<&str>,
) -> Result<&'a Route, PatchError> {
    let operation = || format!("{} {}", change.method, change.example);
    let missing = || PatchError::NoRoute { operation: operation() };
    let table = route::Table::new(&plan.routes);
    let method: Method = change.method.parse().map_err(|_error| missing())?;
    let any = [String::new()].into_iter();
    let named = plan.routes.iter().flat_map(|route| &route.hosts).map(|host| match host {
        Host::Exactly(host) => host.clone(),
        Host::Below(suffix) => format!("any{suffix}"),
    });
    let headers = HeaderMap::new();
    let mut places: Vec<usize> = any
        .chain(named)
        .filter_map(|host| {
            let path = &change.example;
            let asked = Asked { host: &host, path, method: &method, headers: &headers };
            Some(table.find(&plan.routes, &asked)?.route)
        })
        .collect();
    places.sort_unstable();
    places.dedup();
    let mut routes: Vec<&Route> =
        places.into_iter().filter_map(|place| plan.routes.get(place)).collect();
    if let Some(on) = on {
        routes.retain(|route| route.name == on);
    }
    match routes.as_slice() {
        [] => Err(missing()),
        [route] => Ok(route),
        several => Err(PatchError::Several {
            operation: operation(),
            routes: several.iter().map(|route| route.name.clone()).collect(),
        }),
    }
}

/// Whether a member's address is at this host, or at this host and port.
fn is_host(address: &str, host: &str) -> bool {
    let bare = address.rsplit_once(':').map_or(address, |(bare, _)| bare);
    address.eq_ignore_ascii_case(host) || bare.eq_ignore_ascii_case(host)
}

fn on_service(
    gateway: &mut Item,
    name: &str,
    change: &GatewayChange,
) -> Result<String, PatchError> {
    let service = gateway.get_mut("service").and_then(|services| services.get_mut(name));
    let table = service.and_then(Item::as_table_like_mut).ok_or(PatchError::Layout)?;
    set(table, change)?;
    Ok(format!("service `{name}`"))
}

/// Sets it on the route, or on a narrower copy of a route that takes more than is meant.
fn on_route(
    gateway: &mut Item,
    plan: &Plan,
    route: &Route,
    (change, notes): (&GatewayChange, &mut Vec<String>),
) -> Result<String, PatchError> {
    let routes = gateway.get_mut("route").and_then(Item::as_array_of_tables_mut);
    let routes = routes.ok_or(PatchError::Layout)?;
    let place = plan.routes.iter().position(|known| known.name == route.name);
    let place = place.filter(|_| routes.len() == plan.routes.len()).ok_or(PatchError::Layout)?;
    let wanted = PathRule::parse(&change.paths);
    if route.paths.len() == 1 && route.paths.first() == wanted.as_ref() {
        set(routes.get_mut(place).ok_or(PatchError::Layout)?, change)?;
        return Ok(format!("route `{}`", route.name));
    }
    let mut copy = routes.get(place).ok_or(PatchError::Layout)?.clone();
    copy.decor_mut()
        .set_prefix(format!("\n# {} {}: {}\n", change.method, change.paths, change.remedy));
    unplaced(&mut copy);
    narrow(&mut copy, route, change);
    set(&mut copy, change)?;
    insert_after(routes, place, copy);
    notes.push(format!(
        "the route `{}` takes more than this, so {} {} gets a route of its own beside it, with the same settings otherwise",
        route.name, change.method, change.paths
    ));
    // One with a name is counted with the other routes that have it.
    if route.limit.as_ref().is_some_and(|limit| limit.name.is_none()) {
        notes.push(
            "limits are counted by route: what the new one lets in counts by itself".to_owned(),
        );
    }
    Ok(format!("a new route for {} {}", change.method, change.paths))
}

/// A copy goes where it is put, not where it was copied from.
fn unplaced(table: &mut Table) {
    table.set_position(None);
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(inner) => unplaced(inner),
            Item::ArrayOfTables(inner) => inner.iter_mut().for_each(unplaced),
            Item::Value(_) | Item::None => {}
        }
    }
}

/// Leaves of a route only the requests that are meant.
fn narrow(table: &mut Table, route: &Route, change: &GatewayChange) {
    table.remove("name");
    let methods: &[&str] =
        if change.method == "GET" { &["GET", "HEAD"] } else { &[&change.method] };
    let all: toml_edit::Array = methods
        .iter()
        .filter(|method| {
            let asked = method.parse::<Method>();
            let named = |asked: &Method| route.methods.contains(asked);
            route.methods.is_empty() || asked.as_ref().is_ok_and(named)
        })
        .copied()
        .collect();
    table.insert("methods", toml_edit::value(all));
    let paths: toml_edit::Array = [change.paths.as_str()].into_iter().collect();
    table.insert("paths", toml_edit::value(paths));
    if let Some(replacement) = &route.rewrite {
        // The part that the wider route named was put in place of; of the narrower one it is a longer part.
        let named = change.paths.trim_end_matches('*');
        let wide = route.paths.iter().filter_map(|rule| match rule {
            PathRule::Below(prefix) if named.starts_with(&**prefix) => Some(prefix.len()),
            PathRule::Exactly(_) | PathRule::Below(_) => None,
        });
        let rewrite = route::rewritten(named, wide.max().unwrap_or(0), replacement);
        table.insert("rewrite", toml_edit::value(rewrite));
    }
}

fn insert_after(routes: &mut ArrayOfTables, place: usize, table: Table) {
    if place + 1 < routes.len() {
        routes.insert(place + 1, table);
    } else {
        routes.push(table);
    }
}

/// Sets keys; of a table that is there only what the new one names.
fn set(table: &mut dyn TableLike, change: &GatewayChange) -> Result<(), PatchError> {
    for (key, text) in &change.settings {
        let wrong = || PatchError::Value { key: key.clone(), value: text.clone() };
        let value: Value = text.trim().parse().map_err(|_error| wrong())?;
        let there = table.get_mut(key);
        match (there, &value) {
            (Some(Item::Value(Value::InlineTable(there))), Value::InlineTable(new)) => {
                for (key, value) in new {
                    there.insert(key, value.clone());
                }
            }
            (Some(Item::Table(there)), Value::InlineTable(new)) => {
                for (key, value) in new {
                    there.insert(key, Item::Value(value.clone()));
                }
            }
            (Some(Item::Value(there)), _) => {
                let decor = there.decor().clone();
                *there = value;
                *there.decor_mut() = decor;
            }
            (Some(_), _) => return Err(PatchError::Layout),
            (None, _) => drop(table.insert(key, Item::Value(value))),
        }
    }
    Ok(())
}
