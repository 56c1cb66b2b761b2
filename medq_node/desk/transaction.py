"""A transaction that reads before it writes, beside a node that writes the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from medq_node.store.database import Sessions


@contextmanager
def deciding(sessions: Sessions) -> Iterator[Session]:
    """A session in which nobody else changes what was read, committed at the end.

    SQLite's driver begins no transaction for a SELECT: what was read could be old by the time of
    the UPDATE, so the right to write is taken first. Elsewhere rows are read with FOR UPDATE.
    """
    with sessions.begin() as session:
        connection = session.connection()
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield session
