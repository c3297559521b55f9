//! Take work out of the request.

use model::{Finding, Framework, Language, Proof};

use super::snippets::{python, snippet, sql};
use crate::{Hint, Remedy};

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
        _ => sql(
            "-- in the transaction of the change itself; a worker takes rows with FOR UPDATE SKIP LOCKED\n\
             INSERT INTO tasks (key, kind, payload) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING;",
        ),
    };
    let text = "Write down what is to be done, in the transaction of the change itself, answer, and let a \
                worker do it: with an idempotency key and retries."
        .to_owned();
    Some(Hint { text, snippet })
}
