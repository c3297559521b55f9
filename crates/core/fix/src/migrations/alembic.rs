//! Alembic: operations of its own in an `autocommit_block`, in which each statement is a transaction by itself.

use sql::IndexStatement;

use super::{
    Migration, MigrationFile,
    parts::{Statement, list, python},
};

pub(super) fn write(migration: &Migration<'_>) -> Vec<MigrationFile> {
    // What it is called in the chain of revisions: the same for the same change.
    let hash = sql::hash(migration.change.apply.join(";").as_bytes());
    let revision = format!("{:012x}", hash >> 16);
    let body = |statements: &[Statement]| -> String {
        if statements.is_empty() {
            return "    pass\n".to_owned();
        }
        let lines: String = statements.iter().map(operation).collect();
        format!("    with op.get_context().autocommit_block():\n{lines}")
    };
    let text = format!(
        "\"\"\"{}\n\nRevision ID: {revision}\n\"\"\"\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n\
         revision = \"{revision}\"\n# What `alembic heads` says belongs here.\ndown_revision = None\n\
         branch_labels = None\ndepends_on = None\n\n\n\
         def upgrade():\n    # CONCURRENTLY does not work in a transaction. What fails leaves an index that is not\n    # valid behind: drop it before trying again.\n{}\n\n\
         def downgrade():\n{}",
        migration.comment().replace(['\\', '"'], " "),
        body(&migration.apply()),
        body(&migration.revert()),
    );
    vec![MigrationFile { path: format!("versions/{revision}_{}.py", migration.slug()), text }]
}

fn operation(statement: &Statement) -> String {
    match statement {
        Statement::Create(index) if index.options.is_empty() => create(index),
        Statement::Drop { schema, name } => {
            let mut arguments = vec![python(name)];
            arguments.extend((!schema.is_empty()).then(|| format!("schema={}", python(schema))));
            arguments.push("postgresql_concurrently=True".to_owned());
            arguments.push("if_exists=True".to_owned());
            call("op.drop_index", &arguments)
        }
        other => call("op.execute", &[format!("sa.text({})", text(&other.sql()))]),
    }
}

fn create(index: &IndexStatement) -> String {
    let keys: Vec<String> = index
        .keys
        .iter()
        .map(|key| match &key.column {
            Some(column) if key.text == column.as_str() || key.text.starts_with('"') => {
                let plain = key.collation.is_empty()
                    && key.operator_class.is_empty()
                    && !key.descending
                    && key.nulls_first.is_none();
                if plain { python(column) } else { format!("sa.text({})", text(&key.text())) }
            }
            _ => format!("sa.text({})", text(&key.text())),
        })
        .collect();
    let mut arguments =
        vec![python(&index.name), python(&index.table), format!("[{}]", keys.join(", "))];
    if !index.schema.is_empty() {
        arguments.push(format!("schema={}", python(&index.schema)));
    }
    if index.unique {
        arguments.push("unique=True".to_owned());
    }
    if index.method != "btree" {
        arguments.push(format!("postgresql_using={}", python(&index.method)));
    }
    if !index.include.is_empty() {
        arguments.push(format!("postgresql_include={}", list(&index.include, python)));
    }
    if !index.predicate.is_empty() {
        arguments.push(format!("postgresql_where=sa.text({})", text(&index.predicate)));
    }
    arguments.push("postgresql_concurrently=True".to_owned());
    arguments.push("if_not_exists=True".to_owned());
    call("op.create_index", &arguments)
}

fn call(function: &str, arguments: &[String]) -> String {
    format!("        {function}(\n            {},\n        )\n", arguments.join(",\n            "))
}

/// SQL for `sa.text`, which takes `:name` for a parameter unless a backslash stands before it.
fn text(sql: &str) -> String {
    let mut out = String::new();
    let letters: Vec<char> = sql.chars().collect();
    for (place, letter) in letters.iter().enumerate() {
        let near = |offset: isize| {
            place.checked_add_signed(offset).and_then(|at| letters.get(at)).copied()
        };
        if *letter == ':' && near(-1) != Some(':') && near(1) != Some(':') {
            out.push('\\');
        }
        out.push(*letter);
    }
    python(&out)
}
