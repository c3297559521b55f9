//! Migrations: what is written for each tool, and that Django and Alembic run it.

mod tools;

use fix::{MIGRATION_TOOLS, Migration, MigrationFile, MigrationTool};
use insta::assert_snapshot;
use model::{Change, Moment, Text, database::TableName};

pub(crate) fn files(tool: &str, change: &Change) -> Vec<MigrationFile> {
    let why = "GET /orders/ reads shop_order as a whole\nfor few rows */ \"\"\"";
    let now = Moment { nanos: 1_790_000_000_000_000_000 };
    let tool = MigrationTool::named(tool).expect("it is in the table");
    tool.write(&Migration { change, why, now })
}

fn text(tool: &str, change: &Change) -> String {
    let file = |file: MigrationFile| format!("[{}]\n{}", file.path, file.text);
    files(tool, change).into_iter().map(file).collect()
}

/// What creates an index, and drops it again.
pub(crate) fn change(creates: &[(&str, &str, &str)]) -> Change {
    Change {
        database: Text::from("shop"),
        apply: creates.iter().map(|(.., sql)| (*sql).to_owned()).collect(),
        revert: creates
            .iter()
            .rev()
            .map(|(_, name, _)| sql::drop_index("public", name, sql::Locking::Concurrently))
            .collect(),
        creates: creates
            .iter()
            .map(|(table, name, _)| (TableName::new("public", table), Text::from(*name)))
            .collect(),
        ..Change::default()
    }
}

/// What frameworks have words for.
pub(crate) fn plain() -> Change {
    change(&[(
        "shop_order",
        "shop_order_paid_idx",
        "CREATE INDEX CONCURRENTLY shop_order_paid_idx ON public.shop_order (customer_id, at DESC) INCLUDE (total) \
         WHERE status = 'paid'",
    )])
}

/// What some of them have none for.
pub(crate) fn fancy() -> Change {
    change(&[
        (
            "shop_order",
            "Größe \"x\" 100%",
            "CREATE INDEX CONCURRENTLY \"Größe \"\"x\"\" 100%\" ON public.shop_order \
             (lower(status) text_pattern_ops, at DESC NULLS LAST) WHERE note <> 'a:b\\c''d' AND note::text <> '%s'",
        ),
        (
            "shop_order",
            "shop_order_note",
            "CREATE INDEX CONCURRENTLY shop_order_note ON public.shop_order USING gin (to_tsvector('simple', note))",
        ),
    ])
}

#[test]
fn tools_are_in_the_order_of_their_names() {
    assert!(MIGRATION_TOOLS.is_sorted_by_key(|tool| tool.name));
}

