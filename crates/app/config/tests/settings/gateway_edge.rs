//! `[gateway]`: how connections begin and end: certificates, the PROXY protocol, members that are encrypted or looked up
//! by name, second members, assets.

use std::time::Duration;

use traffic::{
    cache::Keep,
    hedge::HedgeRule,
    proxy_protocol::Version,
    wire::{Http, MemberTls},
};

use crate::{complaint, file, load};

fn with(gateway: &str, service: &str, route: &str) -> String {
    format!(
        "[gateway]\n{gateway}\n[gateway.service.app]\n{service}\n\n[[gateway.route]]\nservice = \"app\"\n{route}\n"
    )
}

const PLAIN: &str = "members = [\"127.0.0.1:8000\"]";

#[test]
fn members_say_how_they_are_spoken_to() {
    for (address, http, encrypted, meant) in [
        ("10.0.0.1:80", Http::One, false, "10.0.0.1:80"),
        ("http://app.internal", Http::One, false, "app.internal:80"),
        ("https://app.internal", Http::Offered, true, "app.internal:443"),
        ("https://[2001:db8::1]:8443/", Http::Offered, true, "[2001:db8::1]:8443"),
        ("h2://app.internal:8443", Http::Two, true, "app.internal:8443"),
        ("h2c://app.internal:8080", Http::Two, false, "app.internal:8080"),
    ] {
        let text = with("", &format!("members = [\"{address}\"]"), "");
        let plan = load(&file(&text)).gateway.expect("there is a section");
        let service = &plan.services[0];
        assert_eq!(service.members[0].address, meant);
        assert_eq!((service.wire.http, service.wire.tls.is_some()), (http, encrypted), "{address}");
    }
}

#[test]
fn everything_about_connections_is_read() {
    let text = with(
        "trusted = [\"10.0.0.0/8\"]\nresolver = \"10.0.0.2:53\"\nlisten = [{ address = \"0.0.0.0:443\", certificate = \"a.pem\", \
         key = \"a.key\", certificates = [{ certificate = \"b.pem\", key = \"b.key\" }], proxy-protocol = \"on\" }]\n",
        "members = [\"https://app.internal\"]\nlook-up = \"5s\"\nproxy-protocol = \"v2\"\n\
         tls = { ca = \"ca.pem\", name = \"other.internal\", certificate = \"own.pem\", key = \"own.key\" }",
        "hedge = \"p95\"\nassets = \"on\"",
    );
    let plan = load(&file(&text)).gateway.expect("there is a section");
    assert_eq!(plan.resolver, Some("10.0.0.2:53".parse().unwrap()));
    let listen = &plan.listen[0];
    let ends: Vec<_> = listen.tls.iter().map(|one| one.chain.file_name().unwrap()).collect();
    assert_eq!((ends, listen.proxy_protocol), (vec!["a.pem".as_ref(), "b.pem".as_ref()], true));
    let service = &plan.services[0];
    let MemberTls { authorities, name, identity } = service.wire.tls.as_ref().unwrap();
    assert!(authorities.as_ref().unwrap().ends_with("ca.pem"));
    assert_eq!(name.as_deref(), Some("other.internal"));
    assert!(identity.as_ref().unwrap().key.ends_with("own.key"));
    assert_eq!(service.wire.proxy_protocol, Some(Version::Two));
    assert_eq!(service.lookup.unwrap().interval, Duration::from_secs(5));
    assert_eq!((plan.routes[0].hedge, plan.routes[0].assets), (Some(HedgeRule::Percentile), true));
    for (hedge, meant) in
        [("off", None), ("50ms", Some(HedgeRule::After(Duration::from_millis(50))))]
    {
        let text = with("", PLAIN, &format!("hedge = \"{hedge}\""));
        assert_eq!(load(&file(&text)).gateway.unwrap().routes[0].hedge, meant);
    }
    // Of the service, of the route, and both together.
    for (service, route, meant) in [
        ("", "", None),
        ("total-timeout = \"5s\"", "", Some(5)),
        ("total-timeout = \"5s\"", "total-timeout = \"20s\"", Some(20)),
        ("total-timeout = \"5s\"", "total-timeout = \"off\"", None),
    ] {
        let text = with("", &format!("{PLAIN}\n{service}"), route);
        let plan = load(&file(&text)).gateway.unwrap();
        assert_eq!(plan.total(&plan.routes[0]), meant.map(Duration::from_secs), "{text}");
    }
}

