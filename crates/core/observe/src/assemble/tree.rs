//! Who is below whom: parents found, made up where they never came, and cycles cut.

use model::{Note, SpanId, SpanKind};

use super::sift::Spot;

/// A forest over spots, by their numbers.
pub(super) struct Tree {
    parents: Vec<u32>,
    /// Children of spot `n` are `children[first_child[n]..first_child[n + 1]]`.
    first_child: Vec<u32>,
    children: Vec<u32>,
    roots: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl Tree {
    /// Finds parents; placeholders are added at the end of `spots`.
    pub(super) fn grow(spots: &mut Vec<Spot>, notes: &mut Vec<Note>) -> Self {
        let mut parents = find_parents(spots, notes);
        let cut = cut_cycles(&mut parents);
        notes.extend(
            cut.into_iter().map(|number| Note::Cycle { span_id: span_id(spots[number].id) }),
        );
        let roots: Vec<u32> = (0..)
            .zip(&parents)
            .filter(|(_, parent)| **parent == NONE)
            .map(|(number, _)| number)
            .collect();
        let (first_child, children) = children_of(&parents);
        Self { parents, first_child, children, roots }
    }

    pub(super) fn parent(&self, number: usize) -> Option<usize> {
        let parent = self.parents[number];
        (parent != NONE).then_some(parent as usize)
    }

    pub(super) fn children(&self, number: usize) -> &[u32] {
        let from = self.first_child[number] as usize;
        let to = self.first_child[number + 1] as usize;
        self.children.get(from..to).unwrap_or_default()
    }

    /// All spots, parents before children.
    pub(super) fn breadth_first(&self) -> Vec<u32> {
        let mut order = self.roots.clone();
        let mut next = 0;
        while let Some(number) = order.get(next).copied() {
            order.extend_from_slice(self.children(number as usize));
            next += 1;
        }
        order
    }

    /// All spots, each followed by all that is below it; siblings by start, then by id.
    pub(super) fn depth_first(&self, spots: &[Spot], moved: bool) -> Vec<u32> {
        let key = |number: &u32| {
            let spot = &spots[*number as usize];
            (spot.start, spot.id, spot.kind, spot.service)
        };
        let mut order = Vec::with_capacity(spots.len());
        let mut pending = self.roots.clone();
        pending.sort_unstable_by_key(key);
        pending.reverse();
        while let Some(number) = pending.pop() {
            order.push(number);
            let from = pending.len();
            pending.extend(self.children(number as usize).iter().rev());
            if moved && let Some(siblings) = pending.get_mut(from..) {
                siblings.sort_unstable_by_key(|number| std::cmp::Reverse(key(number)));
            }
        }
        order
    }
}

fn span_id(id: u64) -> SpanId {
    SpanId(id.to_be_bytes())
}

fn find_parents(spots: &mut Vec<Spot>, notes: &mut Vec<Note>) -> Vec<u32> {
    let mut by_id: Vec<(u64, u32)> =
        (0..).zip(spots.iter()).map(|(number, spot)| (spot.id, number)).collect();
    by_id.sort_unstable();
    let mut parents = Vec::with_capacity(spots.len());
    let mut orphans: Vec<(u64, u32)> = Vec::new();
    let mut roots = 0;
    for (number, spot) in (0..).zip(spots.iter()) {
        let found = twin(spots, &by_id, spot).or_else(|| known_parent(spots, &by_id, spot));
        match (found, spot.parent_id) {
            (Some(parent), _) => parents.push(parent),
            (None, None) => {
                roots += 1;
                parents.push(NONE);
            }
            (None, Some(absent)) => {
                orphans.push((absent, number));
                parents.push(NONE);
            }
        }
    }
    if 1 < roots {
        notes.push(Note::ManyRoots { count: roots });
    }
    adopt(spots, &mut parents, orphans, notes);
    parents
}

/// The spots with this id.
fn with_id(by_id: &[(u64, u32)], id: u64) -> &[(u64, u32)] {
    let from = by_id.partition_point(|(known, _)| *known < id);
    let rest = by_id.get(from..).unwrap_or_default();
    let length = rest.iter().take_while(|(known, _)| *known == id).count();
    rest.get(..length).unwrap_or_default()
}

fn answers(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Server | SpanKind::Consumer)
}

