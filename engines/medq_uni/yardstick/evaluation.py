"""The whole measurement of an engine, part by part, each part a section of the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from engines.base import Engine
from engines.description import Degradation, Modality, QualityDescription, Severity
from engines.medq_uni.pair import Source
from engines.medq_uni.tasks import Task
from engines.medq_uni.yardstick.contestant import own_words
from engines.medq_uni.yardstick.harm.tables import harm_tables, lesion_table
from engines.medq_uni.yardstick.physicist.acquire import FULL, QUICK
from engines.medq_uni.yardstick.physicist.pictures import physicist_pictures
from engines.medq_uni.yardstick.physicist.tables import physicist_measures, tables_of
from engines.medq_uni.yardstick.report import Picture, Section
from engines.medq_uni.yardstick.restoration import bm3d, cost, figures, filters
from engines.medq_uni.yardstick.restoration.cases import Case, make_cases, sample
from engines.medq_uni.yardstick.restoration.contest import (
    INPUT,
    Entry,
    Outcome,
    entry_of,
    outcomes,
    worded_entries,
)
from engines.medq_uni.yardstick.restoration.material import (
    phantom_regions,
    phantom_sources,
    real_sources,
)
from engines.medq_uni.yardstick.restoration.tables import (
    by_entry,
    clean_table,
    median_case,
    summary_table,
    task_tables,
    title_of,
    word,
)
from engines.medq_uni.yardstick.words.calibration import (
    calibration_table,
    reliability_figure,
)
from engines.medq_uni.yardstick.words.medqbench import medqbench_table
from engines.medq_uni.yardstick.words.records import Record
from engines.medq_uni.yardstick.words.tables import words_tables

SIZE, QUICK_SIZE = 512, 128
QUICK_COUNT = 2
HARM_CASES, QUICK_HARM_CASES = 12, 2
COST_SLICES = 5
RESTORATION, WORDS, HARM, PHYSICIST, COST = "restoration", "words", "harm", "physicist", "cost"
PARTS = (RESTORATION, WORDS, HARM, PHYSICIST, COST)
"""What is measured, in the order of the page."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured: ``count`` cases of each task, of which BM3D sees ``bm3d_cases`` in all.

    ``data`` is a folder of arrays, ``None`` for phantoms alone. ``quick`` takes a few small
    phantoms: it shows that all works, its numbers mean nothing.
    """

    engine: Engine
    tasks: tuple[Task, ...]
    data: Path | None
    count: int
    seed: int
    quick: bool
    bm3d_cases: int
    parts: frozenset[str] = frozenset(PARTS)

    @property
    def size(self) -> int:
        """Side of phantoms in pixels."""
        return QUICK_SIZE if self.quick else SIZE

    @property
    def bm3d_seen(self) -> int:
        """Cases in all that BM3D sees: none where it isn't installed or time is short."""
        return 0 if self.quick or not bm3d.available() else self.bm3d_cases

    @property
    def each(self) -> int:
        """Cases of each task."""
        return min(self.count, QUICK_COUNT) if self.quick else self.count


class Progress(Protocol):
    """Who is told how far it is."""

    def phase(self, title: str, total: int | None) -> Callable[[], None]:
        """A new phase of ``total`` steps, ``None`` where unknown; call the result after each."""
        ...


def evaluate(settings: Settings, progress: Progress) -> list[Section]:
    """All sections of the report, those of restoration first.

    Raises:
        ValueError: no task, or the folder of arrays has nothing for one.
        EngineError: the engine couldn't do its part.
    """
    if not settings.tasks:
        raise ValueError("tasks must hold at least one")
    sections: list[Section] = []
    parts = settings.parts
    if {RESTORATION, WORDS, HARM} & parts:
        sources = gather(settings, progress)
        draws = [sample(task, sources, settings.each, settings.seed) for task in settings.tasks]
        cases = make_cases(draws, progress.phase("making cases", sum(map(len, draws))))
        stated = assessed(settings.engine, cases, progress)
        if RESTORATION in parts:
            sections += _restoration_sections(settings, cases, stated, progress)
        if WORDS in parts:
            sections.append(_words_section(settings, cases, stated))
        if HARM in parts:
            sections.append(_harm_section(settings, cases, progress))
    if PHYSICIST in parts:
        sections.append(_physicist_section(settings, progress))
    if COST in parts:
        sections.append(_cost_section(settings, progress))
    return sections


