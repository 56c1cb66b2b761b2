"""The restoration at a glance: one row per task, and whether it holds beyond the window."""

from __future__ import annotations

from collections.abc import Sequence

from engines.description import Severity
from engines.medq_uni.yardstick.contestant import ALWAYS
from engines.medq_uni.yardstick.restoration.contest import INPUT, TRUE_WORDS, Entry, Outcome
from engines.medq_uni.yardstick.restoration.found import (
    Found,
    Gain,
    best_filter,
    body_gain,
    by_entry,
    difference,
    gain,
    lung_gain,
    mean,
    mean_gain,
    own_gain,
    shared_cases,
    title_of,
)
from engines.medq_uni.yardstick.restoration.told import TOLD
from engines.medq_uni.yardstick.restoration.windows import LUNG_WINDOW, WINDOWS
from engines.medq_uni.yardstick.table import Cell, Table


def summary_table(
    outcomes: Sequence[Outcome], entries: Sequence[Entry], engine: str, seed: int
) -> Table:
    """One row per task: the best filter, the engine, and what its words are worth."""
    always = f"{engine}, {ALWAYS}"
    rows: list[tuple[Cell, ...]] = []
    for task, found in _spoilt(outcomes, engine):
        cases = shared_cases(found, entries)
        best = best_filter(found, entries)
        both = set(found.get(always, {})) & set(found.get(best or "", {}))
        apart = None if best is None else difference(found, always, best, found[INPUT.name], seed)
        rows.append(
            (
                title_of(task),
                len(cases),
                mean(found[INPUT.name][c].scores.psnr for c in cases),
                best,
                None if best is None else mean_gain(gain, found, best, cases),
                mean_gain(gain, found, engine, cases),
                mean_gain(gain, found, always, cases),
                mean_gain(gain, found, f"{engine}, {TRUE_WORDS}", cases),
                len(both),
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
        "always run (dB)",
        "true words (dB)",
        "cases of both",
        "against best filter (dB)",
        "95% from",
        "to",
    )
    note = (
        f"Gain in PSNR over the input, in the window of the literature. {engine} restores where "
        "its own words plan it, as in the node; always run, it does so whatever they plan: as "
        "filters are always run, so is it where it is held against the best of them. "
        f"{TOLD} Where no filter gains anything the best is the input. All gains of a row are over "
        "the same cases: those that every filter saw. Against the best of them it stands on all "
        "cases that both saw, which are more where that isn't BM3D. The interval is a bootstrap "
        "over patients."
    )
    return Table("summary", "Restoration in one table", columns, tuple(rows), note)


def beyond_table(outcomes: Sequence[Outcome], entries: Sequence[Entry], engine: str) -> Table:
    """Gains in the window, in that of lungs and without one, beside each other."""
    rows: list[tuple[Cell, ...]] = []
    for task, found in _spoilt(outcomes, engine):
        cases, best = shared_cases(found, entries), best_filter(found, entries)
        window = WINDOWS[found[INPUT.name][cases[0]].case.pair.source.modality]
        looks: tuple[tuple[str, Gain], ...] = (
            (f"window {window}", gain),
            ("own range", own_gain),
            (f"lungs, window {LUNG_WINDOW}", lung_gain),
            ("body, no window", body_gain),
        )
        for look, of in looks:
            measured = [c for c in cases if of(found, INPUT.name, c) is not None]
            if measured:
                named = (best, engine, f"{engine}, {ALWAYS}", f"{engine}, {TRUE_WORDS}")
                gains = (None if n is None else mean_gain(of, found, n, measured) for n in named)
                rows.append((title_of(task), look, len(measured), best, *gains))
    columns = ("task", "where", "cases", "best filter", "its gain (dB)", f"{engine} (dB)",
               "always run (dB)", "true words (dB)")  # fmt: skip
    note = (
        "Gain over the input where the literature looks, and where it doesn't: what a window clips "
        "doesn't count in it, so that lungs may be wiped out at no loss. Lungs and body are scored "
        "inside the body; without a window the gain is by how many dB the RMSE fell. An MR image's "
        "own range is from 0 to the truth's 99.9th percentile; PET in Bq/ml and MR beyond 4095 are "
        "looked at in windows of their own scale. The best filter is that of the window."
    )
    return Table("beyond", "Does it hold beyond the window?", columns, tuple(rows), note)


def _spoilt(outcomes: Sequence[Outcome], engine: str) -> list[tuple[str, Found]]:
    """Outcomes by task, for those with something to mend that the engine saw."""
    tasks = []
    for task in dict.fromkeys(o.case.draw.task.name for o in outcomes):
        found = by_entry([o for o in outcomes if o.case.draw.task.name == task])
        own = found.get(engine, {}).values()
        if any(outcome.case.draw.severity is not Severity.NONE for outcome in own):
            tasks.append((task, found))
    return tasks
