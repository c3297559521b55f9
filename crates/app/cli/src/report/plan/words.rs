//! Nodes in words.

use model::PlanNode;

/// `Parallel Index Scan using orders_pkey on orders o`: as text has it, without figures.
pub(super) fn title(node: &PlanNode) -> String {
    let mut title = String::new();
    if node.parallel_aware {
        title.push_str("Parallel ");
    }
    if node.async_capable {
        title.push_str("Async ");
    }
    if let Some(mode) = &node.partial_mode {
        title.push_str(mode);
        title.push(' ');
    }
    title.push_str(&kind(node));
    if node.backward {
        title.push_str(" Backward");
    }
    if let Some(index) = &node.index {
        let word = if node.relation.is_some() { "using" } else { "on" };
        title.push_str(&format!(" {word} {index}"));
    }
    let names: Vec<&str> =
        [&node.relation, &node.alias].into_iter().filter_map(|name| name.as_deref()).collect();
    if !names.is_empty() {
        title.push_str(&format!(" on {}", names.join(" ")));
    }
    title
}

fn kind(node: &PlanNode) -> String {
    let node_type = node.node_type.as_str();
    match (node_type, node.join_type.as_deref(), node.strategy.as_deref()) {
        ("Nested Loop", Some(join), _) if join != "Inner" => format!("Nested Loop {join} Join"),
        ("Hash Join", Some(join), _) if join != "Inner" => format!("Hash {join} Join"),
        ("Merge Join", Some(join), _) if join != "Inner" => format!("Merge {join} Join"),
        ("Aggregate", _, Some("Sorted")) => "GroupAggregate".to_owned(),
        ("Aggregate", _, Some("Hashed")) => "HashAggregate".to_owned(),
        ("Aggregate", _, Some("Mixed")) => "MixedAggregate".to_owned(),
        ("SetOp", ..) => format!("SetOp {}", node.command.as_deref().unwrap_or_default()),
        ("ModifyTable", ..) => node.operation.as_deref().unwrap_or("ModifyTable").to_owned(),
        ("Foreign Scan", ..) => match &node.operation {
            Some(operation) => format!("Foreign {operation}"),
            None => "Foreign Scan".to_owned(),
        },
        ("Custom Scan", ..) => {
            format!("Custom Scan ({})", node.provider.as_deref().unwrap_or_default())
        }
        _ => node_type.to_owned(),
    }
}
