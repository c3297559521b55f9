//! Trees merged by path: many call trees become one, with how often and how long, on two sides to compare.
//!
//! A node is known by the names above it and its own, as in a flame graph. What a node took with all below it is never
//! told, always added up, so that the boxes of a flame graph fit into each other whatever came in.

use std::collections::BTreeMap;

/// Which of the two that are compared; whoever compares nothing uses the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// What it was.
    Before,
    /// What it became.
    After,
}

/// How often a node was, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Calls, or samples.
    pub count: u64,
    /// In itself.
    pub own: u64,
    /// In itself and below.
    pub total: u64,
}

/// A node of a merged tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Branch {
    /// Number of its name.
    pub frame: u32,
    /// Steps from a root, which has 0.
    pub depth: u32,
    /// Place of its parent.
    pub parent: Option<u32>,
    /// The first side.
    pub before: Amount,
    /// The second side.
    pub after: Amount,
}

/// A merged tree: parents before children, the largest sibling first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// Its nodes.
    pub branches: Vec<Branch>,
    /// Nodes that found no room: their time counts as their parents' own.
    pub left_out: u64,
}

/// A step of a tree that is merged in, depth first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Steps from the root, which has 0.
    pub depth: u32,
    /// Number of its name.
    pub frame: u32,
    /// How often.
    pub count: u64,
    /// In itself.
    pub own: u64,
}

/// A tree that is being merged.
#[derive(Debug)]
pub struct Merge {
    /// The first is above all roots and never shown.
    nodes: Vec<Grown>,
    children: BTreeMap<(u32, u32), u32>,
    nodes_max: usize,
    left_out: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Grown {
    frame: u32,
    parent: u32,
    amounts: [Amount; 2],
}

impl Merge {
    /// What is above all roots.
    pub const TOP: u32 = 0;

    /// Room for `nodes_max` nodes.
    #[must_use]
    pub fn new(nodes_max: usize) -> Self {
        let most = nodes_max.min(u32::MAX as usize - 1);
        Self {
            nodes: vec![Grown::default()],
            children: BTreeMap::new(),
            nodes_max: most,
            left_out: 0,
        }
    }

    /// The node called `frame` below `parent`, made if it is new; `None` if there is no room for it.
    pub fn child(&mut self, parent: u32, frame: u32) -> Option<u32> {
        if let Some(known) = self.children.get(&(parent, frame)) {
            return Some(*known);
        }
        if self.nodes_max < self.nodes.len() {
            self.left_out += 1;
            return None;
        }
        let node = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(Grown { frame, parent, ..Grown::default() });
        self.children.insert((parent, frame), node);
        Some(node)
    }

    /// Adds to a node what happened in itself.
    pub fn add(&mut self, node: u32, side: Side, count: u64, own: u64) {
        if let Some(grown) = self.nodes.get_mut(node as usize) {
            let amount = &mut grown.amounts[side as usize];
            amount.count = amount.count.saturating_add(count);
            amount.own = amount.own.saturating_add(own);
        }
    }

    /// Adds a whole tree, its steps depth first.
    pub fn add_tree(&mut self, side: Side, steps: impl IntoIterator<Item = Step>) {
        let mut path: Vec<u32> = Vec::new();
        for step in steps {
            path.truncate(step.depth as usize);
            let parent = path.last().copied().unwrap_or(Self::TOP);
            let node = self.child(parent, step.frame);
            // Without room of its own its time is the parent's, and so is what is below it.
            self.add(node.unwrap_or(parent), side, node.map_or(0, |_| step.count), step.own);
            path.push(node.unwrap_or(parent));
        }
    }

    /// Adds a stack, its root first.
    pub fn add_stack(
        &mut self,
        side: Side,
        frames: impl IntoIterator<Item = u32>,
        count: u64,
        own: u64,
    ) {
        let mut node = Self::TOP;
        for frame in frames {
            let Some(next) = self.child(node, frame) else { break };
            node = next;
            self.add(node, side, count, 0);
        }
        self.add(node, side, 0, own);
    }

