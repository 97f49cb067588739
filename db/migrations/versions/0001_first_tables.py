"""First tables: series, jobs, model versions, queue, labels; labels append-only and versions immutable by trigger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db.migrations.freezing import freeze, thaw

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_FROZEN = ("labels", "model_versions")


def _integer() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _instant() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _choice(*values: str, name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, length=16)


def _window() -> list[sa.Column[object]]:
    return [
        sa.Column("id", _integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("start", _integer(), nullable=False),
        sa.Column("length", _integer(), nullable=False),
    ]


def upgrade() -> None:
    _create_series()
    _create_jobs()
    _create_versions()
    _create_items()
    _create_labels()
    for table in _FROZEN:
        freeze(table)


def downgrade() -> None:
    for table in _FROZEN:
        thaw(table)
    for table in ("labels", "query_items", "pointers", "model_versions", "jobs", "series"):
        op.drop_table(table)


def _create_series() -> None:
    op.create_table(
        "series",
        sa.Column("id", _integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("rows", _integer(), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("has_truth", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint("digest", name="uq_series_digest"),
        sa.UniqueConstraint("name", name="uq_series_name"),
    )


def _create_jobs() -> None:
    unfinished = sa.text("state IN ('queued', 'running')")
    op.create_table(
        "jobs",
        sa.Column("id", _integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column(
            "state", _choice("queued", "running", "done", "failed", "cancelled", name="jobstate"), nullable=False
        ),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", _instant(), nullable=True),
        sa.Column("attempts", _integer(), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("started_at", _instant(), nullable=True),
        sa.Column("finished_at", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_lease", "jobs", ["state", "lease_until"])
    op.create_index("ix_jobs_next", "jobs", ["state", "id"])
    op.create_index(
        "uq_jobs_unfinished",
        "jobs",
        ["idempotency_key"],
        unique=True,
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )


def _create_versions() -> None:
    op.create_table(
        "model_versions",
        sa.Column("id", _integer(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("parent_id", _integer(), nullable=True),
        sa.Column("job_id", _integer(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_model_versions_job_id"),
        sa.ForeignKeyConstraint(["parent_id"], ["model_versions.id"], name="fk_model_versions_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_model_versions"),
    )
    op.create_index("ix_model_versions_job_id", "model_versions", ["job_id"])
    op.create_table(
        "pointers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version_id", _integer(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["model_versions.id"], name="fk_pointers_version_id"),
        sa.PrimaryKeyConstraint("name", name="pk_pointers"),
    )


def _create_items() -> None:
    live = sa.text("state IN ('open', 'leased', 'settled')")
    states = _choice("open", "leased", "answered", "settled", "retired", name="itemstate")
    op.create_table(
        "query_items",
        *_window(),
        sa.Column("span_low", _integer(), nullable=False),
        sa.Column("span_high", _integer(), nullable=False),
        sa.Column("version_id", _integer(), nullable=True),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("priority", sa.Double(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("margin", sa.Double(), nullable=False),
        sa.Column("state", states, nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("lease_until", _instant(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.CheckConstraint(
            "(state = 'leased') = (leased_by IS NOT NULL AND lease_until IS NOT NULL)",
            name=op.f("ck_query_items_lease"),
        ),
        sa.ForeignKeyConstraint(["version_id"], ["model_versions.id"], name="fk_query_items_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_query_items"),
    )
    op.create_index("ix_query_items_key", "query_items", ["key"])
    op.create_index("ix_query_items_lease", "query_items", ["state", "lease_until"])
    op.create_index("ix_query_items_next", "query_items", ["state", "priority"])
    op.create_index(
        "uq_query_items_live", "query_items", ["key"], unique=True, sqlite_where=live, postgresql_where=live
    )


def _create_labels() -> None:
    op.create_table(
        "labels",
        *_window(),
        sa.Column("answer", _choice("anomaly", "normal", "unsure", name="answer"), nullable=True),
        sa.Column("analyst", sa.Text(), nullable=False),
        sa.Column("item_id", _integer(), nullable=True),
        sa.Column("version_id", _integer(), nullable=True),
        sa.Column("undoes", _integer(), nullable=True),
        sa.Column("client", sa.Text(), nullable=True),
        sa.Column("sequence", _integer(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.CheckConstraint("(answer IS NULL) = (undoes IS NOT NULL)", name=op.f("ck_labels_undo_has_no_answer")),
        sa.CheckConstraint("(client IS NULL) = (sequence IS NULL)", name=op.f("ck_labels_client_with_sequence")),
        sa.ForeignKeyConstraint(["item_id"], ["query_items.id"], name="fk_labels_item_id"),
        sa.ForeignKeyConstraint(["undoes"], ["labels.id"], name="fk_labels_undoes"),
        sa.ForeignKeyConstraint(["version_id"], ["model_versions.id"], name="fk_labels_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_labels"),
        sa.UniqueConstraint("undoes", name="uq_labels_undoes"),
    )
    op.create_index("ix_labels_analyst", "labels", ["analyst"])
    op.create_index("ix_labels_key", "labels", ["key"])
    op.create_index("uq_labels_client_sequence", "labels", ["client", "sequence"], unique=True)
