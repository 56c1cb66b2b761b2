"""Outcomes looked up by entry and case, and what is told from them: gains, and who is to beat."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from engines.medq_uni.phantom_sources import is_phantom
from engines.medq_uni.tasks.task import WORDS
from engines.medq_uni.yardstick.bootstrap import Interval, mean_interval
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.contest import INPUT, Entry, Outcome
from engines.medq_uni.yardstick.restoration.scores import gain_in_body

Found = dict[str, dict[str, Outcome]]
"""Entry -> case -> what it made of it."""

Gain = Callable[[Found, str, str], float | None]
"""Outcomes, entry, case -> how much nearer to truth than the input, in dB; ``None``: no measure."""


def by_entry(outcomes: Sequence[Outcome]) -> Found:
    """Outcomes by the names of entry and case, in their order."""
    found: Found = {}
    for outcome in outcomes:
        found.setdefault(outcome.entry, {})[outcome.case.name] = outcome
    return found


def gain(found: Found, entry: str, case: str) -> float:
    """How much nearer to truth than the input, in dB of PSNR in the window."""
    return found[entry][case].scores.psnr - found[INPUT.name][case].scores.psnr


def body_gain(found: Found, entry: str, case: str) -> float:
    """The same inside the body, without a window."""
    return gain_in_body(found[entry][case].scores, found[INPUT.name][case].scores)


def lung_gain(found: Found, entry: str, case: str) -> float | None:
    """The same inside the body in the window of lungs, ``None`` where there are none."""
    after, before = (found[name][case].scores.psnr_lung for name in (entry, INPUT.name))
    return None if after is None or before is None else after - before


def own_gain(found: Found, entry: str, case: str) -> float | None:
    """The same in the truth's own range, ``None`` where that isn't looked at."""
    after, before = (found[name][case].scores.psnr_own for name in (entry, INPUT.name))
    return None if after is None or before is None else after - before


def mean_gain(of: Gain, found: Found, entry: str, cases: Iterable[str]) -> float | None:
    """Mean of a gain over those of ``cases`` that the entry saw, ``None`` where it has none."""
    gains = [of(found, entry, c) for c in cases if c in found.get(entry, {})]
    return mean(g for g in gains if g is not None)


def shared_cases(found: Found, entries: Sequence[Entry]) -> list[str]:
    """The cases that every filter saw that saw any: where filters are ranked."""
    seen = [set(found[e.name]) for e in entries if e.is_filter and e.name in found]
    return [case for case in found[INPUT.name] if all(case in one for one in seen)]


def best_filter(found: Found, entries: Sequence[Entry]) -> str | None:
    """The filter of the highest mean gain on the cases that all filters saw.

    The input itself where none gains: to leave it alone is then the best that a filter can do.
    ``None`` where no filter took part.
    """
    names = [e.name for e in entries if e.is_filter and e.name in found]
    shared = shared_cases(found, entries)
    if not names or not shared:
        return None
    return max(
        (INPUT.name, *names), key=lambda name: np.mean([gain(found, name, c) for c in shared])
    )


def difference(
    found: Found, entry: str, other: str, cases: Iterable[str], seed: int
) -> Interval | None:
    """Gain of ``entry`` less that of ``other`` over those of ``cases`` that both saw."""
    if entry in (other, INPUT.name):
        return None
    shared = [c for c in cases if c in found.get(entry, {}) and c in found.get(other, {})]
    if not shared:
        return None
    apart = [gain(found, entry, c) - gain(found, other, c) for c in shared]
    patients = [found[entry][c].case.pair.source.patient for c in shared]
    return mean_interval(apart, patients, seed)


def median_case(found: Found, entry: str) -> Case:
    """The case of the median gain of ``entry``: what is typical, not what is best.

    It is one of the phantoms where there are any, so that a report shows no patient.
    """
    made = [name for name, outcome in found[entry].items() if is_phantom(outcome.case.pair.source)]
    cases = sorted(made or found[entry], key=lambda c: (gain(found, entry, c), c))
    return found[entry][cases[(len(cases) - 1) // 2]].case


def word(name: str) -> str:
    """A name as a word for files."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def title_of(task: str) -> str:
    """A task's name as a title."""
    first, _, rest = task.partition(" ")
    return f"{first.upper()} {rest}".strip() if first in WORDS.values() else task.capitalize()


def mean(values: Iterable[float]) -> float | None:
    """The mean, ``None`` of nothing."""
    numbers = list(values)
    return float(np.mean(numbers)) if numbers else None


def median(values: Iterable[float]) -> float | None:
    """The median, ``None`` of nothing."""
    numbers = list(values)
    return float(np.median(numbers)) if numbers else None
