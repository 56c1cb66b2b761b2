"""The whole measurement of an engine, part by part, each part a section of the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from engines.base import Engine
from engines.description import Degradation, Modality, QualityDescription
from engines.medq_uni.draws import sample
from engines.medq_uni.pair import Source
from engines.medq_uni.phantom_sources import SIZES, evaluation_phantoms, kinds_of
from engines.medq_uni.tasks.task import Task
from engines.medq_uni.yardstick.contestant import own_words
from engines.medq_uni.yardstick.harm.tables import harm_tables, lesion_table
from engines.medq_uni.yardstick.physicist.acquire import FULL, QUICK
from engines.medq_uni.yardstick.physicist.pictures import physicist_pictures
from engines.medq_uni.yardstick.physicist.tables import physicist_measures, tables_of
from engines.medq_uni.yardstick.report import Picture, Section
from engines.medq_uni.yardstick.restoration import bm3d, cost, figures, filters
from engines.medq_uni.yardstick.restoration.cases import Case, make_cases
from engines.medq_uni.yardstick.restoration.contest import outcomes
from engines.medq_uni.yardstick.restoration.material import (
    material_table,
    real_sources,
)
from engines.medq_uni.yardstick.restoration.sections import entries_of, restoration_sections
from engines.medq_uni.yardstick.words.calibration import (
    calibration_table,
    reliability_figure,
)
from engines.medq_uni.yardstick.words.medqbench import medqbench_table
from engines.medq_uni.yardstick.words.records import Record
from engines.medq_uni.yardstick.words.tables import words_tables

QUICK_SIZE = 128
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
    phantoms: it shows that all works, its numbers mean nothing. ``held_out`` is the share of real
    patients that a training left out by ``split_seed``: only they are measured; ``None`` for all.
    """

    engine: Engine
    tasks: tuple[Task[Any], ...]
    data: Path | None
    count: int
    seed: int
    quick: bool
    bm3d_cases: int
    parts: frozenset[str] = frozenset(PARTS)
    held_out: float | None = None
    split_seed: int = 0

    @property
    def size(self) -> int:
        """Side of CT phantoms in pixels."""
        return self.side(Modality.CT)

    def side(self, modality: Modality) -> int:
        """Side of phantoms in pixels."""
        return QUICK_SIZE if self.quick else SIZES[modality]

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

    def say(self, line: str) -> None:
        """Something worth a line."""
        ...


def evaluate(settings: Settings, progress: Progress) -> list[Section]:
    """All sections of the report: who was measured, then part by part.

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
        made = progress.phase("making cases", sum(map(len, draws)))
        passed: list[str] = []
        cases = make_cases(draws, made, passed.append)
        for line in passed:
            progress.say(line)
        sections.append(_material_section(settings, sources, cases, passed))
        stated = assessed(settings.engine, cases, progress)
        if RESTORATION in parts:
            some = entries_of(settings.engine, settings.tasks, cases, stated, settings.bm3d_seen)
            found = outcomes(some, cases, progress.phase("restoring", len(cases)))
            drawn = progress.phase("drawing typical cases", len(settings.tasks))
            sections += restoration_sections(
                settings.engine.name, settings.tasks, found, some, settings.seed, drawn
            )
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
    modalities = list(dict.fromkeys(task.modality for task in settings.tasks))
    sources: tuple[Source, ...] = ()
    for modality in modalities:
        kinds = kinds_of([modality])
        each = -(-settings.each // len(kinds))
        made = progress.phase(f"making {modality} phantoms", each * len(kinds))
        sources += evaluation_phantoms(kinds, each, settings.seed, settings.side, made)
    if settings.data is None:
        return sources
    read = progress.phase("reading real images", len(modalities))
    for modality in modalities:
        sources += real_sources(settings.data, modality, settings.held_out, settings.split_seed)
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


def _material_section(
    settings: Settings, sources: Sequence[Source], cases: Sequence[Case], passed: Sequence[str]
) -> Section:
    """Who was measured, and whether a training may have seen them."""
    if settings.data is None:
        text = "Phantoms alone; no training takes these."
    elif settings.held_out is None:
        text = "No patient is held out: of an engine that was trained on these images, or on others"
        text += " of the same patients, the figures say too much."
    else:
        text = (
            f"Real images of the {100 * settings.held_out:g} % of patients alone that the split of "
            f"seed {settings.split_seed} holds out. No training takes these phantoms."
        )
    used = [case.pair.source for case in cases]
    lines = "\n".join(f"- {line}" for line in passed)
    return Section("Who was measured?", lines, tables=[material_table(sources, used, text)])


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
