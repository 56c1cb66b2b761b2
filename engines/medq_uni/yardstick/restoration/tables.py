"""Outcomes as tables: all entries of a task, where the gain comes from, and clean images."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from engines.description import Severity
from engines.medq_uni.yardstick.bootstrap import Interval, mean_interval
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.contest import INPUT, Entry, Outcome
from engines.medq_uni.yardstick.restoration.scores import WINDOWS
from engines.medq_uni.yardstick.table import Cell, Table

Found = dict[str, dict[str, Outcome]]
"""Entry -> case -> what it made of it."""


def by_entry(outcomes: Sequence[Outcome]) -> Found:
    """Outcomes by the names of entry and case, in their order."""
    found: Found = {}
    for outcome in outcomes:
        found.setdefault(outcome.entry, {})[outcome.case.name] = outcome
    return found


def gain(found: Found, entry: str, case: str) -> float:
    """How much nearer to truth than the input, in dB of PSNR in the window."""
    return found[entry][case].scores.psnr - found[INPUT.name][case].scores.psnr


def best_filter(found: Found, entries: Sequence[Entry]) -> str:
    """The filter of the highest mean gain among those that saw every case.

    The input itself where none gains: to leave it alone is then the best that a filter can do.
    """
    everything = set(found[INPUT.name])
    full = [e.name for e in entries if e.is_filter and set(found.get(e.name, {})) == everything]
    return max(
        (INPUT.name, *full), key=lambda name: _mean(gain(found, name, c) for c in everything)
    )


def task_tables(
    task: str, outcomes: Sequence[Outcome], entries: Sequence[Entry], seed: int
) -> list[Table]:
    """All tables of a task whose images were spoilt; no table where nothing came out."""
    found = by_entry(outcomes)
    if INPUT.name not in found:
        return []
    best = best_filter(found, entries)
    everything = list(found[INPUT.name])
    tables = [_main_table(task, found, entries, best, everything, seed, "", "")]
    for entry in entries:
        seen = list(found.get(entry.name, {}))
        if entry.is_filter and 0 < len(seen) < len(everything):
            title = f", the cases that {entry.name} saw"
            name = f"_{word(entry.name)}_cases"
            tables.append(_main_table(task, found, entries, entry.name, seen, seed, title, name))
    return [*tables, _breakdown(task, found, entries)]


def _main_table(
    task: str,
    found: Found,
    entries: Sequence[Entry],
    best: str | None,
    cases: Sequence[str],
    seed: int,
    title: str,
    name: str,
) -> Table:
    """Scores of every entry on those of ``cases`` that it saw, compared with ``best``."""
    rows: list[tuple[Cell, ...]] = []
    for entry in entries:
        seen = [c for c in cases if c in found.get(entry.name, {})]
        if not seen or (name and len(seen) < len(cases)):
            continue
        scores = [found[entry.name][c].scores for c in seen]
        gained = None if entry is INPUT else _mean(gain(found, entry.name, c) for c in seen)
        apart = _difference(found, entry.name, best, seen, seed)
        rows.append(
            (
                entry.name,
                len(seen),
                *(_mean(getattr(s, field) for s in scores) for field in ("psnr", "ssim", "rmse")),
                _mean(s.rmse_body for s in scores),
                gained,
                *((None,) * 3 if apart is None else (apart.mean, apart.low, apart.high)),
            )
        )
    source = found[INPUT.name][cases[0]].case.pair.source
    window, unit = WINDOWS[source.modality], source.unit
    patients = len({found[INPUT.name][c].case.pair.source.patient for c in cases})
    columns = (
        "contestant",
        "cases",
        "PSNR (dB)",
        "SSIM",
        f"RMSE ({unit})",
        f"RMSE body ({unit})",
        "gain (dB)",
        f"vs {best or 'best filter'} (dB)",
        "95% from",
        "to",
    )
    note = (
        f"Means over {len(cases)} cases of {patients} patients. PSNR, SSIM and RMSE in the window "
        f"{window}, RMSE body without a window and inside the body. Gain is in PSNR over the input."
    )
    if any(found[INPUT.name][c].case.pair.source.noise > 0 for c in cases):
        note += (
            " Real truths have noise of their own, and to remove that as well counts as an error: "
            "less can be gained on them than on phantoms."
        )
    if best is not None:
        note += (
            f" The last three columns compare the PSNR with that of {best} on the same cases, with "
            "a bootstrap interval over patients: above 0 throughout is better for sure. Filters "
            "are told the true noise level; engines are not."
        )
    return Table(
        f"{word(task)}{name}",
        f"{title_of(task)}: all contestants{title}",
        columns,
        tuple(rows),
        note,
    )


def _difference(
    found: Found, entry: str, best: str | None, seen: Sequence[str], seed: int
) -> Interval | None:
    if best is None or entry in (best, INPUT.name):
        return None
    shared = [c for c in seen if c in found[best]]
    if not shared:
        return None
    apart = [gain(found, entry, c) - gain(found, best, c) for c in shared]
    patients = [found[entry][c].case.pair.source.patient for c in shared]
    return mean_interval(apart, patients, seed)


SORTS: tuple[tuple[str, Callable[[Case], str]], ...] = (
    ("severity", lambda case: case.severity.value),
    ("region", lambda case: case.pair.source.region),
    ("source", lambda case: case.origin),
    ("kernel", lambda case: "-" if case.draw.kernel is None else case.draw.kernel.name),
)
"""What cases are told apart by."""


def _breakdown(task: str, found: Found, entries: Sequence[Entry]) -> Table:
    """Gains by severity, region, source and kernel; entries that saw every case."""
    everything = found[INPUT.name]
    shown = [
        e.name for e in entries if e is not INPUT and set(found.get(e.name, {})) == set(everything)
    ]
    rows: list[tuple[Cell, ...]] = []
    for sort, of_case in SORTS:
        groups: dict[str, list[str]] = {}
        for name, outcome in everything.items():
            groups.setdefault(of_case(outcome.case), []).append(name)
        if len(groups) == 1 and sort != "severity":
            continue
        if sort == "severity":
            groups = {s.value: groups[s.value] for s in Severity if s.value in groups}
        for group, names in groups.items():
            before = _mean(everything[c].scores.psnr for c in names)
            gains = [_mean(gain(found, entry, c) for c in names) for entry in shown]
            rows.append((sort, group, len(names), before, *gains))
    note = "Gain in PSNR (dB, in the window) over the input; the input's own PSNR before it."
    columns = ("by", "of", "cases", "input (dB)", *shown)
    return Table(f"{word(task)}_by", f"{title_of(task)}: where the gain comes from", columns,
                 tuple(rows), note)  # fmt: skip


def clean_table(task: str, outcomes: Sequence[Outcome], entries: Sequence[Entry]) -> Table:
    """What entries do to images that need nothing."""
    found = by_entry(outcomes)
    rows: list[tuple[Cell, ...]] = []
    for entry in entries:
        seen = list(found.get(entry.name, {}).values())
        if seen and entry is not INPUT:
            rows.append(
                (
                    entry.name,
                    len(seen),
                    100 * _mean(o.same for o in seen),
                    _mean(o.scores.rmse for o in seen),
                    _mean(o.scores.rmse_body for o in seen),
                    max(o.largest_change for o in seen),
                )
            )
    some = outcomes[0].case.pair.source
    unit = some.unit
    columns = (
        "contestant",
        "cases",
        "left as it was (%)",
        f"RMS change ({unit})",
        f"RMS change body ({unit})",
        f"largest change ({unit})",
    )
    note = (
        f"Nothing was done to these images; zero is best. The first RMS change is in the window "
        f"{WINDOWS[some.modality]}. Filters are told the image's own noise, which is none in a "
        "phantom, and smooth what they are told of; on real images that is no fault by itself."
    )
    return Table(word(task), f"{title_of(task)}: is it left alone?", columns, tuple(rows), note)


def summary_table(
    outcomes: Sequence[Outcome], entries: Sequence[Entry], engine: str, seed: int
) -> Table:
    """One row per task: the best filter, the engine, and what its words are worth."""
    rows: list[tuple[Cell, ...]] = []
    for task in dict.fromkeys(o.case.draw.task.name for o in outcomes):
        found = by_entry([o for o in outcomes if o.case.draw.task.name == task])
        if engine not in found or all(c.case.draw.severity is Severity.NONE for c in
                                      found[engine].values()):  # fmt: skip
            continue
        cases = list(found[engine])
        best = best_filter(found, entries)
        apart = _difference(found, engine, best, cases, seed)
        true = f"{engine}, true words"
        rows.append(
            (
                task,
                len(cases),
                _mean(found[INPUT.name][c].scores.psnr for c in cases),
                best,
                None if best is None else _mean(gain(found, best, c) for c in cases),
                _mean(gain(found, engine, c) for c in cases),
                _mean(gain(found, true, c) for c in cases) if true in found else None,
                *((None,) * 3 if apart is None else (apart.mean, apart.low, apart.high)),
            )
        )
    columns = (
        "task",
        "cases",
        "input PSNR (dB)",
        "best filter",
        "its gain (dB)",
        f"{engine} (dB)",
        "with true words (dB)",
        "against best filter (dB)",
        "95% from",
        "to",
    )
    note = (
        "Gain in PSNR over the input, in the window of the literature. Filters are told the true "
        "noise level. The interval is a bootstrap over patients."
    )
    return Table("summary", "Restoration in one table", columns, tuple(rows), note)


def median_case(found: Found, entry: str) -> Case:
    """The case of the median gain of ``entry``: what is typical, not what is best."""
    cases = sorted(found[entry], key=lambda c: (gain(found, entry, c), c))
    return found[entry][cases[(len(cases) - 1) // 2]].case


def word(name: str) -> str:
    """A name as a word for files."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def title_of(task: str) -> str:
    """A task's name as a title."""
    return task[:2].upper() + task[2:] if task[:2] in ("ct", "mr") else task.capitalize()


def _mean(values: object) -> float:
    return float(np.mean(list(values)))  # type: ignore[call-overload]
