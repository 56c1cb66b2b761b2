"""The migrations and the tables say the same."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine, select

from medq_node.store.database import migrate, open_database
from medq_node.store.seed import current_rules, seed
from medq_node.store.tables import Assessment, Base, Node

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD_ROWS: dict[str, dict[str, object]] = {
    "rule_set": {"version": 1, "text": "rules: []", "source": "a file", "loaded_at": NOW},
    "series": {
        "id": 1, "series_instance_uid": "1.2.3", "study_instance_uid": "1.2", "first_arrival": NOW,
        "last_arrival": NOW, "longest_gap_s": 0.0, "repeats": 0,
    },
    "revision": {
        "id": 1, "series_id": 1, "number": 1, "state": "done", "images": 1, "snapshot": {},
        "stages": {}, "releases": 0, "identity_accepted": False, "loop_accepted": False,
        "awaits_note": False, "failures": 0, "created_at": NOW,
    },
    "decision": {
        "id": 1, "revision_id": 1, "rule_set_version": 1, "action": "restore",
        "restore": "always", "engine": "classical", "destinations": [], "forward_originals": False,
        "note": "series", "values_seen": {}, "why_not": [], "explanation": "", "made_at": NOW,
    },
    "assessment": {
        "id": 1, "revision_id": 1, "engine": "classical", "engine_version": "1",
        "engine_digest": "0", "verdict": "good", "sentence_before": "", "taken": "restored",
        "reasons": [],
    },
}  # fmt: skip
"""A series as a node with the first tables left it."""


def first_tables(url: str) -> None:
    """The first version of the schema, with ``OLD_ROWS``."""
    with (
        as_file(files("medq_node.store") / "migrations") as folder,
        create_engine(url).begin() as connection,
    ):
        config = AlembicConfig()
        config.set_main_option("script_location", str(folder))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        tables = MetaData()
        tables.reflect(connection)
        for name, row in OLD_ROWS.items():
            connection.execute(tables.tables[name].insert(), row)


def test_migrations_lead_to_the_tables(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'medq.sqlite'}"
    migrate(url)
    migrate(url)
    with create_engine(url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_rows_of_an_older_node_stay_readable(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'medq.sqlite'}"
    first_tables(url)
    migrate(url)
    with open_database(url)() as session:
        (assessment,) = session.scalars(select(Assessment))
        decision = assessment.revision.decision
        assert decision is not None
        assert (decision.restoring, assessment.overridden) == (None, [])


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