    /// The tree in order, with totals.
    #[must_use]
    pub fn finish(mut self) -> Tree {
        let mut below: Vec<Vec<u32>> = vec![Vec::new(); self.nodes.len()];
        // Children are made after their parents, so that from the end all below a node is added up before it is.
        for place in (0..self.nodes.len()).rev() {
            let node = &mut self.nodes[place];
            for amount in &mut node.amounts {
                amount.total = amount.total.saturating_add(amount.own);
            }
            let Grown { parent, amounts, .. } = *node;
            if place == 0 {
                break;
            }
            below[parent as usize].push(u32::try_from(place).unwrap_or(u32::MAX));
            let above = &mut self.nodes[parent as usize].amounts;
            for (sum, amount) in above.iter_mut().zip(amounts) {
                sum.total = sum.total.saturating_add(amount.total);
            }
        }
        for children in &mut below {
            // The largest is pushed last, to be taken first.
            children.sort_by_key(|child| {
                let node = &self.nodes[*child as usize];
                let [before, after] = node.amounts;
                (before.total.saturating_add(after.total), std::cmp::Reverse(node.frame))
            });
        }
        self.in_order(&below)
    }

    fn in_order(&self, below: &[Vec<u32>]) -> Tree {
        let mut branches: Vec<Branch> = Vec::with_capacity(self.nodes.len() - 1);
        let pend = |node: u32, parent: Option<u32>, depth: u32| {
            below[node as usize].iter().map(move |child| (*child, parent, depth))
        };
        let mut pending: Vec<(u32, Option<u32>, u32)> = pend(Self::TOP, None, 0).collect();
        while let Some((node, parent, depth)) = pending.pop() {
            let grown = &self.nodes[node as usize];
            let [before, after] = grown.amounts;
            let place = u32::try_from(branches.len()).unwrap_or(u32::MAX);
            branches.push(Branch { frame: grown.frame, depth, parent, before, after });
            pending.extend(pend(node, Some(place), depth + 1));
        }
        Tree { branches, left_out: self.left_out }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(tree: &Tree) -> Vec<String> {
        let amount = |amount: Amount| format!("{}x {}/{}", amount.count, amount.own, amount.total);
        let line = |branch: &Branch| {
            let indent = " ".repeat(branch.depth as usize);
            format!("{indent}{} {} | {}", branch.frame, amount(branch.before), amount(branch.after))
        };
        tree.branches.iter().map(line).collect()
    }

    const fn step(depth: u32, frame: u32, own: u64) -> Step {
        Step { depth, frame, count: 1, own }
    }

    #[test]
    fn equal_paths_are_one_and_the_largest_sibling_is_first() {
        let mut merge = Merge::new(100);
        merge.add_tree(Side::Before, [step(0, 1, 5), step(1, 2, 1), step(1, 3, 10), step(1, 2, 1)]);
        merge.add_tree(Side::After, [step(0, 1, 5), step(1, 3, 2), step(2, 2, 4)]);
        assert_eq!(
            told(&merge.finish()),
            [
                "1 1x 5/17 | 1x 5/11",
                " 3 1x 10/10 | 1x 2/6",
                "  2 0x 0/0 | 1x 4/4",
                " 2 2x 2/2 | 0x 0/0"
            ]
        );
    }

    #[test]
    fn what_finds_no_room_is_its_parents_own() {
        let mut merge = Merge::new(2);
        merge.add_tree(Side::Before, [step(0, 1, 1), step(1, 2, 2), step(1, 3, 4), step(2, 4, 8)]);
        merge.add_stack(Side::Before, [1, 5], 3, 16);
        let tree = merge.finish();
        assert_eq!(told(&tree), ["1 4x 29/31 | 0x 0/0", " 2 1x 2/2 | 0x 0/0"]);
        assert_eq!(tree.left_out, 3);
    }

    proptest! {
        #[test]
        fn totals_add_up_whatever_comes(
            trees in prop::collection::vec(prop::collection::vec((0_u32..6, 0_u32..4, 0_u64..100), 0..40), 0..6),
            room in 1_usize..30,
        ) {
            let mut merge = Merge::new(room);
            let mut sum = 0;
            for tree in &trees {
                sum += tree.iter().map(|(_, _, own)| own).sum::<u64>();
                let steps = tree.iter().map(|(depth, frame, own)| step(*depth, *frame, *own));
                merge.add_tree(Side::After, steps);
            }
            let tree = merge.finish();
            let roots: u64 =
                tree.branches.iter().filter(|one| one.depth == 0).map(|one| one.after.total).sum();
            // What came before any root found room is nobody's; with room for one there is none.
            prop_assert!(roots <= sum);
            if tree.left_out == 0 {
                prop_assert_eq!(roots, sum);
            }
            for (place, branch) in tree.branches.iter().enumerate() {
                let below: u64 = tree.branches.iter()
                    .filter(|one| one.parent == u32::try_from(place).ok())
                    .map(|one| one.after.total)
                    .sum();
                prop_assert_eq!(branch.after.total, branch.after.own + below);
            }
        }
    }
}
