//! A gateway with a cache before one member, until its input ends: what the conformance suite asks.

use std::io::Read as _;

use gateway::Gateway;
use traffic::{
    cache::{CacheRule, SetCookie},
    plan::{Listen, Member, Plan, Route, Service},
};

fn main() {
    let mut words = std::env::args().skip(1);
    let (listen, origin) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let rule = CacheRule { set_cookie: SetCookie::Keep, ..CacheRule::default() };
    let plan = Plan {
        listen: vec![Listen { address: listen.parse().expect("an address"), tls: None }],
        workers: 2,
        services: vec![{ let mut app = Service::new("app", vec![Member { address: origin, weight: 1 }]); app.retries.max = 0; app }],
        routes: vec![Route { cache: Some(rule), ..Route::to("all", 0) }],
        ..Plan::default()
    };
    let gateway = Gateway::start(plan).expect("a gateway");
    let mut rest = Vec::new();
    drop(std::io::stdin().read_to_end(&mut rest));
    gateway.stop();
}
