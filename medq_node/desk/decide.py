"""Release and drop: all handles in one transaction, each with its line in the audit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from medq_node.desk.audit import record
from medq_node.desk.clash import drop_clash, release_clash
from medq_node.desk.decided import Decided
from medq_node.desk.deliveries import drop_delivery, release_delivery
from medq_node.desk.handles import Subject, parse_handle
from medq_node.desk.kept import drop_kept, release_kept
from medq_node.desk.series import drop_series, drop_study, release_series, release_study
from medq_node.desk.transaction import deciding
from medq_node.layout import Layout
from medq_node.store.database import Sessions

Decide = Callable[[Session, Layout, int, str], Decided]


class Decision(StrEnum):
    """What a person may say of what waits."""

    RELEASE = "release"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happens next to one handle."""

    handle: str
    then: str


_MEANS: dict[Decision, dict[Subject, Decide]] = {
    Decision.RELEASE: {
        Subject.SERIES: release_series,
        Subject.STUDY: release_study,
        Subject.DELIVERY: release_delivery,
        Subject.CLASH: release_clash,
        Subject.KEPT: release_kept,
    },
    Decision.DROP: {
        Subject.SERIES: drop_series,
        Subject.STUDY: drop_study,
        Subject.DELIVERY: drop_delivery,
        Subject.CLASH: drop_clash,
        Subject.KEPT: drop_kept,
    },
}


def decide(
    sessions: Sessions,
    layout: Layout,
    decision: Decision,
    handles: Sequence[str],
    reason: str,
    by: str,
) -> tuple[Outcome, ...]:
    """Do to every handle what ``by`` decided, or nothing at all.

    Raises:
        MedqError: a handle names nothing that waits, or it can't be decided now.
        OSError: a file can't be removed or linked; nothing is decided then.
    """
    named = dict.fromkeys(parse_handle(text) for text in handles)
    with deciding(sessions) as session:
        decided: dict[str, Decided] = {}
        for handle in named:
            means = _MEANS[decision][handle.subject]
            done = decided[str(handle)] = means(session, layout, handle.id, reason)
            record(
                session,
                by=by,
                what=decision,
                subject=str(handle),
                before=done.before,
                reason=reason,
            )
        session.flush()
        for done in decided.values():
            if done.files is not None:
                done.files()
    return tuple(Outcome(handle, done.then) for handle, done in decided.items())