#[test]
fn mistakes_are_told() {
    for (gateway, service, route, words) in [
        ("", "members = [\"ftp://a:1\"]", "", "`https://`, `h2://` or `h2c://`"),
        ("", "members = [\"https://a/path\"]", "", "expected a host and a port"),
        ("", "members = [\"https://a:1\", \"b:1\"]", "", "spoken to in the same way"),
        ("", "members = [\"a:1\"]\ntls = { ca = \"ca.pem\" }", "", "its members are not encrypted"),
        ("", "members = [\"https://a\"]\ntls = { verify = \"off\" }", "", "unknown key `verify`"),
        (
            "",
            "members = [\"https://a\"]\ntls = { certificate = \"a.pem\" }",
            "",
            "a certificate needs its key",
        ),
        ("", "members = [\"a:1\"]\nproxy-protocol = \"v3\"", "", "`v2`"),
        ("", "members = [\"a:1\"]\nlook-up = \"0s\"", "", "look-up"),
        (
            "listen = [{ address = \"127.0.0.1:1\", proxy-protocol = \"on\" }]\n",
            PLAIN,
            "",
            "believed of trusted",
        ),
        (
            "listen = [{ address = \"127.0.0.1:1\", certificates = [{ key = \"a\" }] }]\n",
            PLAIN,
            "",
            "a key needs",
        ),
        ("", PLAIN, "hedge = \"p50\"", "hedge"),
        ("", PLAIN, "total-timeout = \"never\"", "total-timeout"),
        ("", PLAIN, "assets = \"yes\"", "`off`"),
    ] {
        let told = complaint(&file(&with(gateway, service, route)));
        assert!(told.contains(words), "{gateway}{service}{route}\n{told}");
    }
}

#[test]
fn the_cache_has_a_folder_where_it_is_told() {
    let disk = "[gateway.cache.disk]\nfolder = \"cache\"\n";
    let plan = load(&file(&with(disk, PLAIN, "cache = {}"))).gateway.expect("there is a section");
    let usual = plan.cache_disk.expect("there is a folder");
    assert!(usual.folder.ends_with("cache"));
    assert_eq!((usual.bytes_max, usual.fresh_min), (4 << 30, Duration::from_secs(30)));
    assert_eq!(plan.routes[0].cache.as_ref().expect("it caches").keep, Keep::Anywhere);
    let more = format!("{disk}bytes-max = \"1GiB\"\nfresh-min = \"1m\"");
    let plan = load(&file(&with(&more, PLAIN, "cache = { disk = \"off\" }"))).gateway;
    let plan = plan.expect("there is a section");
    let told = plan.cache_disk.expect("there is a folder");
    assert_eq!((told.bytes_max, told.fresh_min), (1 << 30, Duration::from_mins(1)));
    assert_eq!(plan.routes[0].cache.as_ref().expect("it caches").keep, Keep::Memory);
    let none = complaint(&file(&with("[gateway.cache.disk]\n", PLAIN, "")));
    assert!(none.contains("`folder` is missing in `[gateway.cache.disk]`"), "{none}");
    let plan = load(&file(&with("", PLAIN, ""))).gateway.expect("there is a section");
    assert!(plan.cache_disk.is_none());
}

#[test]
fn zones_and_the_time_left_are_told() {
    let members = "members = [{ address = \"10.0.0.1:80\", zone = \"eu-1a\" }, \"10.0.0.2:80\"]\nzone-share = 0.5";
    let plan = load(&file(&with("zone = \"eu-1a\"", members, ""))).gateway.expect("a section");
    assert_eq!(plan.zone.as_deref(), Some("eu-1a"));
    let service = &plan.services[0];
    let zones: Vec<_> = service.members.iter().map(|member| member.zone.as_deref()).collect();
    assert_eq!(zones, [Some("eu-1a"), None]);
    assert!((service.zone_share - 0.5).abs() < f64::EPSILON);
    assert_eq!(plan.deadline_header, None);
    let told = load(&file(&with("deadline-header = \"X-Time-Left\"", PLAIN, "")));
    let header = told.gateway.expect("a section").deadline_header;
    assert_eq!(header.expect("it is set").as_str(), "x-time-left");
    for (gateway, service, names) in [
        ("deadline-header = \"a b\"", PLAIN, "deadline-header"),
        ("zone = \"\"", PLAIN, "`zone` in `[gateway]`"),
        ("", "members = [{ address = \"a:1\", zone = \"a b\" }]", "zone"),
        ("", "members = [\"a:1\"]\nzone-share = 0", "zone-share"),
    ] {
        let told = complaint(&file(&with(gateway, service, "")));
        assert!(told.contains(names), "{told}");
    }
}
