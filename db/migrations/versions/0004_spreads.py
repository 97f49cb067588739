"""What each answer settled by spreading, and what people took out of it: both only ever grow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db.migrations.freezing import freeze, thaw

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = ("spreads", "vetoes")


def _integer() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, _integer(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "spreads",
        _count("id"),
        _count("label_id"),
        _count("version_id"),
        sa.Column("graph", sa.Text(), nullable=False),
        sa.Column("epsilon", sa.Double(), nullable=False),
        sa.Column("floor_normal", sa.Double(), nullable=True),
        sa.Column("floor_anomaly", sa.Double(), nullable=True),
        *(_count(name) for name in ("touched", "normals", "anomalies", "released", "checked", "agreed")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["label_id"], ["labels.id"], name="fk_spreads_label_id_labels"),
        sa.ForeignKeyConstraint(["version_id"], ["model_versions.id"], name="fk_spreads_version_id_model_versions"),
        sa.PrimaryKeyConstraint("id", name="pk_spreads"),
        sa.UniqueConstraint("label_id", "version_id", name="uq_spreads_label_id_version_id"),
    )
    op.create_table(
        "vetoes",
        _count("id"),
        _count("label_id"),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("analyst", sa.Text(), nullable=False),
        sa.Column("undoes", _integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["label_id"], ["labels.id"], name="fk_vetoes_label_id_labels"),
        sa.ForeignKeyConstraint(["undoes"], ["vetoes.id"], name="fk_vetoes_undoes_vetoes"),
        sa.PrimaryKeyConstraint("id", name="pk_vetoes"),
        sa.UniqueConstraint("undoes", name="uq_vetoes_undoes"),
    )
    op.create_index("ix_vetoes_label_id", "vetoes", ["label_id"])
    for table in _TABLES:
        freeze(table)


def downgrade() -> None:
    for table in _TABLES:
        thaw(table)
    for table in reversed(_TABLES):
        op.drop_table(table)
