"""Portal access, annual increases, discount plans, default value sets; the order of lists; their audit."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

PORTAL_CLOSED = '{"reports": [], "bills": false, "payments": false}'
TABLES: tuple[str, ...] = (
    "ALTER TABLE customer ADD COLUMN discount_plans jsonb NOT NULL DEFAULT '[]'",
    f"ALTER TABLE customer ADD COLUMN portal_access jsonb NOT NULL DEFAULT '{PORTAL_CLOSED}'",
    "ALTER TABLE customer ADD COLUMN annual_increase_profile text",
    "ALTER TABLE customer ADD COLUMN annual_increase_date date",
    """
    CREATE TABLE default_set (
        set_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        version integer NOT NULL,
        name text NOT NULL,
        is_default boolean NOT NULL,
        "values" jsonb NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX default_set_name ON default_set (lower(name))",
    "CREATE UNIQUE INDEX default_set_default ON default_set (is_default) WHERE is_default",
    "ALTER TABLE reference_entry ADD COLUMN position integer NOT NULL DEFAULT 0",
    "CREATE INDEX audit_lists ON audit (entity, audit_id) WHERE customer_id IS NULL",
    "ALTER TABLE number ADD COLUMN discount_plans jsonb NOT NULL DEFAULT '[]'",
    "ALTER TABLE feature ADD COLUMN discount_plans jsonb NOT NULL DEFAULT '[]'",
)


def upgrade() -> None:
    """Make them."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    op.execute("DROP INDEX audit_lists")
    op.execute("ALTER TABLE reference_entry DROP COLUMN position")
    op.execute("DROP TABLE default_set")
    for column in ("annual_increase_date", "annual_increase_profile", "portal_access", "discount_plans"):
        op.execute(f"ALTER TABLE customer DROP COLUMN {column}")
    op.execute("ALTER TABLE feature DROP COLUMN discount_plans")
    op.execute("ALTER TABLE number DROP COLUMN discount_plans")
