//! Whatever a statement reaches, from its tree through the catalogs: functions behind operators, views, row
//! security, domains, aggregates and defaults, and what functions of users call in turn.
//!
//! A round asks for all objects that are new; it ends when none is. Built-in functions are judged by what the
//! server says of them, functions of extensions as well. A function that somebody wrote here is refused if it is
//! volatile; if it is not, it cannot write by itself, but may still call what is volatile, so that its text is
//! looked through: every name in it counts as used, whatever it is in truth.

use std::collections::BTreeSet;

use tokio_postgres::{Client, Row};

use super::{
    Refusal, RehearseError,
    body::{self, Body},
    harmless,
    tree::Tree,
};

/// The first number that objects of users have.
const FIRST_OF_USERS: u32 = 16384;
/// A statement that reaches more than this is not looked through any further, and refused.
const OBJECTS_MAX: usize = 20_000;

/// What a statement was found to do, besides reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Harmless functions in it that answer differently each time, sorted: its rows cannot be compared.
    pub volatile: Vec<String>,
    /// Tables and views that it reaches, by number, sorted.
    pub relations: Vec<u32>,
}

/// Follows a tree until nothing is new.
pub(super) async fn follow(
    client: &Client,
    tree: Tree,
    harmless: &[String],
) -> Result<Checked, RehearseError> {
    let mut reach = Reach { client, harmless, todo: tree, ..Reach::new(client) };
    loop {
        let tree = std::mem::take(&mut reach.todo);
        let relations = unseen(&mut reach.relations, tree.relations);
        let operators = unseen(&mut reach.operators, tree.operators);
        let types = unseen(&mut reach.types, tree.types);
        let functions = unseen(&mut reach.functions, tree.functions);
        if [&relations, &operators, &types, &functions].iter().all(|new| new.is_empty()) {
            break;
        }
        let seen = reach.relations.len() + reach.functions.len() + reach.types.len();
        if seen > OBJECTS_MAX {
            return Err(Refusal::TooMuch.into());
        }
        reach.relations(&relations).await?;
        reach.operators(&operators).await?;
        reach.types(&types).await?;
        reach.functions(&functions).await?;
        for body in std::mem::take(&mut reach.bodies) {
            reach.body(&body).await?;
        }
    }
    Ok(Checked {
        volatile: reach.volatile.into_iter().collect(),
        relations: reach.relations.into_iter().collect(),
    })
}

/// What is known to be reached, and what is still to be looked at.
struct Reach<'a> {
    client: &'a Client,
    harmless: &'a [String],
    todo: Tree,
    functions: BTreeSet<u32>,
    operators: BTreeSet<u32>,
    types: BTreeSet<u32>,
    relations: BTreeSet<u32>,
    /// Texts of functions that are still to be looked through.
    bodies: Vec<Body>,
    volatile: BTreeSet<String>,
}

impl<'a> Reach<'a> {
    fn new(client: &'a Client) -> Self {
        Self {
            client,
            harmless: &[],
            todo: Tree::default(),
            functions: BTreeSet::new(),
            operators: BTreeSet::new(),
            types: BTreeSet::new(),
            relations: BTreeSet::new(),
            bodies: Vec::new(),
            volatile: BTreeSet::new(),
        }
    }

