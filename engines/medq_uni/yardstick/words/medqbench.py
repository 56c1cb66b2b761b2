"""MedQ-Bench's four scores, computed exactly: completeness, preciseness, consistency, accuracy.

MedQ-Bench (Liu et al., arXiv 2510.01691) lets a language model read a free description beside a
reference and give 0, 1 or 2 for each. Our words are a closed grammar, so that what its judge is
asked can be counted. What the judge is asked, and what stands for it here:

- **Completeness**: does the description hold what the reference says? 2 (almost) all, 1 part, 0
  nothing. Here: of the degradations that are truly there, all, some or none are named. Where
  nothing is there, what can be said is that it isn't: all, some or none of what the truth looked
  for was assessed.
- **Preciseness**: does it contradict the reference? 2 no, 1 few minor contradictions, 0 obvious
  ones. Here: one or two minor contradictions give 1; a major one, or more than two, 0. *Major* is
  a severity two steps off (so also to name as moderate what isn't there, or to deny it), or a
  number off by more than a factor of 2. *Minor* is to name mildly what isn't there or to deny what
  is mild, a number off by more than 25 %, or another place. What is left out contradicts nothing.
- **Consistency**: does its own conclusion follow from its own findings? Here: verdict and plan are
  what ``engines.verdict`` makes of the stated findings: 2 both, 1 the verdict is one level off or
  the plan is another, 0 worse.
- **Quality accuracy**: good, usable or reject against the true one: 2 exact, 1 adjacent, 0 else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from engines.description import (
    RESTORING,
    Action,
    Finding,
    QualityDescription,
    Severity,
)
from engines.medq_uni.yardstick.table import Cell, Table
from engines.medq_uni.yardstick.words.amounts import NEAR, has_place
from engines.medq_uni.yardstick.words.records import (
    SAYS_NOTHING,
    SURE,
    Record,
    Shares,
    cells,
    says_nothing,
    stated_severity,
    true_severity,
    unchecked,
)
from engines.verdict import verdict_of

MOST = 2
FEW = 2
"""So many minor contradictions are few."""
FAR = 2.0
"""A number off by more than this factor is another number."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The four scores of one description, each 0, 1 or 2."""

    completeness: int
    preciseness: int
    consistency: int
    quality_accuracy: int


def marks(
    truth: QualityDescription,
    stated: QualityDescription,
    restorable: Collection[Action] = RESTORING,
) -> Marks:
    """The four scores of ``stated``; ``restorable`` is what its engine can do and so may plan."""
    return Marks(
        completeness(truth, stated),
        preciseness(truth, stated),
        consistency(stated, restorable),
        max(MOST - abs(truth.verdict.rank - stated.verdict.rank), 0),
    )


def completeness(truth: QualityDescription, stated: QualityDescription) -> int:
    """2 where all that is truly there is named, 1 where some of it is, 0 where none is."""
    there = [f.degradation for f in truth.findings if f.severity is not Severity.NONE]
    if there:
        told = [stated_severity(stated, d) not in (None, Severity.NONE) for d in there]
    else:
        told = [stated.finding(f.degradation) is not None for f in truth.findings]
    return MOST if all(told) else int(any(told))


def preciseness(truth: QualityDescription, stated: QualityDescription) -> int:
    """2 where nothing stated contradicts the truth, 1 for few minor contradictions, else 0."""
    found = [
        fault
        for finding in stated.findings
        for fault in _contradictions(truth, true_severity(truth, finding.degradation), finding)
    ]
    if not found:
        return MOST
    return 0 if "major" in found or len(found) > FEW else 1


def _contradictions(truth: QualityDescription, true: Severity | None, said: Finding) -> list[str]:
    """Each contradiction of one finding as ``minor`` or ``major``."""
    if true is None:
        return []
    found = []
    steps = abs(true.rank - said.severity.rank)
    if steps > 1:
        found.append("major")
    elif steps and Severity.NONE in (true, said.severity):
        found.append("minor")
    known = truth.finding(said.degradation)
    if known is None or Severity.NONE in (true, said.severity):
        return found
    for amount in said.amounts:
        right = known.amount_in(amount.unit)
        if not right or abs(amount.value / right - 1) <= NEAR:
            continue
        far = not 1 / FAR <= amount.value / right <= FAR
        found.append("major" if far else "minor")
    if has_place(known) and said.place not in (None, known.place):
        found.append("minor")
    return found


def consistency(stated: QualityDescription, restorable: Collection[Action] = RESTORING) -> int:
    """2 where verdict and plan follow from the findings stated, 1 for a small gap, else 0."""
    verdict, actions = verdict_of(
        stated.findings, stated.modality, stated.region, stated.confidence, restorable
    )
    off = abs(verdict.rank - stated.verdict.rank)
    # The plan follows from the verdict too: where that is off, another plan is no second gap.
    return MOST - off if off else MOST - int(actions != stated.actions)


def medqbench_table(
    records: Sequence[Record], restorable: Collection[Action] = RESTORING, seed: int = 0
) -> Table:
    """Mean scores by task and over all, with bootstrap intervals.

    ``restorable`` are the actions that the engine can carry out. ``seed`` decides the draws of the
    intervals.

    Raises:
        ValueError: no records.
    """
    if not records:
        raise ValueError("records must hold at least one")
    rows: list[tuple[Cell, ...]] = []
    tasks = list(dict.fromkeys(record.task for record in records))
    for task in [*tasks, *(["all"] if len(tasks) > 1 else [])]:
        chosen = [r for r in records if task in (r.task, "all")]
        for who, said in ((ENGINE, chosen), (SAYS_NOTHING, says_nothing(chosen))):
            rows.append((task, who, len(said), *_means(said, restorable, seed)))
    names = ("completeness", "preciseness", "consistency", "quality accuracy", "sum of 8")
    scores = (f"{n}{what}" for n in names for what in ("", " 95 %"))
    columns = ("task", "who", "images", *scores, "named, can't be checked")
    return Table("medqbench", "MedQ-Bench's four scores, exactly", columns, tuple(rows), _NOTE)


def _means(
    records: Sequence[Record], restorable: Collection[Action], seed: int
) -> tuple[Cell, ...]:
    """The mean scores and their intervals, and how much can't be checked."""
    shares = Shares(records, seed)
    found = np.array([astuple(marks(r.truth, r.stated, restorable)) for r in records])
    row: list[Cell] = []
    for column, most in (*((one, MOST) for one in found.T), (found.sum(axis=1), 4 * MOST)):
        share = shares.ratio(column, np.full(len(records), most), counted=False)
        row += cells(share, scale=most, digits=2)
    return *row, sum(map(unchecked, records))


ENGINE = "engine"
_NOTE = (
    "Each description gets 0, 1 or 2 for four questions. Completeness: is all that is wrong named? "
    "Preciseness: is nothing said that contradicts the truth? Consistency: do verdict and plan "
    "follow from its own findings? Quality accuracy: is the verdict the true one (1: next to it)? "
    "The originals (arXiv 2510.01691) are given by a language model that reads free text; these "
    "are counted exactly from the closed words and are a counterpart, not comparable digit by "
    "digit. Beside the engine stands what silence gets: who assesses nothing, calls all good and "
    "contradicts nobody. Only what is above that has been earned. Named, can't be checked: "
    "degradations that were named where the truth doesn't know of them; they cost nothing here. "
    f"{SURE}"
)
