//! What the head of an answer tells about what is stored (RFC 9111, section 4.3.5).

use std::sync::Arc;

use http::{Method, Response, StatusCode, header};
use model::Moment;
use traffic::cache::{CacheRule, Place, Received, Stored, freshened, is_same, policy, tags_of};

use super::{Ask, Cache};
use crate::{body::Answer, clock};

/// Learns from an answer to HEAD: what is stored is the same and fresh again, or another and forgotten.
pub(super) fn learn(
    cache: &Arc<Cache>,
    rule: &CacheRule,
    (ask, stored): (&Ask, &Arc<Stored>),
    response: &Response<Answer>,
    (asked_at, began): (Moment, u64),
) {
    if response.status() != StatusCode::OK || stored.status != StatusCode::OK {
        return;
    }
    let told = response.headers();
    let length = told.get(header::CONTENT_LENGTH);
    let same =
        length.is_none_or(|length| stored.headers.get(header::CONTENT_LENGTH) == Some(length));
    if !same || !is_same(stored, told) {
        cache.forget(&ask.key, clock::now());
        return;
    }
    let mut headers = freshened(stored, told);
    // What this gateway says of itself is not of the member.
    headers.remove(super::hit::CACHE_STATUS);
    let now = clock::now();
    let received = Received {
        method: &Method::GET,
        status: stored.status,
        headers: &headers,
        asked_at,
        received_at: now,
        came_at: clock::calendar(),
    };
    let Ok(policy) = policy(rule, ask.asker, &ask.control, &received) else { return };
    let target = &stored.place.target;
    let path = target.split_once('?').map_or(&**target, |(path, _)| path);
    let place = Place { tags: tags_of(rule, path, &headers), ..stored.place.clone() };
    let parts = (policy, stored.selecting.clone(), place);
    let fresh = Stored::new(stored.status, headers, stored.body.clone(), parts);
    cache.put(rule.keep, (&ask.key, &Arc::new(fresh)), began, now);
}
