//! Findings of the model to those on the wire.

use model::{Framework, Language, Proof, StatementKind};

use super::{
    Advice, Attribute, CodeLocation, Evidence, Example, Finding, GatewayChange, GatewaySetting,
    Impact, Level, Snippet, Statement,
};
use crate::wire::{Change, DatabaseEvidence, micros, unix_ms};

impl From<&model::Finding> for Finding {
    fn from(finding: &model::Finding) -> Self {
        Self {
            id: finding.id.to_string(),
            fault: finding.fault.to_owned(),
            level: finding.level.into(),
            service: finding.operation.service.to_string(),
            operation: finding.operation.operation.to_string(),
            claim: finding.claim.clone(),
            evidence: (&finding.evidence).into(),
            language: finding.language.map(|language| language_name(language).to_owned()),
            frameworks: finding
                .frameworks
                .iter()
                .map(|one| framework_name(*one).to_owned())
                .collect(),
            sightings: finding.sightings,
            requests: finding.requests,
            first_seen_unix_ms: unix_ms(finding.first_seen),
            last_seen_unix_ms: unix_ms(finding.last_seen),
            calls_now: finding.calls_now,
            calls_after: finding.calls_after,
            statements_now: finding.statements_now,
            statements_after: finding.statements_after,
            duration_now_micros: micros(finding.duration_now),
            duration_after_micros: micros(finding.duration_after),
            impact: finding.impact.into(),
            effort_days: finding.effort.days,
            examples: finding.examples.iter().map(Example::from).collect(),
            advice: finding.advice.iter().map(Advice::from).collect(),
        }
    }
}

impl From<model::Level> for Level {
    fn from(level: model::Level) -> Self {
        match level {
            model::Level::Low => Self::Low,
            model::Level::Medium => Self::Medium,
            model::Level::High => Self::High,
            model::Level::Critical => Self::Critical,
        }
    }
}

impl From<&model::Evidence> for Evidence {
    fn from(evidence: &model::Evidence) -> Self {
        let statement = |text: &std::sync::Arc<model::StatementText>| Statement::from(&**text);
        Self {
            statement: evidence.statement.as_ref().map(statement),
            source: evidence.source.as_ref().map(statement),
            related: evidence.related.iter().map(statement).collect(),
            endpoint: evidence.endpoint.as_ref().map(ToString::to_string),
            span_ids: evidence.spans.iter().map(ToString::to_string).collect(),
            code: evidence.code.as_ref().map(CodeLocation::from),
            excerpt: evidence.excerpt.clone(),
            attribute: evidence
                .attribute
                .as_ref()
                .map(|(key, value)| Attribute { key: key.to_string(), value: value.to_string() }),
            database: evidence.database.as_deref().map(DatabaseEvidence::from),
        }
    }
}

impl From<&model::StatementText> for Statement {
    fn from(statement: &model::StatementText) -> Self {
        Self {
            fingerprint: format!("{:016x}", statement.fingerprint),
            text: statement.text.to_string(),
            kind: statement_kind_name(statement.kind).to_owned(),
            tables: statement.tables.iter().map(ToString::to_string).collect(),
            truncated: statement.truncated,
        }
    }
}

impl From<&model::CodeLocation> for CodeLocation {
    fn from(code: &model::CodeLocation) -> Self {
        Self { function: code.function.to_string(), file: code.file.to_string(), line: code.line }
    }
}

impl From<model::Impact> for Impact {
    fn from(impact: model::Impact) -> Self {
        Self {
            requests_per_day: impact.requests_per_day,
            user_hours_per_day: impact.user_hours_per_day,
            database_hours_per_day: impact.database_hours_per_day,
            saved_micros: impact.saved_seconds * 1e6,
            saved_error_micros: impact.saved_seconds_error * 1e6,
            database_share: impact.database_share,
            worker_share: impact.worker_share,
        }
    }
}

