"""Outcomes as tables: all entries of a task, where the gain comes from, and clean images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engines.description import Severity
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.contest import INPUT, Entry, Outcome
from engines.medq_uni.yardstick.restoration.found import (
    Found,
    best_filter,
    body_gain,
    by_entry,
    difference,
    gain,
    lung_gain,
    mean,
    mean_gain,
    shared_cases,
    title_of,
    word,
)
from engines.medq_uni.yardstick.restoration.scores import LUNG_WINDOW, WINDOWS
from engines.medq_uni.yardstick.table import Cell, Table

NO_FILTERS = "Filters of noise have a dash: no noise was added, and they would do nothing."


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
    rival = best or INPUT.name
    source = found[INPUT.name][cases[0]].case.pair.source
    window, unit = WINDOWS[source.modality], source.unit
    with_lungs = any(found[INPUT.name][c].scores.psnr_lung is not None for c in cases)
    columns = (
        "contestant",
        "cases",
        "PSNR (dB)",
        "SSIM",
        f"RMSE ({unit})",
        f"RMSE body ({unit})",
        "gain (dB)",
        "gain body (dB)",
        *(("gain lungs (dB)",) if with_lungs else ()),
        f"vs {rival} (dB)",
        "95% from",
        "to",
    )
    rows: list[tuple[Cell, ...]] = []
    for entry in entries:
        seen = [c for c in cases if c in found.get(entry.name, {})]
        if name and len(seen) < len(cases):
            continue
        if not seen:
            if entry.is_filter:
                rows.append((entry.name, 0, *(None,) * (len(columns) - 2)))
            continue
        scores = [found[entry.name][c].scores for c in seen]
        looks = (gain, body_gain, lung_gain) if with_lungs else (gain, body_gain)
        apart = difference(found, entry.name, rival, seen, seed)
        rows.append(
            (
                entry.name,
                len(seen),
                *(mean(getattr(s, of) for s in scores)
                  for of in ("psnr", "ssim", "rmse", "rmse_body")),
                *(None if entry is INPUT else mean_gain(of, found, entry.name, seen)
                  for of in looks),
                *((None,) * 3 if apart is None else (apart.mean, apart.low, apart.high)),
            )
        )  # fmt: skip
    patients = len({found[INPUT.name][c].case.pair.source.patient for c in cases})
    note = (
        f"Means over {len(cases)} cases of {patients} patients. PSNR, SSIM and RMSE in the window "
        f"{window}, RMSE body without a window and inside the body. Gain is in PSNR over the "
        "input; gain body is by how much the RMSE body fell, so that a loss outside the window "
        "shows"
    )
    lungs = f"; gain lungs is in PSNR inside the body in the window {LUNG_WINDOW}, where lungs are."
    note += lungs if with_lungs else "."
    if any(found[INPUT.name][c].case.pair.source.known_noise > 0 for c in cases):
        note += (
            " Real truths have noise of their own, and to remove that as well counts as an error: "
            "less can be gained on them than on phantoms."
        )
    note += _of_the_rival(found, entries, best, cases)
    return Table(
        f"{word(task)}{name}",
        f"{title_of(task)}: all contestants{title}",
        columns,
        tuple(rows),
        note,
    )


def _of_the_rival(
    found: Found, entries: Sequence[Entry], best: str | None, cases: Sequence[str]
) -> str:
    """What the last three columns are."""
    note = (
        f" The last three columns compare the PSNR with that of {best or INPUT.name} on the same "
        "cases, with a bootstrap interval over patients: above 0 throughout is better for sure."
    )
    if best is None:
        return f"{note} {NO_FILTERS}"
    shared = shared_cases(found, entries)
    if len(shared) < len(cases):
        note += (
            f" Filters are ranked on the {len(shared)} of {len(cases)} cases that all of them saw, "
            f"where {best} gains most; against it each stands on those that both saw."
        )
    return note + " Filters are told how much noise was added; engines are not."


SORTS: tuple[tuple[str, Callable[[Case], str]], ...] = (
    ("severity", lambda case: case.severity.value),
    ("region", lambda case: case.pair.source.region),
    ("source", lambda case: case.origin),
    ("variant", lambda case: "-" if case.draw.variant is None else case.draw.variant.name),
)
"""What cases are told apart by."""


def _breakdown(task: str, found: Found, entries: Sequence[Entry]) -> Table:
    """Gains by severity, region, source and kernel; entries that saw every case."""
    everything = found[INPUT.name]
    seen = {e.name: set(found.get(e.name, {})) for e in entries if e is not INPUT}
    shown = [name for name, cases in seen.items() if cases == set(everything)]
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
            before = mean(everything[c].scores.psnr for c in names)
            gains = [mean_gain(gain, found, entry, names) for entry in shown]
            rows.append((sort, group, len(names), before, *gains))
    note = "Gain in PSNR in the window over the input; the input's own PSNR before it."
    few = [name for name, cases in seen.items() if cases and name not in shown]
    if few:
        note += f" Without {', '.join(few)}: not all cases were seen."
    columns = ("by", "of", "cases", "input (dB)", *(f"{name} (dB)" for name in shown))
    return Table(f"{word(task)}_by", f"{title_of(task)}: where the gain comes from", columns,
                 tuple(rows), note)  # fmt: skip


def clean_table(task: str, outcomes: Sequence[Outcome], entries: Sequence[Entry]) -> Table:
    """What entries do to images that need nothing."""
    found = by_entry(outcomes)
    rows: list[tuple[Cell, ...]] = []
    for entry in entries:
        seen = list(found.get(entry.name, {}).values())
        if entry is INPUT:
            continue
        if seen:
            rows.append(
                (
                    entry.name,
                    len(seen),
                    mean(100.0 * o.same for o in seen),
                    mean(o.scores.rmse for o in seen),
                    mean(o.scores.rmse_body for o in seen),
                    max(o.largest_change for o in seen),
                )
            )
        elif entry.is_filter:
            rows.append((entry.name, 0, None, None, None, None))
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
        f"{WINDOWS[some.modality]}. {NO_FILTERS}"
    )
    return Table(word(task), f"{title_of(task)}: is it left alone?", columns, tuple(rows), note)
