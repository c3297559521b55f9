//! An answer out of the cache: lines and bytes that lie there ready.

use std::time::Instant;

use traffic::timing::{Phase, Phases, SERVER_TIMING};

use super::{
    COPIED_BYTES_MAX, Gone, Next, Talk,
    answer::{put_limit, put_status},
    head::Ready,
    lines::put,
    wire::Wire,
};
use crate::{cache::CacheResult, local::Local, metrics::method_number, request::Finish};

impl<S: Wire> Talk<'_, S> {
    /// Answers out of the cache.
    pub(super) async fn answer_hit(
        &mut self,
        local: &Local,
        ready: Ready,
        text: &mut Vec<u8>,
    ) -> Result<Next, Gone> {
        let Ready { route: place, method, scheme, limited, close, timed, hit, .. } = ready;
        let began = Instant::now();
        let mut finish = Finish::new(self.worker, method_number(&method), scheme, began);
        finish.route = local.state.numbers[place] + 1;
        let plan = &local.state.plan;
        let limited = plan.routes[place].limit.as_ref().zip(limited.as_ref());
        let (status, body) = hit.body();
        finish.status = status.as_u16();
        finish.sent(body.len());
        finish.whole();
        let result = if hit.is_stale { CacheResult::Stale } else { CacheResult::Hit };
        hit.count(self.worker, finish.route, result, body.len());
        let tells = self.worker.shared.cache.settings().tells;
        let timing = timed.then(|| {
            let mut phases = Phases::default();
            phases.add(Phase::Cache, began.elapsed());
            phases.header(began.elapsed())
        });
        let timing = timing.flatten();
        let close = close || self.worker.shared.is_stopping();
        text.clear();
        put_status(status, text);
        if !hit.write_lines(tells, text) {
            // A part, or that nothing has changed.
            let mut response = hit.response(tells);
            if let Some((rule, limited)) = limited {
                limited.tell(rule, response.headers_mut());
            }
            if let Some(timing) = timing {
                response.headers_mut().append(SERVER_TIMING, timing);
            }
            return self.write_whole(response, &method, close, text).await;
        }
        if let Some((rule, limited)) = limited {
            put_limit(rule, limited, text);
        }
        if let Some(timing) = timing {
            put(text, SERVER_TIMING.as_str(), timing.as_bytes());
        }
        if close {
            text.extend_from_slice(b"connection: close\r\n");
        }
        text.extend_from_slice(b"\r\n");
        if body.len() <= COPIED_BYTES_MAX {
            text.extend_from_slice(&body);
            self.write(text, &[]).await?;
        } else {
            self.write(text, &body).await?;
        }
        Ok(if close { Next::Close } else { Next::Ask })
    }
}
