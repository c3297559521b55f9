//! Members of a service: where they are, how they are spoken to, and how their names are looked up.

use std::time::Duration;

use toml::de::DeValue;
use traffic::{
    plan::Member,
    proxy_protocol::Version,
    wire::{self, Http, Lookup, MemberTls, Wire},
};

use crate::table::Kind;

use super::{TABLES_MAX, Told, certificate, fields::Fields};

/// How the addresses of members begin: which HTTP, and whether it is encrypted.
pub(super) type Spoken = (Http, bool);

/// All members, and how they are spoken to, which is the same for all of them.
pub(super) fn all(fields: &mut Fields<'_>, told: &mut Told<'_>) -> (Vec<Member>, Spoken) {
    let mut members: Vec<Member> = Vec::new();
    let mut spoken = None;
    for entry in fields.list("members", TABLES_MAX, told) {
        let (text, span, weight, zone) = match entry.get_ref() {
            DeValue::Table(_) => {
                let Some(mut one) = Fields::of("gateway.service.members", entry, told) else {
                    continue;
                };
                let address = one.text("address", told);
                let weight = Kind::Count { min: 0, max: 1_000 };
                let weight = one.small("weight", weight, told).unwrap_or(1);
                let zone = super::zone(&mut one, told);
                if address.is_none() {
                    one.missing(
                        "address",
                        "such as `{ address = \"127.0.0.1:8000\", weight = 2 }`",
                        told,
                    );
                }
                one.end(told);
                let Some((address, span)) = address else { continue };
                (address, span, weight, zone)
            }
            DeValue::String(address) => (address.to_string(), entry.span(), 1, None),
            _ => {
                fields.wrong_at("members", entry.span(), "expected a host and a port", told);
                continue;
            }
        };
        let Some((speaks, address)) = split(&text) else {
            let label = "expected a host and a port such as `127.0.0.1:8000`, after `https://`, `h2://` or `h2c://` if it speaks that";
            fields.wrong_at("members", span, label, told);
            continue;
        };
        if members.iter().any(|member| member.address == address) {
            fields.wrong_at("members", span, "it is among them already", told);
        } else if spoken.is_some_and(|other| other != speaks) {
            let label = "all members of a service are spoken to in the same way";
            fields.wrong_at("members", span, label, told);
        } else {
            spoken = Some(speaks);
            members.push(Member { weight, zone, ..Member::new(address) });
        }
    }
    (members, spoken.unwrap_or_default())
}

/// How an address begins, and the host and port. Those with a scheme may leave its usual port out.
fn split(text: &str) -> Option<(Spoken, String)> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return wire::is_address(text).then(|| (Spoken::default(), text.to_owned()));
    };
    let spoken = wire::scheme(scheme)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let port = if spoken.1 { 443 } else { 80 };
    let with_port = format!("{rest}:{port}");
    let found = [rest, &with_port].into_iter().find(|text| wire::is_address(text))?;
    Some((spoken, found.to_owned()))
}

/// How members are spoken to.
pub(super) fn wire(fields: &mut Fields<'_>, spoken: Spoken, told: &mut Told<'_>) -> Wire {
    let (http, encrypted) = spoken;
    let mut tls = encrypted.then(MemberTls::default);
    if let Some(table) = fields.raw("tls") {
        let span = table.span();
        if let Some(mut one) = Fields::of("gateway.service.tls", table, told) {
            let authorities = one.file("ca", told);
            let name = one.text("name", told).map(|(name, _)| name);
            let identity = certificate(&mut one, told);
            one.end(told);
            if encrypted {
                tls = Some(MemberTls { authorities, name, identity });
            } else {
                let label =
                    "its members are not encrypted: `members = [\"https://10.0.0.2:8443\"]`";
                fields.wrong_at("tls", span, label, told);
            }
        }
    }
    let proxy_protocol = match fields.word("proxy-protocol", &["off", "v1", "v2"], told) {
        Some("v1") => Some(Version::One),
        Some("v2") => Some(Version::Two),
        _ => None,
    };
    Wire { http, tls, proxy_protocol }
}

/// How names are looked up again.
pub(super) fn lookup(fields: &mut Fields<'_>, told: &mut Told<'_>) -> Option<Lookup> {
    let often = Kind::Duration { min: Duration::from_millis(100), max: Duration::from_hours(24) };
    fields.time("look-up", often, told).map(|interval| Lookup { interval })
}
