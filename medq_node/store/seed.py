"""What the database must hold before the first series: the node's identity and the rules."""

from __future__ import annotations

import uuid

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from medq_node.store.tables import Node, RuleSetRow


def seed(session: Session, rules_text: str, source: str) -> None:
    """Write the node's UID and rule set version 1 where they are missing; idempotent.

    Rules are seeded on the first start only: afterwards the database, not the file, is true.
    """
    if session.scalar(select(func.count()).select_from(Node)) == 0:
        session.add(Node(uid=f"2.25.{uuid.uuid4().int}"))
    if session.scalar(select(func.count()).select_from(RuleSetRow)) == 0:
        add_rules(session, rules_text, source)


def add_rules(session: Session, text: str, source: str) -> int:
    """Append a new version of the rules; returns its number."""
    version = (session.scalar(select(func.max(RuleSetRow.version))) or 0) + 1
    session.add(RuleSetRow(version=version, text=text, source=source))
    return version


def current_rules(session: Session) -> RuleSetRow:
    """The newest rule set."""
    return session.scalars(select(RuleSetRow).order_by(RuleSetRow.version.desc()).limit(1)).one()


def node_uid(session: Session) -> str:
    """UID of this installation."""
    return session.scalars(select(Node.uid)).one()
