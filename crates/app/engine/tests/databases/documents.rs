//! What a B-tree cannot find: documents by what they contain, lists by their elements, texts by their words.

use crate::kit::{builder, look, request};

const DOCUMENTS: &str = "
    create table documents (id int primary key, data jsonb, tags text[], words tsvector);
    insert into documents select i, jsonb_build_object('order', i % 3000, 'state', 'open'), array['t' || i % 2000],
        to_tsvector('simple', 'word' || i % 2500) from generate_series(1, 60000) i;
    vacuum analyze documents;
    select pg_stat_statements_reset();
";

#[test]
fn gin_indexes_are_proposed_where_operators_need_them_and_serve_them() {
    let server = builder().start();
    server.psql(DOCUMENTS);
    let questions = |number: u32| {
        [
            format!("select id from documents where data @> '{{\"order\": {number}}}'"),
            format!("select id from documents where tags @> array['t{number}']"),
            format!("select id from documents where words @@ to_tsquery('simple', 'word{number}')"),
        ]
    };
    for number in 1..20 {
        server.psql(&questions(number).join(";"));
    }
    let found = look(&request(&server.url(), &[]));
    let set = found.proposal.unwrap_or_else(|| panic!("{:?}", found.notes));
    for column in ["data", "tags", "words"] {
        let ddl = format!("ON public.documents USING gin ({column})");
        let one = set.create.iter().find(|one| one.ddl.contains(&ddl));
        let one = one.unwrap_or_else(|| panic!("no {ddl}: {:?} {:?}", set.create, set.notes));
        assert!(one.has_guessed_size() && one.why.join(" ").contains("a model"), "{:?}", one.why);
        server.psql(&one.ddl);
    }
    for question in questions(7) {
        let plan = server.psql(&format!("explain {question}"));
        assert!(plan.contains("Bitmap Index Scan on documents_"), "{plan}");
    }
    let advice = found.findings.iter().filter(|it| it.fault == "missing-index");
    let texts: Vec<&str> = advice.flat_map(|it| &it.advice).map(|it| it.text.as_str()).collect();
    assert!(texts.iter().any(|text| text.contains("may be several times off")), "{texts:?}");
}
