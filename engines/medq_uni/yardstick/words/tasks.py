"""How often the words on each task's images are right, in a few rows that fit on a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.description import Degradation
from engines.medq_uni.yardstick.bootstrap import Interval
from engines.medq_uni.yardstick.table import Cell, Table
from engines.medq_uni.yardstick.words.amounts import has_place, same_place
from engines.medq_uni.yardstick.words.records import (
    SURE,
    Record,
    Shares,
    cells,
    stated_severity,
    true_severity,
)

Bools = NDArray[np.bool_]
Ranks = NDArray[np.int_]
UNKNOWN = -1
DEGRADATIONS = tuple(Degradation)


def task_table(records: Sequence[Record], seed: int = 0) -> Table:
    """What is wrong, how bad, where, verdict and plan; on images with nothing wrong, false alarms.

    ``seed`` decides the draws of the intervals alone.

    Raises:
        ValueError: no records.
    """
    if not records:
        raise ValueError("records must hold at least one")
    rows: list[tuple[Cell, ...]] = []
    tasks = list(dict.fromkeys(record.task for record in records))
    for task in [*tasks, *(["all"] if len(tasks) > 1 else [])]:
        chosen = [r for r in records if task in (r.task, "all")]
        rows += [
            (task, what, images, *cells(share)) for what, images, share in _measures(chosen, seed)
        ]
    columns = ("task", "what", "images", "right (%)", "right 95 %")
    return Table("words_tasks", "Words: how often are they right?", columns, tuple(rows), _NOTE)


def _measures(chosen: Sequence[Record], seed: int) -> list[tuple[str, int, Interval | None]]:
    """What is measured, on how many images, and the share right."""
    shares = Shares(chosen, seed)
    true, said = severity_ranks(chosen)
    every = np.ones(len(chosen))
    there = true > 0
    bad = there.any(axis=1)
    found: list[tuple[str, int, Interval | None]] = []
    if bad.any():
        pairs = [[(r.truth.finding(d), r.stated.finding(d)) for d in DEGRADATIONS] for r in chosen]
        placed = np.array([[has_place(truth) for truth, _ in row] for row in pairs])
        hit = placed & np.array([[same_place(*pair) for pair in row] for row in pairs])
        exact = (there & (true == said)).sum(axis=1)
        count = int(bad.sum())
        found += [
            ("what is wrong (macro F1)", len(chosen), macro_f1(true, said, shares)),
            ("how bad it is", count, shares.ratio(exact, there.sum(axis=1))),
            (
                "where in the image",
                int(placed.any(axis=1).sum()),
                shares.ratio(hit.sum(axis=1), placed.sum(axis=1)),
            ),
        ]
    if not bad.all():
        # F1 can't be had where nothing is there: one false alarm in a thousand would make it 0.
        quiet = ~bad & ~((said > 0) & (true != UNKNOWN)).any(axis=1)
        found.append(
            ("nothing wrong, and no false alarm", int((~bad).sum()), shares.ratio(quiet, ~bad))
        )
    verdict = [r.truth.verdict is r.stated.verdict for r in chosen]
    plan = [r.truth.actions == r.stated.actions for r in chosen]
    found.append(("verdict", len(chosen), shares.ratio(verdict, every)))
    found.append(("planned actions", len(chosen), shares.ratio(plan, every)))
    return found


def severity_ranks(records: Sequence[Record]) -> tuple[Ranks, Ranks]:
    """True and stated severities, 0 none to 3 severe or ``UNKNOWN``, (records, degradations).

    What neither truth nor statement speaks of, as of low counts in CT, is unknown in both.
    """
    true, said = (
        np.array([[UNKNOWN if s is None else s.rank for s in row] for row in rows])
        for rows in (
            [[true_severity(r.truth, d) for d in DEGRADATIONS] for r in records],
            [[stated_severity(r.stated, d) for d in DEGRADATIONS] for r in records],
        )
    )
    silent = np.array([[r.truth.finding(d) is None for d in DEGRADATIONS] for r in records])
    true[silent & (said == UNKNOWN)] = UNKNOWN
    return true, said


def macro_f1(true: Ranks, said: Ranks, shares: Shares) -> Interval | None:
    """Mean over degradations of the F1 of their presence, of those that are there or are named."""
    both, either = overlap(true, said)
    return shares.mean_ratio(list(2 * both.T), list(either.T))


def overlap(true: Ranks, said: Ranks) -> tuple[Bools, NDArray[np.int_]]:
    """Named and there, and the sum of named and of there: F1 is twice the one by the other."""
    known = true != UNKNOWN
    there, named = true > 0, (said > 0) & known
    return there & named, there.astype(np.int_) + named


_NOTE = (
    "Share of images whose words are exactly the true ones. What is wrong: F1 of naming each "
    "degradation, the mean over all that are there or are named; how bad it is: the severity of "
    "what is truly there; where: the place named in the image. Where nothing is wrong it is the "
    "share of images in which nothing was named that the truth knows to be absent; who assesses "
    "nothing gives no false alarm either. The region isn't counted, since the engine is told it. "
    f"{SURE}"
)
