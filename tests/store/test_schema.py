"""The migrations and the tables say the same."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, select

from medq_node.store.database import migrate, open_database
from medq_node.store.seed import current_rules, seed
from medq_node.store.tables import Base, Node


def test_migrations_lead_to_the_tables(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'medq.sqlite'}"
    migrate(url)
    migrate(url)
    with create_engine(url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_rules_are_seeded_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'medq.sqlite'}"
    migrate(url)
    sessions = open_database(url)
    for text in ("rules: first", "rules: second"):
        with sessions.begin() as session:
            seed(session, text, "a file")
    with sessions() as session:
        assert current_rules(session).text == "rules: first"
        assert len(session.scalars(select(Node)).all()) == 1
