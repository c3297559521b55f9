//! Questions to the catalogs whose answers are statements: the SQL, and what it makes, for people.
//!
//! `$1` are the schemas that are wanted; all, if it is empty. Everything is named with its schema, since the one who asks
//! has set `search_path` to nothing. They serve PostgreSQL 13 to 18.

/// What must be there before rows are, roughly in the order in which it is needed.
pub(super) const BEFORE: &[&str] = &[
    // Schemas.
    "select /* taut */ format('create schema if not exists %I', nspname), 'schema ' || nspname
     from pg_namespace
     where nspname !~ '^pg_' and nspname <> 'information_schema' and nspname <> 'public'
       and (cardinality($1::text[]) = 0 or nspname::text = any($1))
     order by 1",
    // Extensions.
    "select /* taut */ format('create extension if not exists %I with schema %I cascade', e.extname, n.nspname),
            'extension ' || e.extname
     from pg_extension e join pg_namespace n on n.oid = e.extnamespace
     where e.extname <> 'plpgsql' and (cardinality($1::text[]) >= 0) order by e.oid",
    // Collations.
    "select /* taut */ format('create collation %I.%I (provider = %s, deterministic = %s, %s)', n.nspname, c.collname,
                case c.collprovider when 'i' then 'icu' else 'libc' end, c.collisdeterministic,
                case c.collprovider
                    when 'i' then format('locale = %L', coalesce(to_jsonb(c)->>'colllocale',
                        to_jsonb(c)->>'colliculocale', c.collcollate::text))
                    else format('lc_collate = %L, lc_ctype = %L', c.collcollate, c.collctype) end),
            'collation ' || c.collname
     from pg_collation c join pg_namespace n on n.oid = c.collnamespace
     where c.oid >= 16384 and (cardinality($1::text[]) = 0 or n.nspname::text = any($1))
       and not exists (select from pg_depend d where d.classid = 'pg_collation'::regclass
                       and d.objid = c.oid and d.deptype = 'e') order by c.oid",
    // Types: enumerations, ranges, composites, domains.
    "select /* taut */ case t.typtype
                when 'e' then format('create type %I.%I as enum (%s)', n.nspname, t.typname,
                    (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder)
                     from pg_enum where enumtypid = t.oid))
                when 'r' then (select format('create type %I.%I as range (subtype = %s)', n.nspname,
                    t.typname, format_type(rngsubtype, null)) from pg_range where rngtypid = t.oid)
                when 'c' then format('create type %I.%I as (%s)', n.nspname, t.typname,
                    (select string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)),
                                       ', ' order by attnum)
                     from pg_attribute where attrelid = t.typrelid and attnum > 0 and not attisdropped))
                else format('create domain %I.%I as %s%s%s%s', n.nspname, t.typname,
                    format_type(t.typbasetype, t.typtypmod),
                    ' default ' || t.typdefault, case when t.typnotnull then ' not null' end,
                    (select string_agg(format(' constraint %I %s', conname, pg_get_constraintdef(oid)), '')
                     from pg_constraint where contypid = t.oid and contype = 'c'))
            end, 'type ' || t.typname
     from pg_type t join pg_namespace n on n.oid = t.typnamespace
     where t.oid >= 16384 and t.typtype in ('e', 'r', 'c', 'd')
       and (t.typtype <> 'c' or exists (select from pg_class where oid = t.typrelid and relkind = 'c'))
       and (cardinality($1::text[]) = 0 or n.nspname::text = any($1))
       and not exists (select from pg_depend d where d.classid = 'pg_type'::regclass
                       and d.objid = t.oid and d.deptype = 'e') order by t.oid",
    // Sequences; those of identity columns come with their tables.
    "select /* taut */ format('create sequence %I.%I', n.nspname, c.relname), 'sequence ' || c.relname
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'S' and n.nspname !~ '^pg_'
       and (cardinality($1::text[]) = 0 or n.nspname::text = any($1))
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                       and d.objid = c.oid and d.deptype in ('e', 'i')) order by c.oid",
    // Functions and procedures.
    "select /* taut */ pg_get_functiondef(p.oid), 'function ' || p.proname
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where p.oid >= 16384 and p.prokind in ('f', 'p', 'w') and n.nspname !~ '^pg_'
       and n.nspname <> 'information_schema'
       and (cardinality($1::text[]) = 0 or n.nspname::text = any($1))
       and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass
                       and d.objid = p.oid and d.deptype = 'e') order by p.oid",
    TABLES,
    // What the planner is told of single columns.
    "select /* taut */ format('alter table only %I.%I alter column %I set statistics %s', n.nspname, c.relname,
                   a.attname, a.attstattarget), format('statistics target of %s.%s', c.relname, a.attname)
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and a.attstattarget >= 0
       and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
       and (cardinality($1::text[]) = 0 or n.nspname::text = any($1))
     union all
     select format('alter table only %I.%I alter column %I set (%s)', n.nspname, c.relname, a.attname,
                   array_to_string(a.attoptions, ', ')), format('options of %s.%s', c.relname, a.attname)
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and a.attoptions is not null
       and (cardinality($1::text[]) = 0 or n.nspname::text = any($1))",
    // Views, and views of rows without their rows.
    "select /* taut */ format(case c.relkind when 'v' then 'create view %I.%I%s as %s'
                                  else 'create materialized view %I.%I%s as %s with no data' end,
                   n.nspname, c.relname, ' with (' || array_to_string(c.reloptions, ', ') || ')',
                   rtrim(pg_get_viewdef(c.oid), ';')), 'view ' || c.relname
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('v', 'm') and c.oid >= 16384 and n.nspname !~ '^pg_'
       and (cardinality($1::text[]) = 0 or n.nspname::text = any($1))
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                       and d.objid = c.oid and d.deptype = 'e') order by c.oid",
];

