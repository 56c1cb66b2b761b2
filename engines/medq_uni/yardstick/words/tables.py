"""How right the words are: presence, severity, numbers, places, verdict and plan, word by word.

No language model judges: truth and statement are data of one closed grammar. What a statement
does not assess counts as not named, since nobody who reads it would know, and is counted apart.
What the truth itself doesn't know is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engines.description import Action, Severity, Verdict
from engines.medq_uni.yardstick.table import Cell, Table
from engines.medq_uni.yardstick.words.amounts import number_table, place_table
from engines.medq_uni.yardstick.words.records import SURE, Record, Shares, cells
from engines.medq_uni.yardstick.words.tasks import (
    DEGRADATIONS,
    UNKNOWN,
    Bools,
    Ranks,
    macro_f1,
    overlap,
    severity_ranks,
    task_table,
)

SEVERITIES = tuple(Severity)


def words_tables(records: Sequence[Record], seed: int = 0) -> list[Table]:
    """All tables on the words of one engine: by task, presence, severity, numbers, place, verdict.

    ``seed`` decides the draws of the intervals alone.

    Raises:
        ValueError: no records.
    """
    shares = Shares(records, seed)
    true, said = severity_ranks(records)
    return [
        task_table(records, seed),
        _presence(true, said, shares),
        _severities(true, said, shares),
        _severity_by_degradation(true, said, shares),
        number_table(records, shares),
        place_table(records, shares),
        _verdicts(records, shares),
        _actions(records, shares),
    ]


def _presence(true: Ranks, said: Ranks, shares: Shares) -> Table:
    both, either = overlap(true, said)
    known = true != UNKNOWN
    there, named = true > 0, (said > 0) & known
    rows: list[tuple[Cell, ...]] = []
    unknown = (said > 0) & ~known
    for k, degradation in enumerate(DEGRADATIONS):
        if not (known | unknown)[:, k].any():
            continue
        rows.append(
            (
                degradation.value,
                int(there[:, k].sum()),
                int(named[:, k].sum()),
                int((known & (said == UNKNOWN))[:, k].sum()),
                int(unknown[:, k].sum()),
                *cells(shares.ratio(both[:, k], named[:, k])),
                *cells(shares.ratio(both[:, k], there[:, k])),
                *cells(shares.ratio(2 * both[:, k], either[:, k], counted=False)),
            )
        )
    parts, named_by, there_by = list(both.T), list(named.T), list(there.T)
    rows.append(
        (
            "mean of all (macro)",
            *(int(x.sum()) for x in (there, named, known & (said == UNKNOWN), unknown)),
            *cells(shares.mean_ratio(parts, named_by)),
            *cells(shares.mean_ratio(parts, there_by)),
            *cells(macro_f1(true, said, shares)),
        )
    )
    columns = (
        "degradation", "truly there", "named", "not assessed", "named, can't be checked",
        "precision (%)", "precision 95 %", "recall (%)", "recall 95 %", "F1 (%)", "F1 95 %",
    )  # fmt: skip
    return Table("words_presence", "Words: what is wrong?", columns, tuple(rows), _PRESENCE)


def _severities(true: Ranks, said: Ranks, shares: Shares) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for severity in SEVERITIES:
        of = true == severity.rank
        counts = [int((of & (said == rank)).sum()) for rank in (0, 1, 2, 3, UNKNOWN)]
        rows.append((severity.value, *counts, *_steps(of, true, said, shares)))
    rows.append(
        (
            "mild to severe",
            *(int(((true > 0) & (said == rank)).sum()) for rank in (0, 1, 2, 3, UNKNOWN)),
            *_steps(true > 0, true, said, shares),
        )
    )
    columns = (
        "truly", *(f"said {s.value}" for s in SEVERITIES), "not assessed",
        "exact (%)", "exact 95 %", "one step off at most (%)", "one step 95 %",
    )  # fmt: skip
    return Table("words_severity", "Words: how bad is it?", columns, tuple(rows), _SEVERITY)


def _steps(of: Bools, true: Ranks, said: Ranks, shares: Shares) -> tuple[Cell, ...]:
    """Exact, and one step off at most, of those ``of``."""
    near = of & (said != UNKNOWN) & (np.abs(true - said) <= 1)
    exact, whole = (of & (true == said)).sum(axis=1), of.sum(axis=1)
    return *cells(shares.ratio(exact, whole)), *cells(shares.ratio(near.sum(axis=1), whole))


def _severity_by_degradation(true: Ranks, said: Ranks, shares: Shares) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for k, degradation in enumerate(DEGRADATIONS):
        t, s = true[:, k : k + 1], said[:, k : k + 1]
        there = t > 0
        if not there.any():
            continue
        exact = [
            shares.ratio(((t == s) & (t == rank))[:, 0], (t == rank)[:, 0]) for rank in (1, 2, 3)
        ]
        mild, _, severe = exact
        gap = None if mild is None or severe is None else 100 * (severe.mean - mild.mean)
        higher, lower = (there & (s > t)).sum(), (there & (s != UNKNOWN) & (s < t)).sum()
        rows.append(
            (
                degradation.value,
                int(there.sum()),
                *_steps(there, t, s, shares),
                *(cells(found)[0] for found in exact),
                gap,
                int(higher),
                int(lower),
            )
        )
    columns = (
        "degradation", "truly there", "exact (%)", "exact 95 %", "one step off at most (%)",
        "one step 95 %", "mild exact (%)", "moderate exact (%)", "severe exact (%)",
        "severe less mild (points)", "said too bad", "said too good",
    )  # fmt: skip
    return Table("words_severity_by", "Words: how bad, by degradation", columns, tuple(rows), _BY)


def _verdicts(records: Sequence[Record], shares: Shares) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for verdict in (*Verdict, None):
        of = np.array([verdict in (r.truth.verdict, None) for r in records])
        said = [of & np.array([r.stated.verdict is v for r in records]) for v in Verdict]
        right = of & np.array([r.truth.verdict is r.stated.verdict for r in records])
        counts = (int(found.sum()) for found in said)
        name = "all" if verdict is None else verdict.value
        rows.append((name, *counts, *cells(shares.ratio(right, of))))
    columns = ("truly", *(f"said {v.value}" for v in Verdict), "right (%)", "right 95 %")
    return Table("words_verdict", "Words: the verdict", columns, tuple(rows), _VERDICT)


def _actions(records: Sequence[Record], shares: Shares) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for action in Action:
        wanted = np.array([action in r.truth.actions for r in records])
        planned = np.array([action in r.stated.actions for r in records])
        if not (wanted | planned).any():
            continue
        both = wanted & planned
        counts = int(wanted.sum()), int(planned.sum())
        precision, recall = shares.ratio(both, planned), shares.ratio(both, wanted)
        rows.append((action.value, *counts, *cells(precision), *cells(recall)))
    columns = (
        "action", "called for", "planned", "precision (%)", "precision 95 %",
        "recall (%)", "recall 95 %",
    )  # fmt: skip
    return Table("words_actions", "Words: the planned actions", columns, tuple(rows), _ACTIONS)


_PRESENCE = (
    "Precision: of what was named, the share that is truly there. Recall: of what is there, the "
    "share that was named. F1 is their harmonic mean. A degradation that was not assessed counts "
    "as not named and is listed. Named, can't be checked: the truth doesn't know whether it is "
    f"there (a real image may be blurred of its own), so that it is neither right nor wrong. {SURE}"
)
_SEVERITY = (
    "How often a degradation of the true severity (row) was given each word (column), all "
    "degradations together. Mild faults are the hard ones: compare their row with severe. What "
    f"was not assessed is not exact. {SURE}"
)
_BY = (
    "Only what is truly there. Severe less mild is how many points of per cent severe faults are "
    f"told better than mild ones. {SURE}"
)
_VERDICT = f"The true verdict (row) and the one stated (column). {SURE}"
_ACTIONS = (
    "Called for is what the true findings ask of an engine that can do everything; an engine "
    f"that can't do something doesn't plan it and misses it here. {SURE}"
)
