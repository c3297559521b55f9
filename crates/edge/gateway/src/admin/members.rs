//! Members by order: added, removed, drained, weighed, while the gateway runs.
//!
//! An order stands on top of the settings: it outlives a reload, not a restart. What the settings say themselves when they
//! are read again needs no order any more: an added member that they name, a removed one that they do not.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::PoisonError,
};

use http::StatusCode;
use serde_json::{Value, json};
use traffic::{
    dns,
    plan::{Member, Plan, Service, is_zone},
    wire::is_address,
};

use super::Problem;
use crate::state::Shared;

/// What was ordered of members.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// By service and address.
    of: BTreeMap<(String, String), Order>,
    /// The plan as the settings have it.
    pub(crate) base: Plan,
    /// What was found for names of members that are looked up, by host and port.
    pub(crate) found: BTreeMap<String, Found>,
}

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Found {
    /// Its addresses, as of the last time that there were any.
    pub(crate) addresses: BTreeSet<SocketAddr>,
    /// Why it could not be looked up the last time; `None` if it could.
    pub(crate) trouble: Option<String>,
}

/// What was ordered of a member.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Order {
    /// No new requests are sent to it.
    pub(crate) drained: bool,
    /// Its weight, instead of that of the settings.
    weight: Option<u32>,
    presence: Presence,
}

/// Whether a member is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Presence {
    /// If the settings say so.
    #[default]
    AsTold,
    /// Although they do not, in this zone.
    Added(Option<String>),
    /// Not, although they say so.
    Removed,
}

/// Orders at once: more than there are members.
const ORDERS_MAX: usize = 10_000;

/// Members of a service that can be added: as many as settings can name.
const ADDED_MAX: usize = 1_000;

/// Weights, as in the settings.
const WEIGHT_MAX: u64 = 1_000;

impl Order {
    /// Whether the settings do not name it.
    pub(crate) fn is_added(&self) -> bool {
        matches!(self.presence, Presence::Added(_))
    }
}

impl Orders {
    /// None, beside this plan.
    pub(crate) fn new(base: Plan) -> Self {
        Self { of: BTreeMap::new(), base, found: BTreeMap::new() }
    }

    /// What was ordered of a member.
    pub(crate) fn of(&self, service: &str, address: &str) -> Option<&Order> {
        self.of.get(&(service.to_owned(), address.to_owned()))
    }

    /// Members of a service that were removed.
    pub(crate) fn removed(&self, service: &str) -> impl Iterator<Item = &str> {
        self.of_service(service)
            .filter(|(_, order)| order.presence == Presence::Removed)
            .map(|(address, _)| address)
    }

    /// Takes a plan of new settings. Orders that it makes needless are gone, and those for services that it has not.
    pub(crate) fn renew(&mut self, base: Plan) {
        self.base = base;
        let services = &self.base.services;
        self.of.retain(|(service, address), order| {
            let Some(service) = services.iter().find(|known| known.name == *service) else {
                return false;
            };
            let is_named = service.members.iter().any(|member| member.address == *address);
            match order.presence {
                Presence::Added(_) if is_named => order.presence = Presence::AsTold,
                // An address that a name stands for may be back at any time.
                Presence::Removed if !is_named && service.lookup.is_none() => return false,
                _ => {}
            }
            *order != Order::default()
        });
    }

    /// The settings' plan with the members that were added, by name or address.
    pub(crate) fn told(&self) -> Plan {
        self.told_without(None)
    }

    /// The same without one that was added, if it was.
    fn told_without(&self, but: Option<(&str, &str)>) -> Plan {
        let mut plan = self.base.clone();
        for service in &mut plan.services {
            let all = self.of_service(&service.name);
            let added = all.filter(|(address, _)| but != Some((&service.name, *address)));
            let added = added.filter_map(|(address, order)| {
                let Presence::Added(zone) = &order.presence else { return None };
                // What a name stands for has what was ordered of the name.
                let weight = if order.drained { 0 } else { order.weight.unwrap_or(1) };
                Some(Member { zone: zone.clone(), weight, ..Member::new(address) })
            });
            let added: Vec<Member> = added.collect();
            service.members.extend(added);
        }
        plan
    }

