//! What services are built with: the language of their SDK, and the libraries whose instrumentation was seen.

use std::{collections::BTreeMap, sync::Arc};

use model::{Framework, Language, Span, Stack};

/// Adds what a span tells of its service.
pub fn stack(span: &Span, stacks: &mut BTreeMap<Arc<str>, Stack>) {
    let service = span.service();
    if !stacks.contains_key(service) {
        stacks.insert(Arc::from(service), Stack::default());
    }
    let Some(stack) = stacks.get_mut(service) else { return };
    if stack.language.is_none() {
        stack.language = span.resource.attributes.text("telemetry.sdk.language").and_then(language);
    }
    for framework in frameworks(&span.scope.name, &span.name) {
        stack.frameworks.insert(framework);
    }
}

fn language(name: &str) -> Option<Language> {
    Some(match name {
        "cpp" => Language::Cpp,
        "dotnet" => Language::Dotnet,
        "elixir" => Language::Elixir,
        "erlang" => Language::Erlang,
        "go" => Language::Go,
        "java" => Language::Java,
        "nodejs" | "webjs" | "javascript" => Language::JavaScript,
        "php" => Language::Php,
        "python" => Language::Python,
        "ruby" => Language::Ruby,
        "rust" => Language::Rust,
        "swift" => Language::Swift,
        _ => return None,
    })
}

fn frameworks(scope: &str, name: &str) -> impl Iterator<Item = Framework> {
    let _ = name;
    SCOPES.iter().filter(move |(part, _)| scope.contains(part)).map(|(_, framework)| *framework)
}

/// Parts of the names of scopes.
const SCOPES: &[(&str, Framework)] = &[
    ("instrumentation.django", Framework::Django),
    ("instrumentation.fastapi", Framework::FastApi),
    ("instrumentation.flask", Framework::Flask),
    ("instrumentation.psycopg", Framework::Psycopg),
    ("instrumentation.asyncpg", Framework::Asyncpg),
    ("instrumentation.sqlalchemy", Framework::SqlAlchemy),
];
