//! The cache: what may be stored, under which key, for how long it answers, and what it answers with.
//!
//! HTTP caching is RFC 9111, with `Cache-Status` (9211), targeted fields (9213), stale answers (5861),
//! `immutable` (8246) and ranges and conditions of RFC 9110; a route's own rule comes on top for applications that say
//! nothing themselves. One entry answers for all, or for those alone whose key it has: an answer is never given to
//! somebody else's request because nobody said that it must not be.

mod answer;
mod control;
pub mod date;
mod dictionary;
mod forgotten;
mod index;
mod judge;
mod key;
mod marks;
mod orders;
mod packed;
mod partial;
mod policy;
mod purge;
mod record;
mod recorded;
mod rule;
pub mod simulate;
mod status;
mod store;
mod stored;
mod tags;
mod vary;

pub use answer::{Answer, answer, conditions_removed, make_conditional};
pub use control::{Control, Scope, Spoken, request_control};
pub use forgotten::{Forgotten, Of};
pub use index::{At, Dropped, Index, Kept, OnDisk, Variant};
pub use judge::{Judged, judge, may_stand_in};
pub use key::{Asker, Credentials, Key, asker, key_of};
pub use orders::{Asked, OrderId, Orders, Sent};
pub use packed::{packed, unpacked};
pub use partial::{Range, range_asked};
pub use policy::{NotStored, Policy, Received, policy};
pub use purge::{Found, Place, Purge, Purges};
pub use record::{
    RECORD_MARK, START_BYTES, Said, Start, answer_of, answer_record, forget_record, gone_record,
    heard_record,
};
pub use recorded::{Heard, Recorded, heard};
pub use rule::{
    CacheRule, CacheSettings, Clients, Cookies, DiskSettings, Keep, Query, SetCookie, Template,
    User,
};
pub use status::{Forwarded, Status};
pub use store::{Change, Store, StoreSize};
pub use stored::{Stored, freshened, is_same};
pub use tags::tags_of;
pub use vary::{Selecting, selecting};