    /// The settings' plan with what was found and ordered.
    pub(crate) fn plan(&self) -> Plan {
        let mut plan = self.looked_up(self.told());
        for Service { name, members, .. } in &mut plan.services {
            members.retain(|member| {
                let order = self.of(name, &member.address);
                order.is_none_or(|order| order.presence != Presence::Removed)
            });
            for member in members {
                if let Some(order) = self.of(name, &member.address) {
                    member.weight = order.weight.unwrap_or(member.weight);
                    if order.drained {
                        member.weight = 0;
                    }
                }
            }
        }
        plan
    }

    /// A plan with the members that names stand for, whether they were removed or not.
    fn looked_up(&self, mut plan: Plan) -> Plan {
        let found = |name: &str| self.found.get(name).map(|found| &found.addresses);
        for service in &mut plan.services {
            if service.lookup.is_some() {
                service.members = dns::expanded(&service.members, found);
            }
        }
        plan
    }

    fn of_service(&self, service: &str) -> impl Iterator<Item = (&str, &Order)> {
        let first = (service.to_owned(), String::new());
        let orders = self.of.range(first.clone()..);
        orders
            .take_while(move |((of, _), _)| *of == first.0)
            .map(|((_, address), order)| (&**address, order))
    }

    /// The order that would stand once this is carried out, too; `None` for none.
    fn next(
        &self,
        (service, address): (&str, &str),
        verb: &str,
        body: &Value,
    ) -> Result<Order, Problem> {
        if !self.base.services.iter().any(|known| known.name == service) {
            return Err(Problem::unknown("no service has this name"));
        }
        let mut order = self.of(service, address).cloned().unwrap_or_default();
        let is_removed = order.presence == Presence::Removed;
        // By the settings, or by a name.
        let others = self.looked_up(self.told_without(Some((service, address))));
        let of_service = others.services.iter().find(|known| known.name == service);
        let is_listed =
            of_service.is_some_and(|known| known.members.iter().any(|one| one.address == address));
        // A name that was added is not listed where its addresses are.
        let is_there = order.is_added() || is_listed && !is_removed;
        if verb == "add" {
            if is_there {
                return Err(Problem::new(StatusCode::CONFLICT, "it is a member already"));
            }
            let added = self.of_service(service).filter(|(_, order)| order.is_added()).count();
            if ADDED_MAX <= added {
                return Err(Problem::new(StatusCode::CONFLICT, "1000 members were added already"));
            }
            // Of an address that no name stands for any more there is nothing to take back.
            let is_named = self.base.services.iter().any(|known| {
                known.name == service && known.members.iter().any(|one| one.address == address)
            });
            return added_as(address, is_removed && (is_listed || is_named), body);
        }
        if !is_there {
            return Err(Problem::unknown("no service of this name has a member of this address"));
        }
        match verb {
            // What was added is as if it had never been, unless a name stands for it by now.
            "remove" if order.is_added() && !is_listed => order = Order::default(),
            "remove" => order = Order { presence: Presence::Removed, ..Order::default() },
            "drain" => order.drained = true,
            "undrain" => order.drained = false,
            "weight" => {
                let missing = || Problem::wrong("expected {\"weight\": N}, from 0 to 1000");
                order.weight = Some(weight(body).ok_or_else(missing)?);
            }
            _ => return Err(Problem::unknown("known are add, remove, drain, undrain and weight")),
        }
        Ok(order)
    }
}