impl From<&model::Example> for Example {
    fn from(example: &model::Example) -> Self {
        Self {
            trace_id: example.trace_id.to_string(),
            span_id: example.span_id.to_string(),
            start_unix_ms: unix_ms(example.time),
            duration_micros: micros(example.duration),
            saved_micros: micros(example.saved),
        }
    }
}

impl From<&model::Advice> for Advice {
    fn from(advice: &model::Advice) -> Self {
        Self {
            remedy: advice.remedy.to_owned(),
            text: advice.text.clone(),
            snippet: advice.snippet.as_ref().map(|snippet| Snippet {
                language: snippet.language.to_owned(),
                code: snippet.code.clone(),
            }),
            change: advice.change.as_ref().map(Change::from),
            gateway: advice.gateway.as_ref().map(GatewayChange::from),
            proofs: advice.proofs.iter().map(|proof| proof_name(*proof).to_owned()).collect(),
        }
    }
}

impl From<&model::GatewayChange> for GatewayChange {
    fn from(change: &model::GatewayChange) -> Self {
        let (on, host) = match &change.on {
            model::GatewayPlace::Route => ("route", None),
            model::GatewayPlace::Service => ("service", None),
            model::GatewayPlace::Host(host) => ("host", Some(host.clone())),
        };
        let settings = change.settings.iter().cloned();
        Self {
            remedy: change.remedy.clone(),
            on: on.to_owned(),
            host,
            method: change.method.clone(),
            paths: change.paths.clone(),
            example: change.example.clone(),
            settings: settings.map(|(key, value)| GatewaySetting { key, value }).collect(),
            reason: change.reason.clone(),
        }
    }
}

fn statement_kind_name(kind: StatementKind) -> &'static str {
    match kind {
        StatementKind::Select => "select",
        StatementKind::Insert => "insert",
        StatementKind::Update => "update",
        StatementKind::Delete => "delete",
        StatementKind::Session => "session",
        StatementKind::Definition => "definition",
        StatementKind::Other => "other",
    }
}

fn proof_name(proof: Proof) -> &'static str {
    match proof {
        Proof::QueryCount => "query-count",
        Proof::Replay => "replay",
        Proof::CriticalPath => "critical-path",
        Proof::Simulation => "simulation",
        Proof::Load => "load",
        Proof::WhatIf => "what-if",
        Proof::Rehearsal => "rehearsal",
        Proof::BeforeAfter => "before-after",
        Proof::Bytes => "bytes",
        Proof::FaultInjection => "fault-injection",
    }
}

fn language_name(language: Language) -> &'static str {
    match language {
        Language::Cpp => "C++",
        Language::Dotnet => ".NET",
        Language::Elixir => "Elixir",
        Language::Erlang => "Erlang",
        Language::Go => "Go",
        Language::Java => "Java",
        Language::JavaScript => "JavaScript",
        Language::Php => "PHP",
        Language::Python => "Python",
        Language::Ruby => "Ruby",
        Language::Rust => "Rust",
        Language::Swift => "Swift",
    }
}

fn framework_name(framework: Framework) -> &'static str {
    match framework {
        Framework::ActiveRecord => "Active Record",
        Framework::Asyncpg => "asyncpg",
        Framework::Diesel => "Diesel",
        Framework::Django => "Django",
        Framework::DjangoRest => "Django REST framework",
        Framework::EntityFramework => "Entity Framework",
        Framework::Express => "Express",
        Framework::FastApi => "FastAPI",
        Framework::Flask => "Flask",
        Framework::Gorm => "GORM",
        Framework::Hibernate => "Hibernate",
        Framework::Laravel => "Laravel",
        Framework::Mongoose => "Mongoose",
        Framework::NodePostgres => "node-postgres",
        Framework::Prisma => "Prisma",
        Framework::Psycopg => "Psycopg",
        Framework::Rails => "Rails",
        Framework::Sequelize => "Sequelize",
        Framework::Spring => "Spring",
        Framework::SqlAlchemy => "SQLAlchemy",
        Framework::Sqlx => "sqlx",
        Framework::TypeOrm => "TypeORM",
    }
}