    async fn ask(&self, query: &str, numbers: &[u32]) -> Result<Vec<Row>, RehearseError> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let asked = self.client.query(query, &[&numbers]).await;
        asked.map_err(|error| RehearseError::run("read what the statement calls", error))
    }

    /// Views and what they hold, row security, and tables that lie on another server.
    async fn relations(&mut self, numbers: &[u32]) -> Result<(), RehearseError> {
        const FOREIGN: &str = "
            with /* taut */ recursive tree(oid) as (
                select unnest($1::oid[])
                union
                select inhrelid from pg_inherits, tree where inhparent = tree.oid
            )
            select oid::regclass::text from pg_class join tree using (oid)
            where relkind = 'f' order by 1";
        const TREES: &str = "
            select /* taut */ ev_action::text from pg_rewrite where ev_class = any($1) and ev_type = '1'
            union all
            select polqual::text from pg_policy
            where polrelid = any($1) and polqual is not null";
        if let Some(row) = self.ask(FOREIGN, numbers).await?.first() {
            return Err(Refusal::ForeignTable { name: row.get(0) }.into());
        }
        for row in self.ask(TREES, numbers).await? {
            self.todo.read(row.get(0));
        }
        Ok(())
    }

    async fn operators(&mut self, numbers: &[u32]) -> Result<(), RehearseError> {
        const FUNCTIONS: &str = "
            select /* taut */ unnest(array[oprcode, oprrest, oprjoin]::oid[]) from pg_operator
            where oid = any($1)
            union
            select amproc::oid from pg_amop join pg_amproc on amprocfamily = amopfamily
            where amopopr = any($1) and amopopr >= 16384";
        for row in self.ask(FUNCTIONS, numbers).await? {
            self.todo.functions.insert(row.get(0));
        }
        Ok(())
    }

    /// Types of users: how they are read and written, the checks of domains, how they are compared, and what they
    /// are made of.
    async fn types(&mut self, numbers: &[u32]) -> Result<(), RehearseError> {
        const FUNCTIONS: &str = "
            select /* taut */ unnest(array[typinput, typoutput, typreceive, typsend]::oid[])
            from pg_type where oid = any($1)
            union
            select amproc::oid from pg_opclass join pg_amproc on amprocfamily = opcfamily
            where opcintype = any($1)
            union
            select unnest(array[rngcanonical, rngsubdiff]::oid[]) from pg_range
            where rngtypid = any($1)
            union
            select castfunc from pg_cast where castsource = any($1) or casttarget = any($1)";
        const TYPES: &str = "
            select /* taut */ unnest(array[typelem, typbasetype]) from pg_type where oid = any($1)
            union
            select atttypid from pg_attribute join pg_type on typrelid = attrelid
            where pg_type.oid = any($1) and attnum > 0
            union
            select rngsubtype from pg_range where rngtypid = any($1)";
        const CHECKS: &str = "
            select /* taut */ conbin::text from pg_constraint
            where contypid = any($1) and conbin is not null";
        let numbers: Vec<u32> =
            numbers.iter().copied().filter(|number| *number >= FIRST_OF_USERS).collect();
        for row in self.ask(FUNCTIONS, &numbers).await? {
            self.todo.functions.insert(row.get(0));
        }
        for row in self.ask(TYPES, &numbers).await? {
            self.todo.types.insert(row.get(0));
        }
        for row in self.ask(CHECKS, &numbers).await? {
            self.todo.read(row.get(0));
        }
        Ok(())
    }

    async fn functions(&mut self, numbers: &[u32]) -> Result<(), RehearseError> {
        // `to_jsonb` names columns that older versions do not have.
        const FUNCTIONS: &str = "
            select /* taut */ p.oid, p.oid::regprocedure::text, p.proname::text,
                   n.nspname::text || '.' || p.proname::text,
                   p.provolatile::text, p.prokind::text, l.lanname::text, l.lanpltrusted, p.prosrc,
                   to_jsonb(p)->>'prosqlbody', p.proargdefaults::text,
                   (select extname::text from pg_depend d join pg_extension e on e.oid = d.refobjid
                    where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
                      and d.refclassid = 'pg_extension'::regclass limit 1),
                   p.proargtypes::oid[] || p.prorettype
            from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                 join pg_language l on l.oid = p.prolang
            where p.oid = any($1) order by p.oid";
        const OF_AGGREGATES: &str = "
            select /* taut */ unnest(array[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn,
                                aggmtransfn, aggminvtransfn, aggmfinalfn]::oid[]), aggsortop
            from pg_aggregate where aggfnoid = any($1) and aggfnoid >= 16384";
        for row in self.ask(FUNCTIONS, numbers).await? {
            self.function(&Function::of(&row))?;
        }
        for row in self.ask(OF_AGGREGATES, numbers).await? {
            self.todo.functions.insert(row.get(0));
            self.todo.operators.insert(row.get(1));
        }
        Ok(())
    }

    /// Judges one function, and notes what is to be looked at for it.
    fn function(&mut self, function: &Function) -> Result<(), Refusal> {
        if let Some(defaults) = &function.defaults {
            self.todo.read(defaults);
        }
        if self.harmless.contains(&function.qualified) {
            return Ok(());
        }
        let is_built_in = function.number < FIRST_OF_USERS;
        if function.is_volatile && !function.is_aggregate {
            let is_harmless = match &function.extension {
                _ if is_built_in => harmless::BUILT_IN.contains(&function.name.as_str()),
                Some(extension) => {
                    harmless::OF_EXTENSIONS.contains(&(extension.as_str(), function.name.as_str()))
                }
                None => false,
            };
            if !is_harmless {
                return Err(Refusal::Volatile { function: function.signature.clone() });
            }
            self.volatile.insert(function.signature.clone());
        }
        if is_built_in || function.extension.is_some() || function.is_aggregate {
            return Ok(());
        }
        // Its arguments and its answer are turned into these.
        self.todo.types.extend(&function.types);
        if let Some(tree) = &function.tree {
            self.todo.read(tree);
            return Ok(());
        }
        match function.language.as_str() {
            "sql" | "plpgsql" if function.is_trusted => {
                let body = body::read(&function.source);
                if let Some(what) = body.opaque(&function.language) {
                    let function = function.signature.clone();
                    return Err(Refusal::Opaque { function, why: what.to_owned() });
                }
                self.bodies.push(body);
                Ok(())
            }
            language => Err(Refusal::Opaque {
                function: function.signature.clone(),
                why: format!("it is written in {language}"),
            }),
        }
    }

    /// Everything that a name in the text of a function may stand for.
    async fn body(&mut self, body: &Body) -> Result<(), RehearseError> {
        // A name before a parenthesis is a call; any other may be one too, of a user's function on a row: `row.name`.
        // Values are turned into the types of columns without a word.
        const NAMED: &str = "
            select /* taut */ 'f', oid from pg_proc where proname::text = any($1) and provolatile = 'v'
            union all
            select 'f', oid from pg_proc where proname::text = any($2) and oid >= 16384
            union all
            select 'r', oid from pg_class
            where relname::text = any($2) and relkind in ('r', 'p', 'v', 'f') and oid >= 16384
            union all
            select 't', oid from pg_type
            where typname::text = any($2) and typtype in ('d', 'b', 'r', 'c') and oid >= 16384
            union all
            select 'o', oid from pg_operator
            where oid >= 16384 and position(oprname::text in $3::text) > 0
            union all
            select 't', atttypid from pg_attribute join pg_class c on c.oid = attrelid
            where relname::text = any($2) and attnum > 0 and atttypid >= 16384
            union all
            select 'f', castfunc from pg_cast
            where oid >= 16384 and castsource < 16384 and casttarget < 16384 and castfunc <> 0";
        let rows = self
            .client
            .query(NAMED, &[&body.called, &body.named, &body.signs])
            .await
            .map_err(|error| RehearseError::run("read what the statement calls", error))?;
        for row in rows {
            let number: u32 = row.get(1);
            match row.get(0) {
                "f" => self.todo.functions.insert(number),
                "r" => self.todo.relations.insert(number),
                "t" => self.todo.types.insert(number),
                _ => self.todo.operators.insert(number),
            };
        }
        Ok(())
    }
}

/// What the catalog says of a function.
struct Function {
    number: u32,
    signature: String,
    name: String,
    qualified: String,
    is_volatile: bool,
    is_aggregate: bool,
    language: String,
    is_trusted: bool,
    source: String,
    tree: Option<String>,
    defaults: Option<String>,
    extension: Option<String>,
    types: Vec<u32>,
}

impl Function {
    fn of(row: &Row) -> Self {
        Self {
            number: row.get(0),
            signature: row.get(1),
            name: row.get(2),
            qualified: row.get(3),
            is_volatile: row.get::<_, &str>(4) == "v",
            is_aggregate: row.get::<_, &str>(5) == "a",
            language: row.get(6),
            is_trusted: row.get(7),
            source: row.get(8),
            tree: row.get(9),
            defaults: row.get(10),
            extension: row.get(11),
            types: row.get(12),
        }
    }
}

/// Adds numbers to those that were seen, and returns the new ones.
fn unseen(seen: &mut BTreeSet<u32>, numbers: BTreeSet<u32>) -> Vec<u32> {
    numbers.into_iter().filter(|number| *number != 0 && seen.insert(*number)).collect()
}
