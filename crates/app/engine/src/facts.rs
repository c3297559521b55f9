//! What is kept of one request once its trace has settled.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use find::{Kind, RequestView};
use model::Work;
use store::{Breakdown, GroupFact, GroupKind, RequestFact};

/// Groups kept of one request: what a page shows of it.
const GROUPS_MAX: usize = 64;

/// The fact of one request.
pub(crate) fn fact(view: &RequestView<'_>) -> RequestFact {
    let call = view.entry_call();
    let request = view.request();
    RequestFact {
        operation: view.key.clone(),
        trace_id: view.trace.id,
        span_id: call.span_id,
        start: call.start,
        duration: call.duration(),
        failed: call.failed,
        status: request.map_or(0, |request| request.status),
        statements: view.statement_count(),
        spans: u32::try_from(view.places.len()).unwrap_or(u32::MAX),
        breakdown: breakdown(view),
        groups: groups(view),
        attributes: request.map(|request| request.attributes.clone()).unwrap_or_default(),
    }
}

/// Where the request's time went, on its critical path; what other services did counts as the call.
pub(crate) fn breakdown(view: &RequestView<'_>) -> Breakdown {
    let mut parts = Breakdown::default();
    for place in view.places.iter().copied() {
        let work = &view.call(place).work;
        let kind = Kind::of(work);
        let time = match work {
            Work::Http(_) => view.path.inclusive(place),
            _ => view.path.own(place),
        };
        *part(&mut parts, kind) += time;
    }
    let Breakdown { own, database, cache, http, queue } = parts;
    let told = own + database + cache + http + queue;
    // Doubles and entries of the same service are left out above; their time is the service's own.
    parts.own += view.duration().saturating_sub(told);
    parts
}

fn part(parts: &mut Breakdown, kind: Kind) -> &mut Duration {
    match kind {
        Kind::Own => &mut parts.own,
        Kind::Database => &mut parts.database,
        Kind::Cache => &mut parts.cache,
        Kind::Http => &mut parts.http,
        Kind::Queue => &mut parts.queue,
    }
}

fn groups(view: &RequestView<'_>) -> Vec<GroupFact> {
    let mut groups: BTreeMap<(GroupKind, Arc<str>), GroupFact> = BTreeMap::new();
    for place in view.places.iter().copied().skip(1) {
        let call = view.call(place);
        let name: Arc<str> = match &call.work {
            Work::Statement(statement) => Arc::from(statement.text.text.as_str()),
            Work::Http(http) => {
                Arc::from(format!("{} {}{}", http.method, http.host, http.template))
            }
            Work::Cache { operation, key, .. } => {
                Arc::from(format!("{operation} {key}").trim_end())
            }
            _ => Arc::from(call.name.as_str()),
        };
        let kind = kind(Kind::of(&call.work));
        let group = groups.entry((kind, Arc::clone(&name))).or_insert_with(|| GroupFact {
            kind,
            name,
            count: 0,
            total: Duration::ZERO,
            failed: 0,
        });
        group.count = group.count.saturating_add(call.count);
        group.total += call.duration();
        group.failed += u32::from(call.failed);
    }
    let mut groups: Vec<GroupFact> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.total));
    groups.truncate(GROUPS_MAX);
    groups
}

fn kind(kind: Kind) -> GroupKind {
    match kind {
        Kind::Own => GroupKind::Own,
        Kind::Database => GroupKind::Database,
        Kind::Cache => GroupKind::Cache,
        Kind::Http => GroupKind::Http,
        Kind::Queue => GroupKind::Queue,
    }
}
