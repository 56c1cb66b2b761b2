"""Steps of a durable workflow, one after the other, each repeated as long as it asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

from dbos import DBOS


class Next(StrEnum):
    """What a step says to its workflow."""

    ON = "on"
    AGAIN = "again"
    STOP = "stop"


def in_order(steps: Iterable[Callable[[int], Next]], row_id: int, pause_s: float) -> Next:
    """Run ``steps`` on a row; STOP as soon as one says so. Only to be called in a workflow.

    The pause between two tries of a step is a durable sleep of ``pause_s`` seconds.
    """
    for step in steps:
        while (outcome := step(row_id)) is Next.AGAIN:
            DBOS.sleep(pause_s)
        if outcome is Next.STOP:
            return Next.STOP
    return Next.ON