def gather(settings: Settings, progress: Progress) -> tuple[Source, ...]:
    """Phantoms, and the real slices of every modality that a task asks for."""
    regions = phantom_regions()
    each = -(-settings.each // len(regions))
    made = progress.phase("making phantoms", each * len(regions))
    sources = phantom_sources(each, settings.size, settings.seed, made)
    if settings.data is None:
        return sources
    modalities = list(dict.fromkeys(task.modality for task in settings.tasks))
    read = progress.phase("reading real images", len(modalities))
    for modality in modalities:
        sources += real_sources(settings.data, modality)
        read()
    return sources


def assessed(
    engine: Engine, cases: Sequence[Case], progress: Progress
) -> dict[str, QualityDescription]:
    """The engine's own words on every case by the case's name."""
    done = progress.phase("asking for words", len(cases))
    stated = {}
    for case in cases:
        stated[case.name] = engine.assess(case.stack)
        done()
    return stated


def entries_of(
    settings: Settings, stated: Mapping[str, QualityDescription], cases: Sequence[Case]
) -> list[Entry]:
    """Everyone who restores, in the order of tables; BM3D where it can be had."""
    entries = [INPUT, *(entry_of(contestant, is_filter=True) for contestant in filters.filters())]
    noisy = [task.name for task in settings.tasks if task.noisy]
    if settings.bm3d_seen > 0 and noisy:
        each = -(-min(settings.bm3d_seen, settings.each * len(noisy)) // len(noisy))
        shown: list[str] = []
        for name in noisy:
            shown += [case.name for case in cases if case.draw.task.name == name][:each]
        entries.append(entry_of(bm3d.BM3D, is_filter=True, case_names=frozenset(shown)))
    return [*entries, *worded_entries(settings.engine, stated)]


def _restoration_sections(
    settings: Settings,
    cases: Sequence[Case],
    stated: Mapping[str, QualityDescription],
    progress: Progress,
) -> list[Section]:
    entries = entries_of(settings, stated, cases)
    found = outcomes(entries, cases, progress.phase("restoring", len(cases)))
    summary = summary_table(found, entries, settings.engine.name, settings.seed)
    drawn = progress.phase("drawing typical cases", len(settings.tasks))
    sections = [Section("At a glance", tables=[summary])]
    for task in settings.tasks:
        sections.append(_task_section(settings, task, found, entries))
        drawn()
    return sections


def _task_section(
    settings: Settings, task: Task, found: Sequence[Outcome], entries: Sequence[Entry]
) -> Section:
    title, engine, seed = title_of(task.name), settings.engine.name, settings.seed
    of_task = [outcome for outcome in found if outcome.case.draw.task.name == task.name]
    section = Section(f"Task: {title}")
    if task.severities == (Severity.NONE,):
        section.tables.append(clean_table(task.name, of_task, entries))
        return section
    section.tables += task_tables(task.name, of_task, entries, seed)
    if not figures.available():
        return section
    results = by_entry(of_task)
    names = [entry.name for entry in entries if entry.name != INPUT.name]
    chart = figures.gains_chart(results, names, f"{title}: gain by contestant", seed)
    caption = f"Gains in {title}; in brackets the number of cases where it is not all."
    section.pictures.append(Picture(f"{word(task.name)}_gains", chart, caption))
    case = median_case(results, engine)
    shown = [
        (entry.name, entry.restore(case))
        for entry in entries
        if entry is INPUT or entry.name == engine or (entry.is_filter and entry.name != "wavelet")
        if entry.name in results
    ]
    images = [(name, image) for name, image in shown if image is not None]
    caption = f"The case of the median gain of {engine} in {title} ({case.name})."
    drawn = figures.comparison(case, images, f"{title}: the case of the median gain of {engine}")
    section.pictures.append(Picture(f"{word(task.name)}_case", drawn, caption))
    return section


def _words_section(
    settings: Settings, cases: Sequence[Case], stated: Mapping[str, QualityDescription]
) -> Section:
    records = [
        Record(case.draw.task.name, case.words, stated[case.name], case.pair.source.patient)
        for case in cases
    ]
    text = f"What {settings.engine.name} says of all cases beside what is true of them."
    tables = [
        *words_tables(records, settings.seed),
        calibration_table(records),
        medqbench_table(records, settings.engine.restorable, settings.seed),
    ]
    section = Section("Are the words right?", text, tables)
    if figures.available():
        drawn = reliability_figure(records, settings.engine.name)
        caption = "Whether the words of confidence mean what they claim."
        section.pictures.append(Picture("words_confidence", drawn, caption))
    return section


def _harm_section(settings: Settings, cases: Sequence[Case], progress: Progress) -> Section:
    """Clean sources of the cases, real ones and phantoms as they come."""
    most = QUICK_HARM_CASES if settings.quick else HARM_CASES
    used = {case.pair.source.name: case.pair.source for case in cases}
    clean = [s for s in used.values() if s.modality is Modality.CT][:most]
    if not clean:
        return Section("Does it do harm?")
    own = own_words(settings.engine)
    contestants = (own,) if settings.quick else (*filters.filters(), own)
    done = progress.phase("looking for harm", len(contestants))
    tables = harm_tables(contestants, clean, (settings.engine,), settings.seed, lambda _: done())
    noisy = [replace(c.pair.source, values=c.pair.image, noise=c.pair.noise) for c in cases
             if {f.degradation for f in c.pair.findings} == {Degradation.NOISE}][:most]  # fmt: skip
    if noisy:
        tables.append(lesion_table(contestants, noisy, settings.seed))
    text = f"What is done to {len(clean)} CT images that need nothing, and to pure noise."
    return Section("Does it do harm?", text, tables)


def _physicist_section(settings: Settings, progress: Progress) -> Section:
    """CT only: the phantom is one of CT."""
    if all(task.modality is not Modality.CT for task in settings.tasks):
        return Section("The physicist's measures")
    own = own_words(settings.engine)
    contestants = (own,) if settings.quick else (filters.TV, own)
    protocol = QUICK if settings.quick else FULL
    total = len(protocol.doses) * len(protocol.kernels) * (len(contestants) + 1)
    done = progress.phase("the physicist's phantom", total)
    found = physicist_measures(contestants, settings.quick, lambda *_: done())
    section = Section("The physicist's measures", tables=tables_of(found))
    if figures.available():
        section.pictures += physicist_pictures(contestants, found, settings.quick)
    return section


def _cost_section(settings: Settings, progress: Progress) -> Section:
    engine = settings.engine.name
    names = [f"{engine}: {cost.ASSESS}", f"{engine}: {cost.RESTORE}"]
    if not settings.quick:
        names = [c.name for c in filters.filters()] + names
        if settings.bm3d_seen > 0:
            names.insert(-2, bm3d.BM3D.name)
    done = progress.phase("timing", len(names))
    costs = []
    for name in names:
        slices = 1 if name == bm3d.BM3D.name or settings.quick else COST_SLICES
        costs.append(cost.measure_apart(name, settings.size, slices))
        done()
    return Section("What does it cost?", tables=[cost.cost_table(costs, settings.size)])
