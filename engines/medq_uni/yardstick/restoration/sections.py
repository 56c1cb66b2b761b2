"""The restoration's part of the page: all tasks at a glance, then task by task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

from engines.base import Engine
from engines.description import QualityDescription, Severity
from engines.medq_uni.tasks.task import Task
from engines.medq_uni.yardstick.report import Picture, Section
from engines.medq_uni.yardstick.restoration import bm3d, figures, filters
from engines.medq_uni.yardstick.restoration.cases import Case
from engines.medq_uni.yardstick.restoration.contest import (
    INPUT,
    Entry,
    Outcome,
    entry_of,
    worded_entries,
)
from engines.medq_uni.yardstick.restoration.found import (
    by_entry,
    median_case,
    shared_cases,
    title_of,
    word,
)
from engines.medq_uni.yardstick.restoration.summary import beyond_table, summary_table
from engines.medq_uni.yardstick.restoration.tables import clean_table, task_tables


def entries_of(
    engine: Engine,
    tasks: Sequence[Task[Any]],
    cases: Sequence[Case],
    stated: Mapping[str, QualityDescription],
    bm3d_cases: int,
) -> list[Entry]:
    """Everyone who restores, in the order of tables; BM3D where it sees any of the cases.

    It sees the first of every task with something to mend, which are nearly even over severities.
    """
    entries = [INPUT, *(entry_of(contestant, is_filter=True) for contestant in filters.filters())]
    spoilt = [t.name for t in tasks if t.severities != (Severity.NONE,)]
    names = [[c.name for c in cases if c.draw.task.name == task] for task in spoilt]
    if bm3d_cases > 0 and any(names):
        each = -(-bm3d_cases // len(names))
        shown = frozenset(chain.from_iterable(some[:each] for some in names))
        entries.append(entry_of(bm3d.BM3D, is_filter=True, case_names=shown))
    return [*entries, *worded_entries(engine, stated)]


def restoration_sections(
    engine: str,
    tasks: Sequence[Task[Any]],
    found: Sequence[Outcome],
    entries: Sequence[Entry],
    seed: int,
    drawn: Callable[[], None] = lambda: None,
) -> list[Section]:
    """All that came out; ``drawn()`` is called after each task."""
    tables = [
        summary_table(found, entries, engine, seed),
        beyond_table(found, entries, engine),
    ]
    sections = [Section("At a glance", tables=tables)]
    for task in tasks:
        of_task = [outcome for outcome in found if outcome.case.draw.task.name == task.name]
        if of_task:
            sections.append(_task_section(engine, task, of_task, entries, seed))
        drawn()
    return sections


def _task_section(
    engine: str, task: Task[Any], found: Sequence[Outcome], entries: Sequence[Entry], seed: int
) -> Section:
    title = title_of(task.name)
    section = Section(f"Task: {title}")
    if task.severities == (Severity.NONE,):
        section.tables.append(clean_table(task.name, found, entries))
        return section
    section.tables += task_tables(task.name, found, entries, seed)
    if not figures.available():
        return section
    results = by_entry(found)
    others = [entry for entry in entries if entry is not INPUT]
    shared, everything = shared_cases(results, entries), len(results[INPUT.name])
    chart_title = f"{title}: gain by contestant"
    chart = figures.gains_chart(results, others, shared, chart_title, seed, engine)
    caption = f"Gains in {title} over {len(shared)} of {everything} cases"
    caption += "." if len(shared) == everything else ": those that every filter saw."
    section.pictures.append(Picture(f"{word(task.name)}_gains", chart, caption))
    seen = {n: {c: results[n][c] for c in shared} for n in (engine, INPUT.name)}
    case = median_case(seen, engine)
    shown = [
        (entry.name, entry.restore(case))
        for entry in entries
        if entry is INPUT or entry.name == engine or (entry.is_filter and entry.name != "wavelet")
        if entry.name in results
    ]
    images = [(name, image) for name, image in shown if image is not None]
    caption = f"{engine} in {title}: the case of its median gain on phantoms ({case.name})."
    drawn = figures.comparison(case, images, f"{title}: the case of the median gain of {engine}")
    section.pictures.append(Picture(f"{word(task.name)}_case", drawn, caption))
    return section
