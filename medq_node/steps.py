"""Steps of a durable workflow, one after the other, each repeated as long as it asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

from dbos import DBOS

from medq_node.store.states import RevisionState
from medq_node.store.tables import Revision, StudyNote


class Next(StrEnum):
    """What a step says to its workflow."""

    ON = "on"
    AGAIN = "again"
    STOP = "stop"


Step = Callable[[int, int], Next]
"""Takes the id of the row and how often a person had released it when the workflow was begun."""


def in_order(steps: Iterable[Step], row_id: int, release: int, pause_s: float) -> Next:
    """Run ``steps`` on a row; STOP as soon as one says so. Only to be called in a workflow.

    The pause between two tries of a step is a durable sleep of ``pause_s`` seconds.
    """
    for step in steps:
        while (outcome := step(row_id, release)) is Next.AGAIN:
            DBOS.sleep(pause_s)
        if outcome is Next.STOP:
            return Next.STOP
    return Next.ON


def still_mine(row: Revision | StudyNote, release: int) -> bool:
    """Whether the workflow of ``release`` may go on with ``row``.

    A step can run again after a crash, when a person has decided otherwise in the meantime.
    """
    unsettled = row.state in (RevisionState.COMPLETE, RevisionState.PROCESSING)
    return unsettled and row.releases == release
