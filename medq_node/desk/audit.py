"""The audit: what a person decided, about what, why, and what it was before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from medq_node.store.tables import Audit


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision of a person; ``subject`` is a handle, ``before`` the state it was in."""

    at: datetime
    by: str
    what: str
    subject: str
    before: str
    reason: str


def record(session: Session, *, by: str, what: str, subject: str, before: str, reason: str) -> None:
    """Add a line to the audit, in the transaction of the decision itself."""
    session.add(Audit(by=by, what=what, subject=subject, before=before, reason=reason))


def trail(session: Session, limit: int) -> tuple[Entry, ...]:
    """The newest ``limit`` decisions, newest first."""
    rows = session.scalars(select(Audit).order_by(Audit.id.desc()).limit(limit))
    return tuple(Entry(r.at, r.by, r.what, r.subject, r.before, r.reason) for r in rows)