#[test]
fn django_says_it_in_its_own_words_where_it_has_some() {
    assert_snapshot!(text("django", &plain()), @r###"
    [shop/migrations/taut_20260921141320_create_shop_order_paid_idx.py]
    # GET /orders/ reads shop_order as a whole for few rows * / """
    # The model says the same, or `makemigrations` will drop it again. In Meta of order:
    #     indexes = [models.Index(fields=["customer_id", "-at"], name="shop_order_paid_idx", include=["total"], condition=models.Q(status="paid"))]
    from django.contrib.postgres.operations import AddIndexConcurrently
    from django.db import migrations, models


    class Migration(migrations.Migration):
        # CONCURRENTLY does not work in a transaction. What fails leaves an index that is not
        # valid behind: drop it before trying again.
        atomic = False

        # The newest migration of the app belongs here.
        dependencies = [("shop", "0001_initial")]

        operations = [
            AddIndexConcurrently(
                model_name="order",
                index=models.Index(fields=["customer_id", "-at"], name="shop_order_paid_idx", include=["total"], condition=models.Q(status="paid")),
            ),
        ]
    "###);
    assert_snapshot!(text("django", &fancy()), @r###"
    [app/migrations/taut_20260921141320_create_gr_e_x_100.py]
    # GET /orders/ reads shop_order as a whole for few rows * / """
    from django.db import migrations


    class Migration(migrations.Migration):
        # CONCURRENTLY does not work in a transaction. What fails leaves an index that is not
        # valid behind: drop it before trying again.
        atomic = False

        # The newest migration of the app belongs here.
        dependencies = [("app", "0001_initial")]

        operations = [
            migrations.RunSQL(
                sql=["CREATE INDEX CONCURRENTLY IF NOT EXISTS \"Größe \"\"x\"\" 100%\" ON public.shop_order USING btree (lower(status) text_pattern_ops, at DESC NULLS LAST) WHERE note <> 'a:b\\c''d' AND note::text <> '%s'"],
                reverse_sql=["DROP INDEX CONCURRENTLY IF EXISTS public.\"Größe \"\"x\"\" 100%\""],
            ),
            migrations.RunSQL(
                sql=["CREATE INDEX CONCURRENTLY IF NOT EXISTS shop_order_note ON public.shop_order USING gin (to_tsvector('simple', note))"],
                reverse_sql=["DROP INDEX CONCURRENTLY IF EXISTS public.shop_order_note"],
            ),
        ]
    "###);
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is what is written, in full")]
fn alembic_builds_outside_of_a_transaction() {
    assert_snapshot!(text("alembic", &plain()), @r###"
    [versions/d587aa89d9d9_create_shop_order_paid_idx.py]
    """GET /orders/ reads shop_order as a whole for few rows * /    

    Revision ID: d587aa89d9d9
    """

    import sqlalchemy as sa
    from alembic import op

    revision = "d587aa89d9d9"
    # What `alembic heads` says belongs here.
    down_revision = None
    branch_labels = None
    depends_on = None


    def upgrade():
        # CONCURRENTLY does not work in a transaction. What fails leaves an index that is not
        # valid behind: drop it before trying again.
        with op.get_context().autocommit_block():
            op.create_index(
                "shop_order_paid_idx",
                "shop_order",
                ["customer_id", sa.text("at DESC")],
                schema="public",
                postgresql_include=["total"],
                postgresql_where=sa.text("status = 'paid'"),
                postgresql_concurrently=True,
                if_not_exists=True,
            )


    def downgrade():
        with op.get_context().autocommit_block():
            op.drop_index(
                "shop_order_paid_idx",
                schema="public",
                postgresql_concurrently=True,
                if_exists=True,
            )
    "###);
    assert_snapshot!(text("alembic", &fancy()), @r###"
    [versions/00af81bc826f_create_gr_e_x_100.py]
    """GET /orders/ reads shop_order as a whole for few rows * /    

    Revision ID: 00af81bc826f
    """

    import sqlalchemy as sa
    from alembic import op

    revision = "00af81bc826f"
    # What `alembic heads` says belongs here.
    down_revision = None
    branch_labels = None
    depends_on = None


    def upgrade():
        # CONCURRENTLY does not work in a transaction. What fails leaves an index that is not
        # valid behind: drop it before trying again.
        with op.get_context().autocommit_block():
            op.create_index(
                "Größe \"x\" 100%",
                "shop_order",
                [sa.text("lower(status) text_pattern_ops"), sa.text("at DESC NULLS LAST")],
                schema="public",
                postgresql_where=sa.text("note <> 'a\\:b\\c''d' AND note::text <> '%s'"),
                postgresql_concurrently=True,
                if_not_exists=True,
            )
            op.create_index(
                "shop_order_note",
                "shop_order",
                [sa.text("to_tsvector('simple', note)")],
                schema="public",
                postgresql_using="gin",
                postgresql_concurrently=True,
                if_not_exists=True,
            )


    def downgrade():
        with op.get_context().autocommit_block():
            op.drop_index(
                "shop_order_note",
                schema="public",
                postgresql_concurrently=True,
                if_exists=True,
            )
            op.drop_index(
                "Größe \"x\" 100%",
                schema="public",
                postgresql_concurrently=True,
                if_exists=True,
            )
    "###);
}

#[test]
fn rails_builds_outside_of_a_transaction() {
    assert_snapshot!(text("rails", &plain()), @r###"
    [db/migrate/20260921141320_create_shop_order_paid_idx.rb]
    # GET /orders/ reads shop_order as a whole for few rows * / """
    class CreateShopOrderPaidIdx < ActiveRecord::Migration[7.1]
      # CONCURRENTLY does not work in a transaction. What fails leaves an index that is not
      # valid behind: drop it before trying again.
      disable_ddl_transaction!

      def up
        add_index 'shop_order',
          ['customer_id', 'at'],
          name: 'shop_order_paid_idx',
          order: { 'at' => 'DESC' },
          include: ['total'],
          where: 'status = \'paid\'',
          algorithm: :concurrently,
          if_not_exists: true
      end

      def down
        execute 'DROP INDEX CONCURRENTLY IF EXISTS public.shop_order_paid_idx'
      end
    end
    "###);
    assert_snapshot!(text("rails", &fancy()), @r###"
    [db/migrate/20260921141320_create_gr_e_x_100.rb]
    # GET /orders/ reads shop_order as a whole for few rows * / """
    class CreateGrEX100 < ActiveRecord::Migration[7.1]
      # CONCURRENTLY does not work in a transaction. What fails leaves an index that is not
      # valid behind: drop it before trying again.
      disable_ddl_transaction!

      def up
        execute 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "Größe ""x"" 100%" ON public.shop_order USING btree (lower(status) text_pattern_ops, at DESC NULLS LAST) WHERE note <> \'a:b\\c\'\'d\' AND note::text <> \'%s\''
        execute 'CREATE INDEX CONCURRENTLY IF NOT EXISTS shop_order_note ON public.shop_order USING gin (to_tsvector(\'simple\', note))'
      end

      def down
        execute 'DROP INDEX CONCURRENTLY IF EXISTS public.shop_order_note'
        execute 'DROP INDEX CONCURRENTLY IF EXISTS public."Größe ""x"" 100%"'
      end
    end
    "###);
}

#[test]
fn tools_of_sql_get_a_file_for_each_statement() {
    assert_snapshot!(text("flyway", &plain()), @r###"
    [sql/V20260921141320__create_shop_order_paid_idx.sql]
    -- GET /orders/ reads shop_order as a whole for few rows * / """
    -- What fails leaves an index that is not valid behind: drop it before trying again.
    -- What takes it back:
    --   DROP INDEX CONCURRENTLY IF EXISTS public.shop_order_paid_idx;
    CREATE INDEX CONCURRENTLY IF NOT EXISTS shop_order_paid_idx ON public.shop_order USING btree (customer_id, at DESC) INCLUDE (total) WHERE status = 'paid';
    [sql/V20260921141320__create_shop_order_paid_idx.sql.conf]
    executeInTransaction=false
    "###);
    assert_snapshot!(text("prisma", &fancy()), @r###"
    [prisma/migrations/20260921141320_create_gr_e_x_100_1/migration.sql]
    -- GET /orders/ reads shop_order as a whole for few rows * / """
    -- What fails leaves an index that is not valid behind: drop it before trying again.
    -- The only statement here: Prisma sends a file whole, and several would be a transaction.
    CREATE INDEX CONCURRENTLY IF NOT EXISTS "Größe ""x"" 100%" ON public.shop_order USING btree (lower(status) text_pattern_ops, at DESC NULLS LAST) WHERE note <> 'a:b\c''d' AND note::text <> '%s';
    [prisma/migrations/20260921141321_create_gr_e_x_100_2/migration.sql]
    -- GET /orders/ reads shop_order as a whole for few rows * / """
    -- What fails leaves an index that is not valid behind: drop it before trying again.
    -- The only statement here: Prisma sends a file whole, and several would be a transaction.
    CREATE INDEX CONCURRENTLY IF NOT EXISTS shop_order_note ON public.shop_order USING gin (to_tsvector('simple', note));
    "###);
    assert_snapshot!(text("sqlx", &fancy()), @r###"
    [migrations/20260921141320_create_gr_e_x_100_1.up.sql]
    -- no-transaction
    -- GET /orders/ reads shop_order as a whole for few rows * / """
    -- What fails leaves an index that is not valid behind: drop it before trying again.
    CREATE INDEX CONCURRENTLY IF NOT EXISTS "Größe ""x"" 100%" ON public.shop_order USING btree (lower(status) text_pattern_ops, at DESC NULLS LAST) WHERE note <> 'a:b\c''d' AND note::text <> '%s';
    [migrations/20260921141320_create_gr_e_x_100_1.down.sql]
    -- no-transaction
    -- GET /orders/ reads shop_order as a whole for few rows * / """
    -- What fails leaves an index that is not valid behind: drop it before trying again.
    DROP INDEX CONCURRENTLY IF EXISTS public."Größe ""x"" 100%";
    [migrations/20260921141321_create_gr_e_x_100_2.up.sql]
    -- no-transaction
    -- GET /orders/ reads shop_order as a whole for few rows * / """
    -- What fails leaves an index that is not valid behind: drop it before trying again.
    CREATE INDEX CONCURRENTLY IF NOT EXISTS shop_order_note ON public.shop_order USING gin (to_tsvector('simple', note));
    [migrations/20260921141321_create_gr_e_x_100_2.down.sql]
    -- no-transaction
    -- GET /orders/ reads shop_order as a whole for few rows * / """
    -- What fails leaves an index that is not valid behind: drop it before trying again.
    DROP INDEX CONCURRENTLY IF EXISTS public.shop_order_note;
    "###);
}

#[test]
fn whatever_is_in_a_reason_stays_in_its_comment() {
    for tool in MIGRATION_TOOLS {
        for file in files(tool.name, &plain()) {
            let reason = file.text.lines().filter(|line| line.contains("for few rows")).count();
            assert!(reason <= 1, "{}: {}", file.path, file.text);
        }
    }
}