/// The order by which a member is there that was not.
fn added_as(address: &str, is_removed: bool, body: &Value) -> Result<Order, Problem> {
    const EXPECTED: &str = "expected nothing, or {\"weight\": N, \"zone\": \"...\"}: a weight from 0 to 1000, a zone of letters, digits and -._";
    let weight = match body.get("weight") {
        Some(_) => Some(weight(body).ok_or_else(|| Problem::wrong(EXPECTED))?),
        None => None,
    };
    let zone = match body.get("zone").map(Value::as_str) {
        Some(zone) => {
            let zone = zone.filter(|zone| is_zone(zone));
            Some(zone.ok_or_else(|| Problem::wrong(EXPECTED))?.to_owned())
        }
        None => None,
    };
    // It is in the settings, where its zone is as well.
    if is_removed {
        return Ok(Order { weight, ..Order::default() });
    }
    if !is_address(address) {
        return Err(Problem::wrong("expected a host and a port such as 10.0.0.3:8000"));
    }
    Ok(Order { drained: false, weight, presence: Presence::Added(zone) })
}

fn weight(body: &Value) -> Option<u32> {
    let weight = body.get("weight").and_then(Value::as_u64).filter(|it| *it <= WEIGHT_MAX)?;
    u32::try_from(weight).ok()
}

