//! What waits to be written: orders to forget, which are never dropped, before answers, which are when there are too many.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use model::Moment;
use tokio::sync::oneshot;
use traffic::cache::{Key, Of, OrderId, Purge, Stored};

use super::lock;

/// Answers that wait, and their bytes: what a disk writes in a second, about.
const WRITES_MAX: usize = 2_048;
const BYTES_MAX: u64 = 64 << 20;

/// Orders that wait, and their bytes: more become one, to forget everything.
const ORDERS_MAX: usize = 16_384;
const ORDER_BYTES_MAX: usize = 8 << 20;

/// An answer to be written.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) key: Key,
    pub(super) stored: Arc<Stored>,
    /// How often something had been forgotten when it was asked for.
    pub(super) forgotten: u64,
    /// Whether something older may be in its place.
    pub(super) replaces: bool,
}

/// Something to be forgotten.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) of: Of,
    pub(super) soft: bool,
    pub(super) at: Moment,
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) orders: VecDeque<Order>,
    order_bytes: usize,
    pub(super) heard: Option<OrderId>,
    /// Whether numbers of orders began anew.
    pub(super) is_anew: bool,
    pub(super) writes: VecDeque<Write>,
    bytes: u64,
    /// Who wants to know when orders are written.
    pub(super) told: Vec<oneshot::Sender<()>>,
    pub(super) is_stopping: bool,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

impl Queue {
    /// Adds an answer. `false` if too much waits.
    pub(super) fn add(&self, write: Write) -> bool {
        let mut waiting = lock(&self.waiting);
        let bytes = waiting.bytes + write.stored.bytes();
        if WRITES_MAX <= waiting.writes.len() || BYTES_MAX < bytes || waiting.is_stopping {
            return false;
        }
        waiting.bytes = bytes;
        waiting.writes.push_back(write);
        self.changed.notify_one();
        true
    }

    pub(super) fn order(&self, order: Order) {
        let mut waiting = lock(&self.waiting);
        waiting.order_bytes += order.of.bytes();
        if ORDERS_MAX <= waiting.orders.len() || ORDER_BYTES_MAX < waiting.order_bytes {
            waiting.orders.clear();
            waiting.order_bytes = 0;
            let of = Of::Order(Purge::All);
            waiting.orders.push_back(Order { of, soft: false, ..order });
        } else {
            waiting.orders.push_back(order);
        }
        self.changed.notify_one();
    }

    pub(super) fn heard(&self, id: OrderId) {
        let mut waiting = lock(&self.waiting);
        waiting.heard = waiting.heard.max(Some(id));
        self.changed.notify_one();
    }

    /// Numbers begin anew after this one.
    pub(super) fn heard_anew(&self, id: OrderId) {
        let mut waiting = lock(&self.waiting);
        waiting.heard = Some(id);
        waiting.is_anew = true;
        self.changed.notify_one();
    }

    /// Waits until all orders so far are written, or nobody writes.
    pub(super) async fn settled(&self) {
        let (tell, told) = oneshot::channel();
        lock(&self.waiting).told.push(tell);
        self.changed.notify_one();
        let _told = told.await;
    }

    pub(super) fn stop(&self) {
        lock(&self.waiting).is_stopping = true;
        self.changed.notify_all();
    }

    pub(super) fn is_stopping(&self) -> bool {
        lock(&self.waiting).is_stopping
    }

    /// All that waits, once there is something, or after this time.
    pub(super) fn take(&self, wait: Duration) -> Waiting {
        let waiting = lock(&self.waiting);
        let is_idle = |waiting: &mut Waiting| {
            waiting.orders.is_empty()
                && waiting.writes.is_empty()
                && waiting.told.is_empty()
                && waiting.heard.is_none()
                && !waiting.is_stopping
        };
        let mut waiting = self
            .changed
            .wait_timeout_while(waiting, wait, is_idle)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        let is_stopping = waiting.is_stopping;
        let taken = std::mem::take(&mut *waiting);
        waiting.is_stopping = is_stopping;
        taken
    }

    /// Waits for so long, letting go of what comes. Whether it is to stop.
    pub(super) fn pause(&self, wait: Duration) -> bool {
        let waiting = lock(&self.waiting);
        let goes_on = |waiting: &mut Waiting| !waiting.is_stopping;
        let mut waiting = self
            .changed
            .wait_timeout_while(waiting, wait, goes_on)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        let is_stopping = waiting.is_stopping;
        *waiting = Waiting { is_stopping, ..Waiting::default() };
        is_stopping
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::stored, *};

    fn write(body_bytes: usize) -> Write {
        let stored = Arc::new(stored(body_bytes, Moment { nanos: 1_000_000_000_000 }));
        Write { key: Key::new(vec![1], 7), stored, forgotten: 0, replaces: false }
    }

    #[test]
    fn what_waits_for_a_slow_disk_is_bounded_by_number_and_by_bytes() {
        let queue = Queue::default();
        let taken = (0..3 * WRITES_MAX).filter(|_| queue.add(write(10))).count();
        assert_eq!(taken, WRITES_MAX);
        let queue = Queue::default();
        let taken = (0..100).filter(|_| queue.add(write(1 << 20))).count();
        assert!(taken < 64 && 60 < taken, "{taken}");
        // Once it is written there is room again.
        assert_eq!(queue.take(Duration::ZERO).writes.len(), taken);
        assert!(queue.add(write(1 << 20)));
    }

    #[test]
    fn orders_are_never_dropped_and_too_many_are_one_for_everything() {
        let queue = Queue::default();
        let order = |number: usize| {
            let of = Of::Order(Purge::Tag(number.to_string()));
            Order { of, soft: true, at: Moment::default() }
        };
        // However many answers wait.
        while queue.add(write(10)) {}
        (0..ORDERS_MAX).for_each(|number| queue.order(order(number)));
        assert_eq!(queue.take(Duration::ZERO).orders.len(), ORDERS_MAX);
        (0..=ORDERS_MAX).for_each(|number| queue.order(order(number)));
        let orders = Vec::from(queue.take(Duration::ZERO).orders);
        let is_all = matches!(&*orders, [Order { of: Of::Order(Purge::All), soft: false, .. }]);
        assert!(is_all, "{} orders", orders.len());
        // However few they are, by their bytes.
        let long = |number: u8| {
            let of = Of::Key(number.into(), vec![number; ORDER_BYTES_MAX / 8], None);
            Order { of, soft: false, at: Moment::default() }
        };
        (0..8).for_each(|number| queue.order(long(number)));
        assert_eq!(lock(&queue.waiting).orders.len(), 8);
        queue.order(long(8));
        let orders = Vec::from(queue.take(Duration::ZERO).orders);
        assert!(matches!(&*orders, [Order { of: Of::Order(Purge::All), .. }]), "{}", orders.len());
    }
}
