//! What services are built with: the language of their SDK, and the libraries whose instrumentation was seen.
//!
//! Scopes are named alike within a language, so a name is looked up by its prefix and its rest: this runs
//! for every span.

use std::{collections::BTreeMap, sync::Arc};

use model::{Framework, Language, Span, Stack, Text};

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
    stack.frameworks.extend(by_scope(&span.scope.name));
    if span.name.starts_with("prisma:") {
        stack.frameworks.insert(Framework::Prisma);
    }
    match stack.language {
        Some(Language::Rust) => stack.frameworks.extend(of_rust(span)),
        Some(Language::Python) if stack.frameworks.contains(&Framework::Django) => {
            stack.frameworks.extend(uses_django_rest(span).then_some(Framework::DjangoRest));
        }
        _ => {}
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

/// The library whose instrumentation has this scope.
fn by_scope(scope: &str) -> Option<Framework> {
    if let Some(name) = scope.strip_prefix("opentelemetry.instrumentation.") {
        return python(name);
    }
    let node = ["@opentelemetry/instrumentation-", "opentelemetry-instrumentation-"];
    if let Some(name) = node.iter().find_map(|prefix| scope.strip_prefix(prefix)) {
        return javascript(name);
    }
    if let Some(name) = scope.strip_prefix("io.opentelemetry.") {
        return java_or_php(name);
    }
    if let Some(name) = scope.strip_prefix("OpenTelemetry::Instrumentation::") {
        return ruby(name);
    }
    other(scope)
}

fn python(name: &str) -> Option<Framework> {
    Some(match name {
        "django" => Framework::Django,
        "fastapi" => Framework::FastApi,
        "flask" => Framework::Flask,
        "psycopg" | "psycopg2" => Framework::Psycopg,
        "asyncpg" => Framework::Asyncpg,
        "sqlalchemy" => Framework::SqlAlchemy,
        _ => return None,
    })
}

fn javascript(name: &str) -> Option<Framework> {
    Some(match name {
        "express" => Framework::Express,
        "pg" => Framework::NodePostgres,
        "mongoose" => Framework::Mongoose,
        "sequelize" => Framework::Sequelize,
        "typeorm" => Framework::TypeOrm,
        _ => return None,
    })
}

fn java_or_php(name: &str) -> Option<Framework> {
    if name.starts_with("spring-") {
        Some(Framework::Spring)
    } else if name.starts_with("hibernate-") || name == "hibernate" {
        Some(Framework::Hibernate)
    } else {
        name.starts_with("contrib.php.laravel").then_some(Framework::Laravel)
    }
}

fn ruby(name: &str) -> Option<Framework> {
    Some(match name {
        "ActiveRecord" => Framework::ActiveRecord,
        "Rails" | "ActionPack" | "ActionView" | "ActiveSupport" | "ActionMailer" | "ActiveJob" => {
            Framework::Rails
        }
        _ => return None,
    })
}

fn other(scope: &str) -> Option<Framework> {
    if scope.contains("gorm") {
        Some(Framework::Gorm)
    } else if scope.contains("EntityFrameworkCore") {
        Some(Framework::EntityFramework)
    } else if scope == "prisma" || scope == "@prisma/instrumentation" {
        Some(Framework::Prisma)
    } else if scope.starts_with("org.springframework.") {
        Some(Framework::Spring)
    } else {
        scope.contains("typeorm").then_some(Framework::TypeOrm)
    }
}

/// Rust's spans have the application's scope; the module that made them is an attribute.
fn of_rust(span: &Span) -> Option<Framework> {
    let module = span.attributes.text("code.namespace");
    let module = module.or_else(|| span.attributes.text("code.module.name"));
    let module = module.or_else(|| span.attributes.text("target")).unwrap_or_default();
    let is = |name: &str| module.starts_with(name) || span.scope.name.starts_with(name);
    if is("sqlx") { Some(Framework::Sqlx) } else { is("diesel").then_some(Framework::Diesel) }
}

/// Django REST framework has no instrumentation of its own; it shows in code and stack traces.
fn uses_django_rest(span: &Span) -> bool {
    let shows = |(key, value): &(Text, model::Value)| {
        key.starts_with("code.")
            && value.as_text().is_some_and(|text| text.contains("rest_framework"))
    };
    span.attributes.0.iter().any(shows)
}

#[cfg(test)]
mod tests {
    use model::{Attributes, Resource, Scope, Value};

    use super::*;
    use crate::testing::span;

    fn check(language: &str, scopes: &[&str], expected: &[Framework]) {
        let mut stacks = BTreeMap::new();
        for scope in scopes {
            let mut span = span("anything");
            span.scope = Arc::new(Scope { name: Text::from(*scope), ..Scope::default() });
            let attributes = [("service.name", "shop"), ("telemetry.sdk.language", language)];
            let attributes =
                attributes.map(|(key, value)| (Text::from(key), Value::Text(Text::from(value))));
            span.resource = Arc::new(Resource {
                attributes: Attributes(attributes.to_vec()),
                ..Resource::default()
            });
            stack(&span, &mut stacks);
        }
        let found = &stacks["shop"];
        assert_eq!(found.language, super::language(language));
        assert_eq!(found.frameworks.iter().copied().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn scopes_name_the_frameworks() {
        use Framework as F;
        check(
            "python",
            &["opentelemetry.instrumentation.django", "opentelemetry.instrumentation.psycopg2"],
            &[F::Django, F::Psycopg],
        );
        check(
            "python",
            &["opentelemetry.instrumentation.fastapi", "opentelemetry.instrumentation.sqlalchemy"],
            &[F::FastApi, F::SqlAlchemy],
        );
        check(
            "nodejs",
            &[
                "@opentelemetry/instrumentation-express",
                "@opentelemetry/instrumentation-pg",
                "prisma",
            ],
            &[F::Express, F::NodePostgres, F::Prisma],
        );
        check(
            "java",
            &[
                "io.opentelemetry.spring-webmvc-6.0",
                "io.opentelemetry.hibernate-6.0",
                "io.opentelemetry.jdbc",
            ],
            &[F::Hibernate, F::Spring],
        );
        check(
            "ruby",
            &[
                "OpenTelemetry::Instrumentation::Rails",
                "OpenTelemetry::Instrumentation::ActiveRecord",
            ],
            &[F::ActiveRecord, F::Rails],
        );
        check("php", &["io.opentelemetry.contrib.php.laravel"], &[F::Laravel]);
        check("go", &["gorm.io/plugin/opentelemetry"], &[F::Gorm]);
        check("go", &["github.com/uptrace/opentelemetry-go-extra/otelgorm"], &[F::Gorm]);
        check(
            "dotnet",
            &["OpenTelemetry.Instrumentation.EntityFrameworkCore"],
            &[F::EntityFramework],
        );
        check("rust", &["sqlx::query"], &[F::Sqlx]);
    }
}