/// Tables with their columns; partitions after what they are part of, as both are numbered.
const TABLES: &str = "
    select /* taut */ format('create %stable %I.%I %s%s%s%s', case c.relpersistence when 'u' then 'unlogged ' end,
               n.nspname, c.relname,
               case when c.relispartition then
                   (select format('partition of %I.%I %s', pn.nspname, pc.relname,
                                  pg_get_expr(c.relpartbound, c.oid))
                    from pg_inherits i join pg_class pc on pc.oid = i.inhparent
                         join pg_namespace pn on pn.oid = pc.relnamespace where i.inhrelid = c.oid)
               else '(' || coalesce((
                   select string_agg(format('%I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                       (select format(' collate %I.%I', cn.nspname, co.collname)
                        from pg_collation co join pg_namespace cn on cn.oid = co.collnamespace
                        where co.oid = a.attcollation and a.attcollation <> t.typcollation),
                       case when a.attgenerated = 's'
                                then format(' generated always as (%s) stored', pg_get_expr(d.adbin, d.adrelid))
                            when a.attgenerated <> ''
                                then format(' generated always as (%s) virtual', pg_get_expr(d.adbin, d.adrelid))
                            when a.attidentity <> '' then ' generated by default as identity'
                            when d.adbin is not null then ' default ' || pg_get_expr(d.adbin, d.adrelid) end,
                       case when a.attnotnull then ' not null' end), ', ' order by a.attnum)
                   from pg_attribute a join pg_type t on t.oid = a.atttypid
                        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
                   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '') || ')' end,
               case when not c.relispartition then (
                   select ' inherits (' || string_agg(format('%I.%I', pn.nspname, pc.relname), ', '
                                                      order by i.inhseqno) || ')'
                   from pg_inherits i join pg_class pc on pc.oid = i.inhparent
                        join pg_namespace pn on pn.oid = pc.relnamespace where i.inhrelid = c.oid) end,
               case when c.relkind = 'p' then ' partition by ' || pg_get_partkeydef(c.oid) end,
               ' with (' || array_to_string(c.reloptions, ', ') || ')'),
           'table ' || c.relname
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and c.relpersistence <> 't' and n.nspname !~ '^pg_'
      and n.nspname <> 'information_schema'
      and (cardinality($1::text[]) = 0 or n.nspname::text = any($1))
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                      and d.objid = c.oid and d.deptype = 'e')
    order by c.oid";

/// What is made once the rows are there.
pub(super) const AFTER: &[&str] = &[
    // Constraints: those that stand on an index first, foreign keys last.
    "select /* taut */ format('alter table %I.%I add constraint %I %s', n.nspname, c.relname, k.conname,
                   pg_get_constraintdef(k.oid)), format('constraint %s of %s', k.conname, c.relname)
     from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
     where k.contype in ('p', 'u', 'x', 'c', 'f') and k.conparentid = 0 and k.conislocal
       and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p')
       and (cardinality($1::text[]) = 0 or n.nspname::text = any($1))
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                       and d.objid = c.oid and d.deptype = 'e')
     order by array_position(array['p', 'u', 'x', 'c', 'f'], k.contype::text), c.oid, k.conname",
    // Views of rows.
    "select /* taut */ format('refresh materialized view %I.%I', n.nspname, c.relname), 'rows of the view ' || c.relname
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'm' and c.relispopulated and n.nspname !~ '^pg_'
       and (cardinality($1::text[]) = 0 or n.nspname::text = any($1)) order by c.oid",
    // Indexes that no constraint brought; those of partitions come with the one above them.
    "select /* taut */ replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON '), 'index ' || x.relname
     from pg_index i join pg_class x on x.oid = i.indexrelid join pg_class c on c.oid = i.indrelid
          join pg_namespace n on n.oid = x.relnamespace
     where i.indisvalid and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.oid >= 16384
       and (cardinality($1::text[]) = 0 or n.nspname::text = any($1))
       and not exists (select from pg_inherits where inhrelid = i.indexrelid)
       and not exists (select from pg_constraint where conindid = i.indexrelid and contype in ('p', 'u', 'x'))
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                       and d.objid = c.oid and d.deptype = 'e')
     order by i.indexrelid",
    // Statistics over several columns or expressions.
    "select /* taut */ pg_get_statisticsobjdef(s.oid), 'statistics ' || s.stxname
     from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace
     where (cardinality($1::text[]) = 0 or n.nspname::text = any($1)) order by s.oid",
];

/// Kinds of objects that a clone does without, and how many there are.
pub(super) const LEFT_OUT: &str = "
    select /* taut */ format('%s %s not carried over', count, what) from (
        select count(*), 'triggers are' as what, 1 as at from pg_trigger where not tgisinternal
        union all
        select count(*), 'policies of row security are', 2 from pg_policy
        union all
        select count(*), 'aggregates of users are', 3 from pg_aggregate a
        where a.aggfnoid >= 16384 and not exists (
            select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = a.aggfnoid
            and d.deptype = 'e')
        union all
        select count(*), 'operators of users are', 4 from pg_operator o
        where o.oid >= 16384 and not exists (
            select from pg_depend d where d.classid = 'pg_operator'::regclass and d.objid = o.oid
            and d.deptype = 'e')
        union all
        select count(*), 'foreign tables are', 5 from pg_foreign_table
    ) kinds where count > 0 and cardinality($1::text[]) >= 0 order by at";
