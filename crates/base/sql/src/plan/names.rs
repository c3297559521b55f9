//! Names that EXPLAIN gives to things, where a reader has to know them.

use model::Text;

/// Names that are not what is left when XML's dashes become blanks.
const WITH_SIGNS: &[&str] = &[
    "Full-sort Groups",
    "Pre-sorted Groups",
    "One-Time Filter",
    "I/O Read Time",
    "I/O Write Time",
    "Shared I/O Read Time",
    "Shared I/O Write Time",
    "Local I/O Read Time",
    "Local I/O Write Time",
    "Temp I/O Read Time",
    "Temp I/O Write Time",
];

/// The name that an XML element stands for.
pub(super) fn from_xml(tag: &str) -> Text {
    let dashed = |name: &&&str| {
        name.len() == tag.len()
            && name.bytes().zip(tag.bytes()).all(|(left, right)| {
                left == right || (right == b'-' && matches!(left, b' ' | b'/'))
            })
    };
    WITH_SIGNS
        .iter()
        .find(dashed)
        .map_or_else(|| tag.replace('-', " ").into(), |name| Text::from(*name))
}

/// Nodes as text names them, without their decorations: what a root without costs is known by.
pub(super) const NODE_TYPES: &[&str] = &[
    "Result",
    "ProjectSet",
    "ModifyTable",
    "Insert",
    "Update",
    "Delete",
    "Merge",
    "Append",
    "Merge Append",
    "Recursive Union",
    "BitmapAnd",
    "BitmapOr",
    "Nested Loop",
    "Merge Join",
    "Hash Join",
    "Seq Scan",
    "Sample Scan",
    "Gather",
    "Gather Merge",
    "Index Scan",
    "Index Only Scan",
    "Bitmap Index Scan",
    "Bitmap Heap Scan",
    "Tid Scan",
    "Tid Range Scan",
    "Subquery Scan",
    "Function Scan",
    "Table Function Scan",
    "Values Scan",
    "CTE Scan",
    "Named Tuplestore Scan",
    "WorkTable Scan",
    "Foreign Scan",
    "Foreign Insert",
    "Foreign Update",
    "Foreign Delete",
    "Custom Scan",
    "Materialize",
    "Memoize",
    "Result Cache",
    "Sort",
    "Incremental Sort",
    "Group",
    "Aggregate",
    "GroupAggregate",
    "HashAggregate",
    "MixedAggregate",
    "WindowAgg",
    "Unique",
    "SetOp",
    "HashSetOp",
    "LockRows",
    "Limit",
    "Hash",
];

/// Names of what a statement as a whole took, as text has them, and as they are kept.
pub(super) const WHOLE: &[(&str, &str)] = &[
    ("Planning Time", "Planning Time"),
    ("Planning time", "Planning Time"),
    ("Execution Time", "Execution Time"),
    ("Execution time", "Execution Time"),
    ("Total runtime", "Execution Time"),
    ("Query Identifier", "Query Identifier"),
    ("Settings", "Settings"),
    ("Query Text", "Query Text"),
    ("Query Parameters", "Query Parameters"),
    ("JIT", "JIT"),
    ("Planning", "Planning"),
    ("Serialization", "Serialization"),
];

/// As it is kept, if it is a name of what the statement as a whole took.
pub(super) fn whole(key: &str) -> Option<&'static str> {
    WHOLE.iter().find(|(known, _)| *known == key).map(|(_, name)| *name)
}
