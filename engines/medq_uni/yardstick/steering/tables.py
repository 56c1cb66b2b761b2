"""What the words are worth, as tables: gain by wording, and what each costs against own words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engines.description import Severity
from engines.medq_uni.yardstick.bootstrap import Interval, mean_interval
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.contest import INPUT, Outcome
from engines.medq_uni.yardstick.restoration.found import by_entry, gain, title_of
from engines.medq_uni.yardstick.steering.gains import OWN, WORDINGS, Told
from engines.medq_uni.yardstick.steering.listing import Listing
from engines.medq_uni.yardstick.table import Cell, Table

ALL = "all"
"""All tasks together."""


@dataclass(frozen=True, slots=True)
class Worth:
    """A wording on some cases: its gain, what it costs against own words, both in dB.

    ``changed`` is in how many cases the words differ; ``where_changed`` is the mean cost in these.
    """

    task: str
    wording: str
    cases: int
    changed: int
    gain: Interval
    cost: Interval | None
    where_changed: float | None


def worths(found: Sequence[Told], seed: int) -> list[Worth]:
    """By task and of all tasks together, in the order of ``WORDINGS``."""
    tasks = list(dict.fromkeys(one.case.draw.task.name for one in found))
    rows = []
    for task in [*tasks, *([ALL] if len(tasks) > 1 else [])]:
        some = [one for one in found if task in (one.case.draw.task.name, ALL)]
        own = {one.case.name: one.gain for one in some if one.wording == OWN}
        for wording in WORDINGS:
            of = [one for one in some if one.wording == wording]
            if of:
                rows.append(_worth(task, wording, of, own, seed))
    return rows


def _worth(task: str, wording: str, of: Sequence[Told], own: dict[str, float], seed: int) -> Worth:
    patients = [one.case.pair.source.patient for one in of]
    costs = [own[one.case.name] - one.gain for one in of]
    changed = [cost for one, cost in zip(of, costs, strict=True) if one.other]
    return Worth(
        task,
        wording,
        len(of),
        len(changed),
        mean_interval([one.gain for one in of], patients, seed),
        None if wording == OWN else mean_interval(costs, patients, seed),
        sum(changed) / len(changed) if changed else None,
    )


def gain_table(rows: Iterable[Worth], engine: str) -> Table:
    """Gain by wording and its cost against the engine's own words."""
    columns = (
        "task", "words", "cases", "words differ", "gain (dB)", "95% from (dB)", "to (dB)",
        "cost against own words (dB)", "cost 95% from (dB)", "cost to (dB)",
        "cost where words differ (dB)",
    )  # fmt: skip
    cells = tuple(
        (
            title_of(row.task),
            row.wording,
            row.cases,
            row.changed,
            *_cells(row.gain),
            *_cells(row.cost),
            row.where_changed,
        )
        for row in rows
    )
    return Table("steering", "Gain by what is told", columns, cells, _note(engine))


def _cells(found: Interval | None) -> tuple[Cell, Cell, Cell]:
    return (None,) * 3 if found is None else (found.mean, found.low, found.high)


def _note(engine: str) -> str:
    return (
        f"{engine} on the same cases, always run, told in different ways: gain in PSNR over the "
        "input in the window of the literature, and what that costs against its own words (above "
        "zero: worse than its own). Another case's words are its own on one of the same modality, "
        "drawn by chance, clean ones too. A severity alone goes one step up or down among mild to "
        "severe and the number stays; a number alone is halved or doubled and the severity stays "
        "(counts go with one over its square). Where that changes no word, as severe can't go up, "
        "the case counts with a cost of zero; the last column leaves such cases out. With c_k "
        "zeroed only gate and number of the words are left: shown where an engine can do without. "
        "Intervals are bootstraps over patients, a dash where these are fewer than 8."
    )


def cases_listing(found: Sequence[Told]) -> Listing:
    """Gain of every case by wording; people are numbered, so that evaluations can be paired."""
    names = [w for w in WORDINGS if any(one.wording == w for one in found)]
    by_case: dict[str, dict[str, Told]] = {}
    for one in found:
        by_case.setdefault(one.case.name, {})[one.wording] = one
    people = _numbered(next(iter(ways.values())).case.pair.source.patient
                       for ways in by_case.values())  # fmt: skip
    rows = []
    for (case, ways), person in zip(by_case.items(), people, strict=True):
        told = next(iter(ways.values())).case
        gains = (ways[w].gain if w in ways else None for w in names)
        rows.append((title_of(told.draw.task.name), case, person, _digest(told), *gains))
    columns = ("task", "case", "person", "image", *(f"{name} (dB)" for name in names))
    return Listing(
        "steering_cases", "Gain of every case by wording", columns, tuple(rows), "Not shown here:"
    )


def outcomes_listing(outcomes: Sequence[Outcome], engine: str) -> Listing:
    """Gain of every restored case by contestant; the engine's columns are named ``engine``.

    Clean cases are left out: from a perfect image there is nothing to gain. The same image has the
    same digest, so that two evaluations can be paired case by case.
    """
    found = by_entry([o for o in outcomes if o.case.draw.task.severities != (Severity.NONE,)])
    cases = found.get(INPUT.name, {})
    names = [name for name in found if name != INPUT.name and set(found[name]) & set(cases)]
    names = [name for name in names if name != "truth"]
    people = _numbered(one.case.pair.source.patient for one in cases.values())
    rows = []
    for (case, one), person in zip(cases.items(), people, strict=True):
        gains = (gain(found, name, case) if case in found[name] else None for name in names)
        task = title_of(one.case.draw.task.name)
        rows.append((task, case, person, _digest(one.case), *gains))
    shown = (f"engine{name[len(engine) :]}" if name.startswith(engine) else name for name in names)
    columns = ("task", "case", "person", "image", *(f"{name} (dB)" for name in shown))
    return Listing(
        "restored_cases", "Gain of every case by contestant", columns, tuple(rows),
        "Not shown here, for `python -m engines.medq_uni.yardstick.steering.compare`:",
    )  # fmt: skip


def _digest(case: Case) -> str:
    """Eight digits that tell whether two evaluations saw the same image."""
    digest = hashlib.sha256(case.pair.image.tobytes())
    return digest.hexdigest()[:8]


def _numbered(patients: Iterable[str]) -> list[int]:
    """Patients as numbers from 1 in the order of their coming: who is the same, and not who."""
    known: dict[str, int] = {}
    return [known.setdefault(patient, len(known) + 1) for patient in patients]
