//! Another protocol on the same connection, as WebSocket asks for: bytes are passed both ways, unread.

use http::{Response, StatusCode, header};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use traffic::forward;

use crate::{body::Answer, pool::Lease, request::Finish};

/// Whether a member agreed to change to what the client asked for.
pub(crate) fn is_agreed(response: &Response<Incoming>) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS
}

/// Passes bytes once both sides have changed; gives the answer that tells the client so.
pub(crate) fn open(
    client: OnUpgrade,
    mut response: Response<Incoming>,
    lease: Lease,
    mut finish: Finish,
) -> Response<Answer> {
    let member = hyper::upgrade::on(&mut response);
    let (mut head, _body) = response.into_parts();
    let upgrade = head.headers.get(header::UPGRADE).cloned();
    forward::strip_hop_by_hop(&mut head.headers);
    head.headers.insert(header::CONNECTION, http::HeaderValue::from_static("upgrade"));
    if let Some(upgrade) = upgrade {
        head.headers.insert(header::UPGRADE, upgrade);
    }
    head.extensions = http::Extensions::new();
    tokio::task::spawn_local(async move {
        // The connection is the tunnel's; when this ends, so does it.
        let _lease = lease;
        let (Ok(client), Ok(member)) = tokio::join!(client, member) else { return };
        let (mut client, mut member) = (TokioIo::new(client), TokioIo::new(member));
        let copied = tokio::io::copy_bidirectional(&mut client, &mut member).await;
        if let Ok((_, to_client)) = copied {
            finish.sent(usize::try_from(to_client).unwrap_or(usize::MAX));
        }
        finish.whole();
    });
    Response::from_parts(head, Answer::Own(None))
}