fn asks(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Client | SpanKind::Producer)
}

/// The client span that shares its id with this server span.
fn twin(spots: &[Spot], by_id: &[(u64, u32)], spot: &Spot) -> Option<u32> {
    if !answers(spot.kind) {
        return None;
    }
    let same = with_id(by_id, spot.id).iter().map(|(_, number)| *number);
    same.into_iter().find(|number| asks(spots[*number as usize].kind))
}

/// The span that has the id of the parent; where two share it, the one of the child's service, else
/// the one that answers.
fn known_parent(spots: &[Spot], by_id: &[(u64, u32)], spot: &Spot) -> Option<u32> {
    let known = with_id(by_id, spot.parent_id?);
    let at = |number: u32| &spots[number as usize];
    let mut best = known.first()?.1;
    for (_, number) in known.iter().skip(1) {
        let rank = |number: u32| (at(number).service == spot.service, answers(at(number).kind));
        if rank(best) < rank(*number) {
            best = *number;
        }
    }
    Some(best)
}

/// One placeholder for the children of each absent parent.
fn adopt(
    spots: &mut Vec<Spot>,
    parents: &mut Vec<u32>,
    mut orphans: Vec<(u64, u32)>,
    notes: &mut Vec<Note>,
) {
    orphans.sort_unstable();
    for children in orphans.chunk_by(|one, other| one.0 == other.0) {
        let Some((absent, first)) = children.first().copied() else { continue };
        let number = u32::try_from(spots.len()).unwrap_or(NONE);
        // Spots are sorted by start: the first child is the earliest one.
        let eldest = &spots[first as usize];
        let mut placeholder = Spot {
            id: absent,
            parent_id: None,
            kind: SpanKind::Unspecified,
            call: None,
            ..eldest.clone()
        };
        for (_, child) in children {
            placeholder.end = placeholder.end.max(spots[*child as usize].end);
            parents[*child as usize] = number;
        }
        spots.push(placeholder);
        parents.push(NONE);
        notes.push(Note::MissingParent { parent_id: span_id(absent), count: children.len() });
    }
}

/// Makes the earliest span of each cycle a root, and tells which.
fn cut_cycles(parents: &mut [u32]) -> Vec<usize> {
    const NEW: u32 = 0;
    let mut seen = vec![NEW; parents.len()];
    let mut cut = Vec::new();
    for (walk, start) in (1..).zip(0..parents.len()) {
        let mut at = start;
        while seen[at] == NEW {
            seen[at] = walk;
            match parents[at] {
                NONE => break,
                parent => at = parent as usize,
            }
        }
        // Back on one's own track: `at` is on a cycle, unless the walk ended at a root.
        if seen[at] == walk && parents[at] != NONE {
            let mut earliest = at;
            let mut next = parents[at] as usize;
            while next != at {
                earliest = earliest.min(next);
                next = parents[next] as usize;
            }
            parents[earliest] = NONE;
            cut.push(earliest);
        }
    }
    cut
}

/// Children by parent, in order of number: counted first, then filled.
fn children_of(parents: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut first_child = vec![0_u32; parents.len() + 1];
    for parent in parents.iter().filter(|parent| **parent != NONE) {
        first_child[*parent as usize + 1] += 1;
    }
    let mut sum = 0;
    for first in &mut first_child {
        sum += *first;
        *first = sum;
    }
    let mut next = first_child.clone();
    let mut children = vec![0; sum as usize];
    for (number, parent) in (0..).zip(parents).filter(|(_, parent)| **parent != NONE) {
        let place = &mut next[*parent as usize];
        children[*place as usize] = number;
        *place += 1;
    }
    (first_child, children)
}
