//! Which table and column a name means: aliases within a block, blocks within blocks.

use std::collections::BTreeMap;

use model::database::{Database, IndexKey, Table};
use sqlparser::ast::{Ident, ObjectName};

/// A column or expression of one naming of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Which naming, by its place in the analysis.
    pub(super) table: usize,
    /// What of it.
    pub(super) key: IndexKey,
}

/// What a name in `FROM` stands for.
#[derive(Debug, Clone)]
pub(super) enum Source<'database> {
    /// A table of the catalog, and its place in the analysis.
    Table(usize, &'database Table),
    /// A subquery or common table expression: its columns and what each is, where that is known.
    Derived(Columns),
    /// Nothing that is known.
    Unknown,
}

/// Columns that come out of a subquery, in order.
pub(super) type Columns = Vec<(String, Option<Place>)>;

/// The names of one block.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope<'database> {
    pub(super) sources: Vec<(String, Source<'database>)>,
    /// Common table expressions that can be named from here on.
    pub(super) common: BTreeMap<String, Columns>,
}

/// The blocks around a place, the innermost last.
pub(super) struct Scopes<'database>(pub(super) Vec<Scope<'database>>);

/// What a name was found to mean.
pub(super) enum Meaning {
    /// A place.
    Place(Place),
    /// Something computed, or of a source that is not known.
    Other,
    /// No such name.
    Nothing,
}

impl<'database> Scopes<'database> {
    /// What an unqualified name means, from the innermost block outwards.
    pub(super) fn column(&self, name: &Ident) -> Meaning {
        let name = folded(name);
        for scope in self.0.iter().rev() {
            let mut unknown = false;
            for (_, source) in &scope.sources {
                match source.column(&name) {
                    Meaning::Nothing => unknown |= matches!(source, Source::Unknown),
                    found => return found,
                }
            }
            if unknown {
                return Meaning::Other;
            }
        }
        Meaning::Nothing
    }

    /// What `source.column` means.
    pub(super) fn qualified(&self, source: &Ident, name: &Ident) -> Meaning {
        match self.source(source) {
            None => Meaning::Nothing,
            Some(Source::Unknown) => Meaning::Other,
            Some(source) => source.column(&folded(name)),
        }
    }

    /// The source of this name or alias.
    pub(super) fn source(&self, name: &Ident) -> Option<&Source<'database>> {
        let name = folded(name);
        let all = self.0.iter().rev().flat_map(|scope| &scope.sources);
        all.into_iter().find(|(alias, _)| *alias == name).map(|(_, source)| source)
    }

    /// The common table expression of this name.
    pub(super) fn common(&self, name: &str) -> Option<&Columns> {
        self.0.iter().rev().find_map(|scope| scope.common.get(name))
    }
}

impl Source<'_> {
    fn column(&self, name: &str) -> Meaning {
        match self {
            Self::Table(place, table) => {
                table.column_named(name).map_or(Meaning::Nothing, |column| {
                    Meaning::Place(Place { table: *place, key: IndexKey::Column(column.number) })
                })
            }
            Self::Derived(columns) => columns
                .iter()
                .find(|(known, _)| known == name)
                .map_or(Meaning::Nothing, |(_, place)| {
                    place.clone().map_or(Meaning::Other, Meaning::Place)
                }),
            Self::Unknown => Meaning::Nothing,
        }
    }
}

/// The table that a name means: in the schema that it says, else along the search path, else where the name is
/// the only one.
pub(super) fn table<'database>(
    name: &ObjectName,
    database: &'database Database,
) -> Option<&'database Table> {
    let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident()).map(folded).collect();
    let (last, before) = parts.split_last()?;
    let named = || database.tables.iter().filter(|table| table.name.name == last.as_str());
    if let Some(schema) = before.last() {
        return named().find(|table| table.name.schema == schema.as_str());
    }
    let path = database.setting("search_path").unwrap_or("public");
    let path = path.split(',').map(|schema| schema.trim().trim_matches('"'));
    path.chain(["public"])
        .find_map(|schema| named().find(|table| table.name.schema == schema))
        .or_else(|| named().next().filter(|_| named().count() == 1))
}

/// A name as PostgreSQL reads it.
pub(super) fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}
