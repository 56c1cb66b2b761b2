"""Opening the database: engine, migrations, sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from medq_node.errors import MedqError, StoreError

Sessions = sessionmaker[Session]

_BUSY_TIMEOUT_S = 30.0


def open_database(url: str) -> Sessions:
    """A session factory on an existing database; several processes may share one.

    SQLite runs in WAL mode with synchronous=FULL: a committed row survives a power cut.
    """
    return sessionmaker(_engine(url), expire_on_commit=False)


@contextmanager
def plain_store_errors(url: str) -> Iterator[None]:
    """What the database complains of in the block, in one line.

    Raises:
        StoreError: instead of any error of SQLAlchemy or of a missing driver.
    """
    try:
        yield
    except (SQLAlchemyError, ImportError) as error:
        # The driver's own words: SQLAlchemy's quote the statement, whose values may name people.
        said = str(error.orig if isinstance(error, DBAPIError) else error).strip()
        why = said.splitlines()[0] if said else type(error).__name__
        where = make_url(url).render_as_string(hide_password=True)
        raise StoreError(f"the database {where} can't be used: {why}") from error


def open_existing(url: str) -> Sessions:
    """As ``open_database``, for those who only look.

    Raises:
        StoreError: it can't be reached or isn't a database.
        MedqError: no node has run on it yet.
    """
    parsed = make_url(url)
    with plain_store_errors(url):
        engine = None
        if parsed.get_backend_name() != "sqlite" or Path(parsed.database or "").exists():
            engine = _engine(url)
        if engine is None or not inspect(engine).has_table("node"):
            raise MedqError("no node has run here yet: start one with medq-node serve")
    return sessionmaker(engine, expire_on_commit=False)


def migrate(url: str) -> None:
    """Bring the schema to the newest version; called by one process, before any role starts.

    Raises:
        StoreError: it can't be reached or isn't a database.
    """
    # Only who migrates needs it, and it is slow to import.
    from alembic import command
    from alembic.config import Config as AlembicConfig

    _make_parent(url)
    with plain_store_errors(url), as_file(files("medq_node.store") / "migrations") as folder:
        config = AlembicConfig()
        config.set_main_option("script_location", str(folder))
        engine = _engine(url)
        with engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                # Its driver begins no transaction for CREATE TABLE: killed halfway, the tables
                # made so far would stay, and no later start could get past them.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        engine.dispose()


def _make_parent(url: str) -> None:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    return engine
