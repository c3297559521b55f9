//! Whether a statement is planned with the indexes that were made for it.

use postgres::apply::PlanNow;

use super::verdict::cut;

/// How a statement is planned now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanUse {
    /// `queryid`
    pub query_id: i64,
    /// Without literals.
    pub text: String,
    /// Indexes of the change that its plan uses.
    pub uses: Vec<String>,
    /// Other indexes that its plan uses.
    pub others: Vec<String>,
    /// Planned for any values of its parameters.
    pub generic: bool,
    /// As `EXPLAIN` prints it; empty if there is none.
    pub plan: String,
    /// Why there is none; else empty.
    pub why: String,
}

pub(super) fn plan_use(now: PlanNow, created: &[&str]) -> PlanUse {
    // Indexes of partitions bear names of their own, which begin as the table does: they are others here.
    let (uses, others) = now.indexes.into_iter().partition(|name| created.contains(&name.as_str()));
    PlanUse {
        query_id: now.query_id,
        text: sql::normalise(&now.text).text,
        uses,
        others,
        generic: now.generic,
        plan: now.plan,
        why: now.why,
    }
}

impl PlanUse {
    /// For people.
    #[must_use]
    pub fn line(&self) -> String {
        let text = if self.text.is_empty() {
            format!("statement {}", self.query_id)
        } else {
            cut(&self.text)
        };
        let any = if self.generic { ", whatever the values" } else { "" };
        match (self.why.is_empty(), self.uses.as_slice(), self.others.as_slice()) {
            (false, ..) => format!("not planned, {}: {text}", self.why),
            (true, [], []) => format!("planned without an index{any}: {text}"),
            (true, [], others) => {
                format!("planned with {} instead{any}: {text}", others.join(", "))
            }
            (true, uses, _) => format!("planned with {}{any}: {text}", uses.join(", ")),
        }
    }
}
