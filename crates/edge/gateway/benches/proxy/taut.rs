//! The gateway as a process of its own, in each of the ways that are measured.

use std::{num::NonZeroU32, path::Path, sync::Arc, time::Duration};

use gateway::Gateway;
use traffic::{
    cache::CacheRule,
    capture::CaptureRules,
    encoding::CompressRule,
    limit::Quota,
    plan::{Certificate, LimitRule, Listen, Member, Plan, Route, Service},
    telling::{Telling, Timing},
};

use crate::{Outcome, say};

/// Is the gateway, for the process that measures: a way, an origin, a folder; ends with its input.
pub(crate) fn serve(words: &[String]) -> Outcome<()> {
    let [way, origin, folder] = words else { return Err("a way, an origin and a folder".into()) };
    let members = vec![Member::new(origin.clone())];
    let mut route = Route::to("all", 0);
    let mut plan = Plan {
        listen: vec![Listen::plain(([127, 0, 0, 1], 0).into())],
        admin: Some(([127, 0, 0, 1], 0).into()),
        workers: 1,
        services: vec![Service::new("origin", members)],
        ..Plan::default()
    };
    // What nobody looks at is let go of later than all others let it go.
    plan.bounds.head_time = Duration::from_mins(10);
    match &**way {
        "bare" => {}
        "full" => {
            let quota = Quota::new(NonZeroU32::MAX, Duration::from_secs(1));
            route.limit = Some(LimitRule { keys_max: 10_000, ..LimitRule::new(quota) });
            // A cache that has to find out that nothing is to be stored.
            route.cache = Some(CacheRule { heuristic_share: 0.0, ..CacheRule::default() });
            // One request in a hundred.
            plan.capture = Some(CaptureRules::new(Path::new(folder).join("captured")));
            plan.telling = Telling { server_timing: Timing::Anyone, ..Telling::default() };
        }
        "cache" => route.cache = Some(CacheRule::default()),
        "compress" => {
            route.compress = Some(Arc::new(CompressRule::default()));
        }
        "tls" => {
            let of = |name: &str| Path::new(folder).join(name);
            let tls = Certificate { chain: of("chain.pem"), key: of("key.pem") };
            plan.listen[0].tls = vec![tls];
        }
        _ => return Err(format!("there is no way `{way}`").into()),
    }
    plan.routes = vec![route];
    let gateway = Gateway::start(plan)?;
    say(&format!("{}\n", gateway.listens()[0]))?;
    std::io::stdin().lines().for_each(drop);
    gateway.stop();
    Ok(())
}
