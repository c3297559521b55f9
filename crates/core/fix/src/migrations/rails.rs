//! Rails: `add_index` with `algorithm: :concurrently` after `disable_ddl_transaction!`; what it has no words for is SQL.

use sql::IndexStatement;

use super::{
    Migration, MigrationFile,
    parts::{Statement, list, ruby},
};

pub(super) fn write(migration: &Migration<'_>) -> Vec<MigrationFile> {
    let slug = migration.slug();
    let class: String = slug.split('_').map(capital).collect();
    let body = |statements: &[Statement]| -> String {
        if statements.is_empty() {
            return "    raise ActiveRecord::IrreversibleMigration\n".to_owned();
        }
        statements.iter().map(operation).collect()
    };
    let text = format!(
        "# {}\nclass {class} < ActiveRecord::Migration[7.1]\n  \
         # CONCURRENTLY does not work in a transaction. What fails leaves an index that is not\n  # valid behind: drop it before trying again.\n  disable_ddl_transaction!\n\n  \
         def up\n{}  end\n\n  def down\n{}  end\nend\n",
        migration.comment(),
        body(&migration.apply()),
        body(&migration.revert())
    );
    vec![MigrationFile {
        path: format!("db/migrate/{}_{slug}.rb", migration.stamp().digits()),
        text,
    }]
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn operation(statement: &Statement) -> String {
    if let Statement::Create(index) = statement
        && let Some(text) = create(index)
    {
        return text;
    }
    format!("    execute {}\n", ruby(&statement.sql()))
}

/// `None` if Rails has no words for all of it. Names with dots would be taken for schema and table.
fn create(index: &IndexStatement) -> Option<String> {
    let dotted = [&index.schema, &index.table].iter().any(|name| name.contains(['.', '"']));
    if dotted || !index.options.is_empty() {
        return None;
    }
    let (mut columns, mut orders, mut classes) = (Vec::new(), Vec::new(), Vec::new());
    for key in &index.keys {
        let column = key.column.as_ref()?;
        if !key.collation.is_empty() {
            return None;
        }
        columns.push(column.clone());
        let order = match (key.descending, key.nulls_first) {
            (false, None | Some(false)) => "",
            (false, Some(true)) => "NULLS FIRST",
            (true, None | Some(true)) => "DESC",
            (true, Some(false)) => "DESC NULLS LAST",
        };
        if !order.is_empty() {
            orders.push(format!("{} => {}", ruby(column), ruby(order)));
        }
        if !key.operator_class.is_empty() {
            classes.push(format!("{} => {}", ruby(column), ruby(&key.operator_class)));
        }
    }
    let table = if index.schema.is_empty() || index.schema == "public" {
        index.table.clone()
    } else {
        format!("{}.{}", index.schema, index.table)
    };
    let mut arguments =
        vec![ruby(&table), list(&columns, ruby), format!("name: {}", ruby(&index.name))];
    arguments.extend(index.unique.then(|| "unique: true".to_owned()));
    if index.method != "btree" {
        arguments.push(format!("using: {}", ruby(&index.method)));
    }
    arguments.extend((!orders.is_empty()).then(|| format!("order: {{ {} }}", orders.join(", "))));
    arguments
        .extend((!classes.is_empty()).then(|| format!("opclass: {{ {} }}", classes.join(", "))));
    if !index.include.is_empty() {
        arguments.push(format!("include: {}", list(&index.include, ruby)));
    }
    if !index.predicate.is_empty() {
        arguments.push(format!("where: {}", ruby(&index.predicate)));
    }
    arguments.push("algorithm: :concurrently".to_owned());
    arguments.push("if_not_exists: true".to_owned());
    Some(format!("    add_index {}\n", arguments.join(",\n      ")))
}
