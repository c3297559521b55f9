//! Take work out of the request.

use model::{Finding, Framework, Language, Proof, Snippet};

use super::snippets::{python, snippet, sql};
use crate::{
    Hint, Remedy,
    dialect::{Dialect, dialect},
};

pub(super) static DEFER: Remedy = Remedy {
    name: "defer",
    title: "write down what is to be done, answer, and let a worker do it",
    answers: &["blocking-call"],
    proofs: &[Proof::Replay, Proof::Load, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let is_django = finding.frameworks.contains(&Framework::Django)
        || finding.frameworks.contains(&Framework::DjangoRest);
    let snippet = match finding.language {
        Some(Language::Python) if is_django => python(
            "@shared_task(autoretry_for=(Exception,), retry_backoff=True, max_retries=5)\n\
             def after_submit(key):  # idempotent: the same key twice does it once\n    ...\n\n\
             transaction.on_commit(lambda: after_submit.delay(key))",
        ),
        Some(Language::Python) => python(
            "@shared_task(autoretry_for=(Exception,), retry_backoff=True, max_retries=5)\n\
             def after_submit(key):  # idempotent: the same key twice does it once\n    ...\n\n\
             after_submit.delay(key)  # after the commit",
        ),
        Some(Language::Ruby) => snippet(
            "ruby",
            "class AfterSubmitJob\n  include Sidekiq::Job\n  sidekiq_options retry: 5\nend\n\nafter_commit { AfterSubmitJob.perform_async(key) }",
        ),
        Some(Language::JavaScript) => snippet(
            "javascript",
            "await queue.add('after-submit', { key }, { jobId: key, attempts: 5, backoff: { type: 'exponential', delay: 1000 } });",
        ),
        _ => outbox(dialect(finding)),
    };
    let text = "Write down what is to be done, in the transaction of the change itself, answer, and let a \
                worker do it: with an idempotency key and retries."
        .to_owned();
    Some(Hint { text, snippet, change: None })
}

/// A task written down where the change is.
fn outbox(dialect: Dialect) -> Option<Snippet> {
    let head = "-- in the transaction of the change itself; the key is unique";
    let values: Vec<String> = (1..=3).map(|place| dialect.parameter(place)).collect();
    let values = values.join(", ");
    let into = "INTO tasks (key, kind, payload)";
    match dialect {
        Dialect::Postgres => sql(format!(
            "{head}; a worker takes rows with FOR UPDATE SKIP LOCKED\n\
             INSERT {into} VALUES ({values}) ON CONFLICT (key) DO NOTHING;"
        )),
        Dialect::Sqlite => {
            sql(format!("{head}\nINSERT {into} VALUES ({values}) ON CONFLICT (key) DO NOTHING;"))
        }
        Dialect::MySql => sql(format!(
            "{head}; a worker takes rows with FOR UPDATE SKIP LOCKED\n\
             INSERT IGNORE INTO tasks (`key`, kind, payload) VALUES ({values});"
        )),
        Dialect::MsSql => sql(format!(
            "{head}; a worker takes rows WITH (UPDLOCK, READPAST)\n\
             INSERT INTO tasks ([key], kind, payload) VALUES ({values});"
        )),
        Dialect::Oracle => sql(format!("{head}\nINSERT {into} VALUES ({values});")),
        Dialect::Mongo => snippet(
            dialect.language(),
            "db.tasks.updateOne({ _id: key }, { $setOnInsert: { kind, payload } }, { upsert: true, session })",
        ),
        Dialect::Other => None,
    }
}
