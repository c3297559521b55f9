//! Orders to forget that are carried out bit by bit, while others look: from its beginning on nobody finds what an order is
//! for, however long it takes to look at all that there is.

use model::Moment;

use super::{Index, Kept, Slot};
use crate::cache::purge::{Found, Purge};

/// An order that is being carried out.
#[derive(Debug)]
pub(super) struct UnderWay {
    id: u64,
    purge: Purge,
    soft: bool,
    at: Moment,
    /// What came before this one is meant.
    until: u64,
    /// Whether what comes may be as old as what is meant.
    is_open: bool,
    /// The place that is looked at next.
    next: usize,
    /// How many it changed something for.
    count: usize,
}

impl UnderWay {
    fn means(&self, slot: &Slot) -> bool {
        slot.turn < self.until && self.purge.takes(&slot.kept.place)
    }
}

impl Index {
    /// Begins to forget what an order is for, or has it only stand in from now on (`soft`): nobody finds it any more, and
    /// nothing that it is for is taken before `seal`. The number of the order.
    pub fn begin(&mut self, purge: Purge, soft: bool, now: Moment) -> u64 {
        self.orders += 1;
        let id = self.orders;
        let (at, until) = (now, self.turn);
        self.under_way.push(UnderWay {
            id,
            purge,
            soft,
            at,
            until,
            is_open: true,
            next: 0,
            count: 0,
        });
        id
    }

    /// What comes from now on is none of what an order is for.
    pub fn seal(&mut self, id: u64) {
        if let Some(order) = self.under_way.iter_mut().find(|order| order.id == id) {
            order.is_open = false;
        }
    }

    /// Looks at so many more. Once all were looked at, how many the order changed something for.
    pub fn go_on(&mut self, id: u64, max: usize) -> Option<usize> {
        let Some(known) = self.under_way.iter().position(|order| order.id == id) else {
            return Some(0);
        };
        let mut order = self.under_way.swap_remove(known);
        let places: Vec<usize> = match order.purge.found() {
            Found::By(mark) => self.marks.after(mark, order.next, max),
            Found::InAll => (order.next..self.slots.len()).take(max).collect(),
        };
        let is_over = places.len() < max;
        order.next = places.last().map_or(order.next, |last| last + 1);
        for place in places {
            let Some(Some(slot)) = self.slots.get_mut(place) else { continue };
            if !order.means(slot) {
                continue;
            }
            if !order.soft {
                self.remove(place);
            } else if slot.kept.expired.is_none() {
                slot.kept.expired = Some(order.at);
            } else {
                continue;
            }
            order.count += 1;
        }
        if is_over {
            return Some(order.count);
        }
        self.under_way.push(order);
        None
    }

    /// Puts another in its place, for which the orders that are being carried out are as well. What was there until now.
    #[must_use]
    pub fn replaced(&mut self, mut new: Self) -> Self {
        new.under_way = std::mem::take(&mut self.under_way);
        new.orders = self.orders;
        for order in &mut new.under_way {
            (order.until, order.next) = (new.turn, 0);
        }
        std::mem::replace(self, new)
    }

    /// Whether an answer is gone, although it is still there.
    pub(super) fn is_gone(&self, slot: &Slot) -> bool {
        self.under_way.iter().any(|order| !order.soft && order.means(slot))
    }

    /// Since when an answer only stands in.
    pub(super) fn expired(&self, slot: &Slot) -> Option<Moment> {
        let soft = self.under_way.iter().filter(|order| order.soft && order.means(slot));
        slot.kept.expired.or_else(|| soft.map(|order| order.at).min())
    }

    /// Whether an answer may be one that is being forgotten elsewhere.
    pub(super) fn is_refused(&self, kept: &Kept) -> bool {
        self.under_way.iter().any(|order| order.is_open && order.purge.takes(&kept.place))
    }
}
