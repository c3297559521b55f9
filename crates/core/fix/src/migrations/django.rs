//! Django: `AddIndexConcurrently` where a model's `Meta.indexes` can say the same, else `RunSQL`; `atomic = False`.

use sql::IndexStatement;

use super::{
    Migration, MigrationFile,
    parts::{Statement, list, python},
};

/// What Django allows for the name of an index in `Meta.indexes`.
const NAME_LETTERS_MAX: usize = 30;

pub(super) fn write(migration: &Migration<'_>) -> Vec<MigrationFile> {
    let (apply, revert) = (migration.apply(), migration.revert());
    let known: Vec<Option<Known>> = apply.iter().map(known).collect();
    let app = known.iter().flatten().next().map_or("app", |known| known.app.as_str());
    let mut imports = vec!["from django.db import migrations".to_owned()];
    if known.iter().any(Option::is_some) {
        imports.insert(
            0,
            "from django.contrib.postgres.operations import AddIndexConcurrently".to_owned(),
        );
        let classes = known.iter().flatten().filter_map(|known| known.class);
        for class in classes {
            let line = format!("from django.contrib.postgres.indexes import {class}");
            if !imports.contains(&line) {
                imports.insert(0, line);
            }
        }
        if known.iter().flatten().any(|known| known.class.is_none() || known.condition) {
            imports.pop();
            imports.push("from django.db import migrations, models".to_owned());
        }
    }
    let mut notes = Vec::new();
    let mut operations = String::new();
    for (place, (statement, known)) in apply.iter().zip(&known).enumerate() {
        if let Some(known) = known {
            notes.push(format!(
                "# The model says the same, or `makemigrations` will drop it again. In Meta of {}:\n\
                 #     indexes = [{}]",
                known.model, known.index
            ));
            operations.push_str(&format!(
                "        AddIndexConcurrently(\n            model_name={},\n            index={},\n        ),\n",
                python(&known.model),
                known.index
            ));
        } else {
            let back = revert_of(statement, &revert, (place, apply.len()));
            let reverse = back.map_or_else(
                || "migrations.RunSQL.noop".to_owned(),
                |back| format!("[{}]", python(&back)),
            );
            operations.push_str(&format!(
                "        migrations.RunSQL(\n            sql=[{}],\n            reverse_sql={reverse},\n        ),\n",
                python(&statement.sql())
            ));
        }
    }
    let notes = if notes.is_empty() { String::new() } else { format!("{}\n", notes.join("\n")) };
    let text = format!(
        "# {}\n{notes}{}\n\n\nclass Migration(migrations.Migration):\n    \
         # CONCURRENTLY does not work in a transaction. What fails leaves an index that is not\n    # valid behind: drop it before trying again.\n    atomic = False\n\n    \
         # The newest migration of the app belongs here.\n    dependencies = [({}, \"0001_initial\")]\n\n    \
         operations = [\n{operations}    ]\n",
        migration.comment(),
        imports.join("\n"),
        python(app)
    );
    let path =
        format!("{app}/migrations/taut_{}_{}.py", migration.stamp().digits(), migration.slug());
    vec![MigrationFile { path, text }]
}

/// What takes a statement back: by its index, or by its place in the opposite order.
fn revert_of(
    statement: &Statement,
    revert: &[Statement],
    (place, count): (usize, usize),
) -> Option<String> {
    let name = |statement: &Statement| match statement {
        Statement::Create(index) => Some(index.name.clone()),
        Statement::Drop { name, .. } => Some(name.clone()),
        Statement::Other(_) => None,
    };
    if let Some(wanted) = name(statement) {
        return revert.iter().find(|back| name(back) == Some(wanted.clone())).map(Statement::sql);
    }
    let opposite = (revert.len() == count).then(|| count - 1 - place)?;
    revert.get(opposite).map(Statement::sql)
}

/// An index in Django's words.
struct Known {
    app: String,
    model: String,
    /// Its class, unless it is `models.Index`.
    class: Option<&'static str>,
    index: String,
    /// It has a condition, which needs `models.Q`.
    condition: bool,
}

