//! Write answers down with less work.

use model::{Finding, Framework, Language, Proof};

use super::snippets::{python, snippet, sql};
use crate::{Hint, Remedy};

pub(super) static LEAN_SERIALIZER: Remedy = Remedy {
    name: "lean-serializer",
    title: "write answers down with less work: plain values, fewer fields, a compiled serializer",
    answers: &["heavy-serialization"],
    proofs: &[Proof::Replay, Proof::Load],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let has = |framework| finding.frameworks.contains(&framework);
    let snippet = if has(Framework::Django) || has(Framework::DjangoRest) {
        python(
            "rows = Model.objects.values(\"id\", \"title\")  # plain values, no model objects, no serializer\nreturn HttpResponse(orjson.dumps(list(rows)), content_type=\"application/json\")",
        )
    } else {
        match finding.language {
            Some(Language::Python) => {
                python("return Response(orjson.dumps(rows), media_type=\"application/json\")")
            }
            Some(Language::Ruby) => {
                snippet("ruby", "rows = Model.pluck(:id, :title)  # plain values, no objects")
            }
            _ => sql(
                "SELECT json_agg(t) FROM (SELECT id, title FROM …) t;  -- the database writes the JSON",
            ),
        }
    };
    let text = "Give back fewer rows and fields, read plain values instead of objects for lists, and write \
                them with a compiled serializer. Profile first: often one field costs most."
        .to_owned();
    Some(Hint { text, snippet })
}
