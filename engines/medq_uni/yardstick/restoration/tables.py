"""Outcomes as tables: all entries of a task, where the gain comes from, and clean images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engines.description import Modality, Severity
from engines.medq_uni.yardstick.native.tables import native_table
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
    median,
    shared_cases,
    title_of,
    word,
)
from engines.medq_uni.yardstick.restoration.scores import Scores
from engines.medq_uni.yardstick.restoration.told import TOLD
from engines.medq_uni.yardstick.restoration.windows import LUNG_WINDOW, RULES
from engines.medq_uni.yardstick.table import Cell, Table

Column = tuple[str, Callable[[Sequence[Scores]], float | None]]
"""Name of a column, and what it tells of the scores of many cases."""


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
    native = native_table(task, found, entries)
    return [*tables, *([] if native is None else [native]), _breakdown(task, found, entries)]


def _mean_of(field: str) -> Callable[[Sequence[Scores]], float | None]:
    """Mean of a score over the cases that have it."""
    return lambda scores: mean(v for s in scores if (v := getattr(s, field)) is not None)


def _median_of(field: str) -> Callable[[Sequence[Scores]], float | None]:
    return lambda scores: median(getattr(s, field) for s in scores)


def error_columns(modality: Modality, units: Sequence[str]) -> tuple[Column, ...]:
    """RMSE in the window and in the body: CT in HU; MR and PET in per cent of tissue's signal.

    Their own units differ in scale from image to image, so that the middle case's stands for all;
    with several units there is no common number.
    """
    if modality is Modality.CT:
        return (("RMSE (HU)", _mean_of("rmse")), ("RMSE body (HU)", _mean_of("rmse_body")))
    found: tuple[Column, ...] = (
        ("RMSE (%)", _mean_of("percent")),
        ("RMSE body (%)", _mean_of("percent_body")),
    )
    if len(units) == 1:
        found += ((f"RMSE body, middle case ({units[0]})", _median_of("rmse_body")),)
    return found


def units_of(cases: Sequence[Case]) -> list[str]:
    """Units of the cases' images, each once."""
    return sorted({case.pair.source.unit for case in cases})


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
    shown = [found[INPUT.name][c].case for c in cases]
    modality, units = shown[0].pair.source.modality, units_of(shown)
    score_columns: tuple[Column, ...] = (
        ("PSNR (dB)", _mean_of("psnr")),
        ("SSIM", _mean_of("ssim")),
    )
    if modality is Modality.MR:
        score_columns += (
            ("PSNR own range (dB)", _mean_of("psnr_own")),
            ("SSIM own range", _mean_of("ssim_own")),
        )
    score_columns += error_columns(modality, units)
    with_lungs = any(found[INPUT.name][c].scores.psnr_lung is not None for c in cases)
    columns = (
        "contestant",
        "cases",
        *(name for name, _ in score_columns),
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
                *(of(scores) for _, of in score_columns),
                *(None if entry is INPUT else mean_gain(of, found, entry.name, seen)
                  for of in looks),
                *((None,) * 3 if apart is None else (apart.mean, apart.low, apart.high)),
            )
        )  # fmt: skip
    patients = len({case.pair.source.patient for case in shown})
    note = (
        f"Means over {len(cases)} cases of {patients} patients. PSNR, SSIM and RMSE in the window "
        f"{RULES[modality]}, RMSE body without a window and inside the body. Gain is in PSNR over "
        "the input; gain body is by how much the RMSE body fell, so that a loss outside the window "
        "shows"
    )
    lungs = f"; gain lungs is in PSNR inside the body in the window {LUNG_WINDOW}, where lungs are."
    note += lungs if with_lungs else "."
    note += _of_the_scale(modality, units)
    if any(case.pair.source.known_noise > 0 for case in shown):
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


def _of_the_scale(modality: Modality, units: Sequence[str]) -> str:
    """What errors are told in, where images have scales of their own."""
    if modality is Modality.CT:
        return ""
    note = " RMSE is in % of the signal of typical tissue of each truth, as scales differ."
    if len(units) > 1:
        note += f" Images are in {' and '.join(units)}: their RMSE has no common unit."
    if modality is Modality.MR:
        note += " Own range: from 0 to the 99.9th percentile of each truth."
    return note


def _of_the_rival(
    found: Found, entries: Sequence[Entry], best: str | None, cases: Sequence[str]
) -> str:
    """What the last three columns are."""
    note = (
        f" The last three columns compare the PSNR with that of {best or INPUT.name} on the same "
        "cases, with a bootstrap interval over patients: above 0 throughout is better for sure."
    )
    if best is None:
        return note
    shared = shared_cases(found, entries)
    if len(shared) < len(cases):
        note += (
            f" Filters are ranked on the {len(shared)} of {len(cases)} cases that all of them saw, "
            f"where {best} gains most; against it each stands on those that both saw."
        )
    return f"{note} {TOLD}"


SORTS: tuple[tuple[Callable[[Case], str], Callable[[Case], str]], ...] = (
    (lambda case: "severity", lambda case: case.severity.value),
    (lambda case: "region", lambda case: case.pair.source.region),
    (lambda case: "contrast", lambda case: case.pair.source.contrast or "not known"),
    (lambda case: "source", lambda case: case.origin),
    (
        lambda case: case.draw.task.variant_of,
        lambda case: "-" if case.draw.variant is None else case.draw.variant.name,
    ),
)
"""What cases are told apart by: its name, and which a case is."""


def _breakdown(task: str, found: Found, entries: Sequence[Entry]) -> Table:
    """Gains by severity, region, contrast, source and variant; entries that saw every case."""
    everything = found[INPUT.name]
    seen = {e.name: set(found.get(e.name, {})) for e in entries if e is not INPUT}
    shown = [name for name, cases in seen.items() if cases == set(everything)]
    rows: list[tuple[Cell, ...]] = []
    for sort_of, of_case in SORTS:
        sort = sort_of(next(iter(everything.values())).case)
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
    some = [outcome.case for outcome in found[INPUT.name].values()]
    modality, units = some[0].pair.source.modality, units_of(some)
    errors = error_columns(modality, units)
    rows: list[tuple[Cell, ...]] = []
    for entry in entries:
        seen = list(found.get(entry.name, {}).values())
        if entry is INPUT or not seen:
            continue
        scores = [o.scores for o in seen]
        in_unit = max(o.largest_change for o in seen)
        largest = in_unit if modality is Modality.CT else max(map(_largest_percent, seen))
        cells = [of(scores) for _, of in errors]
        rows.append((entry.name, len(seen), mean(100.0 * o.same for o in seen), *cells, largest))
    unit = "HU" if modality is Modality.CT else "%"
    columns = (
        "contestant",
        "cases",
        "left as it was (%)",
        *(name.replace("RMSE", "RMS change") for name, _ in errors),
        f"largest change ({unit})",
    )
    note = (
        f"Nothing was done to these images; zero is best. The first RMS change is in the window "
        f"{RULES[modality]}. Filters are told that there is no error, and do nothing."
    )
    if modality is not Modality.CT:
        note += " In % of the signal of tissue, as images have scales of their own."
    return Table(word(task), f"{title_of(task)}: is it left alone?", columns, tuple(rows), note)


def _largest_percent(outcome: Outcome) -> float:
    """The largest change in % of tissue's signal, 0 where there is no tissue to compare with."""
    percent, body = outcome.scores.percent_body, outcome.scores.rmse_body
    return outcome.largest_change * percent / body if percent and body else 0.0