/// Carries out `POST /members/SERVICE/ADDRESS/add`, `remove`, `drain`, `undrain` or `weight`.
pub(super) fn change(shared: &Shared, path: &str, body: &Value) -> Result<Value, Problem> {
    let mut parts = path.splitn(3, '/');
    let (Some(service), Some(address), Some(verb)) = (parts.next(), parts.next(), parts.next())
    else {
        const EXPECTED: &str =
            "expected /members/SERVICE/ADDRESS/add, remove, drain, undrain or weight";
        return Err(Problem::unknown(EXPECTED));
    };
    let mut orders = shared.orders.lock().unwrap_or_else(PoisonError::into_inner);
    let order = orders.next((service, address), verb, body)?;
    let key = (service.to_owned(), address.to_owned());
    let before = orders.of.get(&key).cloned();
    if before.is_none() && ORDERS_MAX <= orders.of.len() {
        return Err(Problem::new(StatusCode::CONFLICT, "too many orders stand already"));
    }
    let told = json!({
        "service": service,
        "member": address,
        "added": order.is_added(),
        "removed": verb == "remove",
        "drained": order.drained,
        "weight": order.weight,
        "lasts": "over a reload, until it is undone or the gateway is restarted",
    });
    put(&mut orders.of, &key, Some(order));
    let plan = orders.plan();
    let of_service = plan.services.iter().find(|known| known.name == service);
    let left = of_service.is_some_and(|known| known.members.iter().any(|one| one.weight > 0));
    // Nobody was left before either: then this takes nobody away.
    let takes = verb != "add" && verb != "undrain";
    if takes && !left && body.get("force").and_then(Value::as_bool) != Some(true) {
        put(&mut orders.of, &key, before);
        let detail = "nobody of the service would be left; {\"force\": true} does it all the same";
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    shared.take(plan);
    Ok(told)
}

fn put(
    orders: &mut BTreeMap<(String, String), Order>,
    key: &(String, String),
    order: Option<Order>,
) {
    match order.filter(|order| *order != Order::default()) {
        Some(order) => drop(orders.insert(key.clone(), order)),
        None => drop(orders.remove(key)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use traffic::wire::Lookup;

    use super::*;

    #[test]
    fn members_that_are_added_are_bounded() {
        let service = Service::new("app", vec![Member::new("127.0.0.1:80")]);
        let mut orders = Orders::new(Plan { services: vec![service], ..Plan::default() });
        let mut added = 0;
        for port in 1..2_000 {
            let address = format!("127.0.0.2:{port}");
            let Ok(order) = orders.next(("app", &address), "add", &Value::Null) else { break };
            put(&mut orders.of, &("app".to_owned(), address), Some(order));
            added += 1;
        }
        assert_eq!(added, ADDED_MAX);
        assert_eq!(orders.plan().services[0].members.len(), ADDED_MAX + 1);
    }

    /// Orders beside a service whose members are looked up.
    fn looked_up() -> Orders {
        let lookup = Some(Lookup { interval: Duration::from_secs(1) });
        let members = vec![Member::new("app.test:80")];
        let service = Service { lookup, ..Service::new("app", members) };
        let mut orders = Orders::new(Plan { services: vec![service], ..Plan::default() });
        stands_for(&mut orders, "app.test:80", &["10.0.0.1:80"]);
        orders
    }

    fn stands_for(orders: &mut Orders, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        orders.found.insert(name.to_owned(), Found { addresses, trouble: None });
    }

    fn order(orders: &mut Orders, address: &str, verb: &str, body: &Value) -> Result<(), Problem> {
        let order = orders.next(("app", address), verb, body)?;
        put(&mut orders.of, &("app".to_owned(), address.to_owned()), Some(order));
        Ok(())
    }

    fn weights(orders: &Orders) -> Vec<(String, u32)> {
        let members = orders.plan().services.remove(0).members.into_iter();
        members.map(|member| (member.address, member.weight)).collect()
    }

    #[test]
    fn what_is_ordered_of_a_name_is_so_of_what_it_stands_for() {
        let (mut orders, name) = (looked_up(), "canary.test:80");
        assert!(order(&mut orders, name, "add", &json!({"weight": 0})).is_ok());
        stands_for(&mut orders, name, &["10.0.0.2:80", "10.0.0.3:80"]);
        let is = |orders: &Orders, weight: u32| {
            let all = [("10.0.0.1:80", 1), ("10.0.0.2:80", weight), ("10.0.0.3:80", weight)];
            let all = all.map(|(address, weight)| (address.to_owned(), weight));
            assert_eq!(weights(orders), all);
        };
        is(&orders, 0);
        assert!(order(&mut orders, name, "weight", &json!({"weight": 3})).is_ok());
        is(&orders, 3);
        assert!(order(&mut orders, name, "drain", &Value::Null).is_ok());
        is(&orders, 0);
        assert!(order(&mut orders, name, "undrain", &Value::Null).is_ok());
        is(&orders, 3);
    }

    #[test]
    fn an_address_that_was_added_and_that_a_name_stands_for_by_now_is_removed_all_the_same() {
        let mut orders = looked_up();
        let address = "10.0.0.2:80";
        assert!(order(&mut orders, address, "add", &Value::Null).is_ok());
        stands_for(&mut orders, "app.test:80", &["10.0.0.1:80", address]);
        assert!(order(&mut orders, address, "remove", &Value::Null).is_ok());
        assert_eq!(weights(&orders), [("10.0.0.1:80".to_owned(), 1)]);
        // And is there again once it is added again.
        assert!(order(&mut orders, address, "add", &Value::Null).is_ok());
        assert_eq!(weights(&orders).len(), 2);
        assert!(order(&mut orders, address, "remove", &Value::Null).is_ok());
        stands_for(&mut orders, "app.test:80", &["10.0.0.1:80"]);
        assert_eq!(weights(&orders), [("10.0.0.1:80".to_owned(), 1)]);
    }

    #[test]
    fn an_address_that_was_removed_and_has_gone_is_added_as_any_other() {
        let mut orders = looked_up();
        stands_for(&mut orders, "app.test:80", &["10.0.0.1:80", "10.0.0.2:80"]);
        assert!(order(&mut orders, "10.0.0.2:80", "remove", &Value::Null).is_ok());
        // The name stands for it still: the removal is taken back.
        assert!(order(&mut orders, "10.0.0.2:80", "add", &Value::Null).is_ok());
        assert!(orders.of("app", "10.0.0.2:80").is_none());
        assert!(order(&mut orders, "10.0.0.2:80", "remove", &Value::Null).is_ok());
        stands_for(&mut orders, "app.test:80", &["10.0.0.1:80"]);
        assert!(order(&mut orders, "10.0.0.2:80", "add", &json!({"zone": "b"})).is_ok());
        assert!(orders.of("app", "10.0.0.2:80").is_some_and(Order::is_added));
        let both = ["10.0.0.1:80", "10.0.0.2:80"].map(|address| (address.to_owned(), 1));
        assert_eq!(weights(&orders), both);
    }
}
