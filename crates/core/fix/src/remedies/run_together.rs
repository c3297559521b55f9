//! Start independent calls together.

use model::{Finding, Framework, Language, Proof};

use super::snippets::{python, snippet};
use crate::{Hint, Remedy};

pub(super) static RUN_TOGETHER: Remedy = Remedy {
    name: "run-together",
    title: "start independent calls together and wait for all of them",
    answers: &["serial-calls"],
    proofs: &[Proof::CriticalPath, Proof::Replay],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let is_async = finding.frameworks.contains(&Framework::FastApi)
        || finding.frameworks.contains(&Framework::Asyncpg);
    let snippet = match finding.language {
        Some(Language::Python) if is_async => {
            python("first, second = await asyncio.gather(call_first(), call_second())")
        }
        Some(Language::Python) => python(
            "with ThreadPoolExecutor(max_workers=4) as pool:\n    first = pool.submit(call_first)\n    \
             second = pool.submit(call_second)\n    answer(first.result(timeout=2), second.result(timeout=2))",
        ),
        Some(Language::JavaScript) => snippet(
            "javascript",
            "const [first, second] = await Promise.all([callFirst(), callSecond()]);",
        ),
        Some(Language::Java) => snippet(
            "java",
            "var first = CompletableFuture.supplyAsync(this::callFirst);\n\
             var second = CompletableFuture.supplyAsync(this::callSecond);\n\
             CompletableFuture.allOf(first, second).join();",
        ),
        Some(Language::Go) => snippet(
            "go",
            "group, ctx := errgroup.WithContext(ctx)\ngroup.Go(func() error { return callFirst(ctx) })\n\
             group.Go(func() error { return callSecond(ctx) })\nerr := group.Wait()",
        ),
        Some(Language::Ruby) => snippet(
            "ruby",
            "first, second = [-> { call_first }, -> { call_second }].map { Thread.new(&_1) }.map(&:value)",
        ),
        Some(Language::Rust) => {
            snippet("rust", "let (first, second) = tokio::try_join!(call_first(), call_second())?;")
        }
        _ => None,
    };
    let calls = names(finding);
    let text = format!(
        "Start {} together and wait for all of them: none needs another's answer. Give each a timeout.",
        if calls.len() < 2 { "the calls".to_owned() } else { calls.join(", ") }
    );
    Some(Hint { text, snippet, change: None })
}

/// Calls that are named; more are not read.
const NAMED_MAX: usize = 4;

/// What is called, as the excerpt tells it: `GET stock.internal/items/{id}, 120 ms`.
fn names(finding: &Finding) -> Vec<&str> {
    let lines = finding.evidence.excerpt.iter();
    let mut names: Vec<&str> = lines.filter_map(|line| Some(line.rsplit_once(", ")?.0)).collect();
    names.dedup();
    if names.len() > NAMED_MAX { Vec::new() } else { names }
}