/// The index in Django's words, if it has words for all of it and the table is named as Django names tables: `app_model`.
fn known(statement: &Statement) -> Option<Known> {
    let Statement::Create(index) = statement else { return None };
    let plain = !index.unique
        && index.options.is_empty()
        && (index.schema.is_empty() || index.schema == "public")
        && index.name.chars().count() <= NAME_LETTERS_MAX
        && index.name.starts_with(|first: char| first.is_ascii_alphabetic());
    if !plain {
        return None;
    }
    let (app, model) = index.table.split_once('_')?;
    let word = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if !word(app) || !word(model) {
        return None;
    }
    let class = match index.method.as_str() {
        "btree" => None,
        "gin" => Some("GinIndex"),
        "gist" => Some("GistIndex"),
        "brin" => Some("BrinIndex"),
        "hash" => Some("HashIndex"),
        "spgist" => Some("SpGistIndex"),
        _ => return None,
    };
    let mut arguments = vec![format!("fields={}", list(&fields(index)?, python))];
    arguments.push(format!("name={}", python(&index.name)));
    let classes: Vec<String> = index.keys.iter().map(|key| key.operator_class.clone()).collect();
    if classes.iter().all(|class| !class.is_empty()) {
        arguments.push(format!("opclasses={}", list(&classes, python)));
    } else if classes.iter().any(|class| !class.is_empty()) {
        return None;
    }
    if !index.include.is_empty() {
        arguments.push(format!("include={}", list(&index.include, python)));
    }
    if !index.predicate.is_empty() {
        arguments.push(format!("condition={}", condition(&index.predicate)?));
    }
    let index_text = format!("{}({})", class.unwrap_or("models.Index"), arguments.join(", "));
    Some(Known {
        app: app.to_owned(),
        model: model.to_owned(),
        class,
        index: index_text,
        condition: !index.predicate.is_empty(),
    })
}

/// Keys as `fields` has them; `None` for expressions and for what `-` cannot say.
fn fields(index: &IndexStatement) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    for key in &index.keys {
        let column = key.column.as_ref()?;
        if !key.collation.is_empty() || key.nulls_first.is_some() || column.starts_with('-') {
            return None;
        }
        fields.push(if key.descending { format!("-{column}") } else { column.clone() });
    }
    Some(fields)
}

/// A predicate as `Q`: comparisons of a column with a constant, joined by `AND`. `None` for anything else.
fn condition(predicate: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in predicate.split(" AND ") {
        let part = part.trim().trim_start_matches('(').trim_end_matches(')').trim();
        let column = |text: &str| {
            let plain = !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            plain.then(|| text.to_owned())
        };
        let upper = part.to_ascii_uppercase();
        let term = if let Some(stem) = upper.strip_suffix(" IS NOT NULL") {
            format!("{}__isnull=False", column(part.get(..stem.len())?)?)
        } else if let Some(stem) = upper.strip_suffix(" IS NULL") {
            format!("{}__isnull=True", column(part.get(..stem.len())?)?)
        } else if let Some(stem) = upper.strip_prefix("NOT ") {
            format!("{}=False", column(part.get(part.len() - stem.len()..)?.trim())?)
        } else if let Some((left, right)) = part.split_once(" = ") {
            format!("{}={}", column(left)?, constant(right)?)
        } else {
            format!("{}=True", column(part)?)
        };
        parts.push(term);
    }
    Some(format!("models.Q({})", parts.join(", ")))
}

/// A constant as Python has it.
fn constant(text: &str) -> Option<String> {
    let bare = text.split("::").next()?.trim();
    if let Some(inner) = bare.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return Some(python(&inner.replace("''", "'")))
            .filter(|_| !inner.replace("''", "").contains('\''));
    }
    match bare.to_ascii_lowercase().as_str() {
        "true" => Some("True".to_owned()),
        "false" => Some("False".to_owned()),
        number if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(number.to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::condition;

    #[test]
    fn conditions_are_said_in_django_or_not_at_all() {
        let said = |text: &str| condition(text).unwrap_or_default();
        assert_eq!(said("(status = 'paid'::text)"), r#"models.Q(status="paid")"#);
        assert_eq!(said("draft AND at IS NOT NULL"), "models.Q(draft=True, at__isnull=False)");
        assert_eq!(said("(NOT draft) AND (kind = 3)"), "models.Q(draft=False, kind=3)");
        for other in ["a = 1 OR b = 2", "lower(a) = 'x'", "a > 3", "a = 'it''s' || 'x'", "a = b"] {
            assert_eq!(condition(other), None, "{other}");
        }
    }
}
