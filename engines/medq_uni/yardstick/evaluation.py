"""The whole measurement of an engine, part by part, each part a section of the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from engines.base import Engine
from engines.description import Modality, QualityDescription, Severity
from engines.medq_uni.draws import sample
from engines.medq_uni.pair import Source
from engines.medq_uni.phantom_sources import SIZES, evaluation_phantoms, kinds_of
from engines.medq_uni.real_sources import clean_sources, held_out_patients, read_headers
from engines.medq_uni.sources import load_series
from engines.medq_uni.tasks.task import WORDS as WORDS_OF
from engines.medq_uni.tasks.task import Task
from engines.medq_uni.truth import NOISE_OF
from engines.medq_uni.yardstick.contestant import always_run, own_words
from engines.medq_uni.yardstick.harm.scaled import scaled_tables
from engines.medq_uni.yardstick.harm.tables import harm_tables, lesion_table, words_on_clean
from engines.medq_uni.yardstick.physicist.acquire import FULL, QUICK
from engines.medq_uni.yardstick.physicist.pictures import physicist_pictures
from engines.medq_uni.yardstick.physicist.tables import physicist_measures, tables_of
from engines.medq_uni.yardstick.report import Picture, Section
from engines.medq_uni.yardstick.restoration import bm3d, cost, figures, filters
from engines.medq_uni.yardstick.restoration.cases import Case, make_cases
from engines.medq_uni.yardstick.restoration.contest import outcomes
from engines.medq_uni.yardstick.restoration.found import title_of
from engines.medq_uni.yardstick.restoration.material import material_table
from engines.medq_uni.yardstick.restoration.sections import entries_of, restoration_sections
from engines.medq_uni.yardstick.restoration.shift import Watch, shift_table
from engines.medq_uni.yardstick.steering.chart import wordings_chart
from engines.medq_uni.yardstick.steering.checks import checked, checks_table
from engines.medq_uni.yardstick.steering.gains import known_gains, steered, told
from engines.medq_uni.yardstick.steering.tables import (
    cases_listing,
    gain_table,
    outcomes_listing,
    worths,
)
from engines.medq_uni.yardstick.targets import targets_section
from engines.medq_uni.yardstick.unseen.tables import unseen_tables
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
COST_PARTS = (cost.ASSESS, cost.RESTORE)
STEERED_CASES = 24
"""Cases of each task at most that are told nine ways: enough for an interval, and quick enough."""
EDITED_CASES = 8
"""Cases of each task at most whose words on noise are edited: what must hold in all needs few."""
RESTORATION, STEERING, WORDS, UNSEEN = "restoration", "steering", "words", "unseen"
HARM, PHYSICIST, COST = "harm", "physicist", "cost"
PARTS = (RESTORATION, STEERING, WORDS, UNSEEN, HARM, PHYSICIST, COST)
"""What is measured, in the order of the page."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured: ``count`` cases of each task, of which BM3D sees ``bm3d_cases`` in all.

    ``data`` is a folder of arrays, ``None`` for phantoms alone. ``quick`` takes a few small
    phantoms: it shows that all works, its numbers mean nothing. ``held_out`` is the share of real
    patients that a training left out by ``split_seed``: only they are measured; ``None`` for all.
    ``without`` names groups of arrays that are left out.
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
    without: tuple[str, ...] = ()

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities of the tasks, each once."""
        return tuple(dict.fromkeys(task.modality for task in self.tasks))

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
    """All sections of the report: targets, who was measured, then part by part.

    Raises:
        ValueError: no task, or the folder of arrays has nothing for any.
        EngineError: the engine couldn't do its part.
    """
    if not settings.tasks:
        raise ValueError("tasks must hold at least one")
    sections: list[Section] = []
    parts = settings.parts
    if {RESTORATION, STEERING, WORDS, HARM} & parts:
        sources = gather(settings, progress)
        draws = [sample(task, sources, settings.each, settings.seed) for task in settings.tasks]
        made = progress.phase("making cases", sum(map(len, draws)))
        passed: list[str] = []
        cases = make_cases(draws, made, passed.append)
        for line in passed:
            progress.say(line)
        sections.append(_material_section(settings, sources, cases, passed))
        stated = assessed(settings.engine, cases, progress)
        known: Mapping[str, Mapping[str, float]] = {}
        if RESTORATION in parts:
            some, known = _restoration_sections(settings, cases, stated, progress)
            sections += some
        if STEERING in parts:
            sections.append(_steering_section(settings, cases, stated, known, progress))
        if WORDS in parts:
            sections.append(_words_section(settings, cases, stated))
        if HARM in parts:
            sections.append(_harm_section(settings, cases, progress))
    if UNSEEN in parts and settings.data is not None:
        sections.append(_unseen_section(settings, progress))
    if PHYSICIST in parts:
        sections.append(_physicist_section(settings, progress))
    if COST in parts:
        sections.append(_cost_section(settings, progress))
    return [targets_section(sections, settings.engine.name), *sections]


def gather(settings: Settings, progress: Progress) -> tuple[Source, ...]:
    """Phantoms, and the real slices of every modality that a task asks for."""
    modalities = settings.modalities
    sources: tuple[Source, ...] = ()
    for modality in modalities:
        kinds = kinds_of([modality])
        each = -(-settings.each // max(1, len(kinds)))
        if not kinds:
            continue
        made = progress.phase(f"making {modality} phantoms", each * len(kinds))
        sources += evaluation_phantoms(kinds, each, settings.seed, settings.side, made)
    if settings.data is None:
        return sources
    real = _real(settings, progress)
    if not real:
        names = " or ".join(modality.value for modality in modalities)
        whose = "" if settings.held_out is None else " of patients held out"
        raise ValueError(
            f"folder {settings.data} has no {names} slice{whose} with little noise of its own"
        )
    return sources + real


def _real(settings: Settings, progress: Progress) -> tuple[Source, ...]:
    """Clean real slices of every modality that has any; where one has none a line says so."""
    assert settings.data is not None
    read = progress.phase("reading real images", len(settings.modalities))
    taken: Callable[[str], bool] = lambda patient: True  # noqa: E731
    if settings.held_out is not None:
        patients = held_out_patients(settings.data, settings.held_out, settings.split_seed)
        taken = patients.__contains__
    found: tuple[Source, ...] = ()
    for modality in settings.modalities:
        some = clean_sources(settings.data, modality, taken, settings.without)
        if not some:
            progress.say(f"no real {modality.value} slice can be used: phantoms alone")
        found += some
        read()
    return found


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
    if settings.without:
        text += f" Without the groups {', '.join(settings.without)}."
    used = [case.pair.source for case in cases]
    lines = "\n".join(f"- {line}" for line in passed)
    return Section("Who was measured?", lines, tables=[material_table(sources, used, text)])


def _restoration_sections(
    settings: Settings,
    cases: Sequence[Case],
    stated: Mapping[str, QualityDescription],
    progress: Progress,
) -> tuple[list[Section], Mapping[str, Mapping[str, float]]]:
    """At a glance, with what becomes of CT numbers at low dose, then task by task.

    And the gains that the steering needs as well.
    """
    engine, watch = settings.engine.name, Watch()
    some = entries_of(settings.engine, settings.tasks, cases, stated, settings.bm3d_seen)
    watched = [watch.over(entry) for entry in some]
    found = outcomes(watched, cases, progress.phase("restoring", len(cases)))
    drawn = progress.phase("drawing typical cases", len(settings.tasks))
    glance, *rest = restoration_sections(engine, settings.tasks, found, some, settings.seed, drawn)
    shifts = shift_table(watch, some)
    glance.tables += [] if shifts is None else [shifts]
    glance.tables.append(outcomes_listing(found, engine))
    return [glance, *rest], known_gains(found, engine)


def _steering_section(
    settings: Settings,
    cases: Sequence[Case],
    stated: Mapping[str, QualityDescription],
    known: Mapping[str, Mapping[str, float]],
    progress: Progress,
) -> Section:
    """The same cases told in different ways, and whether pixels follow."""
    engine, section = settings.engine, Section("Do the words matter?")
    chosen = steered(cases, STEERED_CASES)
    clean = [case for case in cases if case.draw.task.severities == (Severity.NONE,)]
    if chosen:
        done = progress.phase("telling other words", len(chosen))
        found = told(engine, cases, stated, settings.seed, STEERED_CASES, done, known)
        rows = worths(found, settings.seed)
        section.tables += [gain_table(rows, engine.name), cases_listing(found)]
        if figures.available():
            caption = "What the same cases gain when the words are others."
            chart = wordings_chart(rows, engine.name)
            section.pictures.append(Picture("steering_gains", chart, caption))
    looked = [*clean, *steered(cases, EDITED_CASES)]
    done = progress.phase("editing words", len(looked))
    section.tables.insert(1, checks_table(checked(engine, looked, done)))
    return section


def _unseen_section(settings: Settings, progress: Progress) -> Section:
    """Real series of all modalities of the tasks, those of people in training too."""
    assert settings.data is not None
    held_out = None
    if settings.held_out is not None:
        held_out = held_out_patients(settings.data, settings.held_out, settings.split_seed)
    there = {h.modality for h in read_headers(settings.data) if h.group not in settings.without}
    series = [
        one
        for modality in settings.modalities
        if modality in there
        for one in load_series(settings.data, modality)
        if one.group not in settings.without
    ]
    done = progress.phase("asking of real series", len(series))
    tables = unseen_tables(settings.engine, series, held_out, done)
    text = "" if held_out is None else (
        "Series of people who are not held out are among them: nobody told a training the truth of "
        "these, but it may have seen them as sources."
    )  # fmt: skip
    return Section("What does it say of real images?", text, tables)


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
    """Clean sources of the cases, real ones and phantoms as they come, modality by modality."""
    most = QUICK_HARM_CASES if settings.quick else HARM_CASES
    used = {case.pair.source.name: case.pair.source for case in cases}
    clean = {m: [s for s in used.values() if s.modality is m][:most] for m in settings.modalities}
    clean = {modality: sources for modality, sources in clean.items() if sources}
    if not clean:
        return Section("Does it do harm?")
    own = own_words(settings.engine)
    contestants = (own,) if settings.quick else (*filters.filters(), own)
    done = progress.phase("looking for harm", len(contestants) * len(clean))
    everything = [source for sources in clean.values() for source in sources]
    tables = [words_on_clean((settings.engine,), everything)]
    for modality, sources in clean.items():
        noise = {NOISE_OF[modality]}
        noisy = [replace(c.pair.source, values=c.pair.image, noise=c.pair.noise) for c in cases
                 if c.pair.source.modality is modality
                 and {f.degradation for f in c.pair.findings} == noise][:most]  # fmt: skip
        if modality is Modality.CT:
            tables += harm_tables(contestants, sources, (), settings.seed, lambda _: done())
            tables += [lesion_table(contestants, noisy, settings.seed)] if noisy else []
        else:
            tables += scaled_tables(contestants, sources, noisy, settings.seed, lambda _: done())
    counts = ", ".join(f"{len(sources)} of {title_of(WORDS_OF[m])}" for m, sources in clean.items())
    text = f"What is done to images that need nothing ({counts})"
    text += ", and to pure noise of CT." if Modality.CT in clean else "."
    return Section("Does it do harm?", text, tables)


def _physicist_section(settings: Settings, progress: Progress) -> Section:
    """CT only: the phantom is one of CT."""
    if all(task.modality is not Modality.CT for task in settings.tasks):
        return Section("The physicist's measures")
    own = own_words(settings.engine)
    always = always_run(settings.engine)
    contestants = (own,) if settings.quick else (filters.TV, own, always)
    protocol = QUICK if settings.quick else FULL
    total = len(protocol.doses) * len(protocol.kernels) * (len(contestants) + 1)
    done = progress.phase("the physicist's phantom", total)
    found = physicist_measures(contestants, settings.quick, lambda *_: done())
    section = Section("The physicist's measures", tables=tables_of(found))
    if figures.available():
        section.pictures += physicist_pictures(contestants, found, settings.quick)
    return section


def _cost_section(settings: Settings, progress: Progress) -> Section:
    """The engine in every modality of the tasks, filters in the first alone: all cost alike."""
    engine = settings.engine.name
    timed = [(f"{engine}: {part}", m) for m in settings.modalities for part in COST_PARTS]
    if not settings.quick:
        named = [c.name for c in filters.filters()]
        named += [bm3d.BM3D.name] if settings.bm3d_seen > 0 else []
        timed = [(name, settings.modalities[0]) for name in named] + timed
    done = progress.phase("timing", len(timed))
    costs = []
    for name, modality in timed:
        slices = 1 if name == bm3d.BM3D.name or settings.quick else COST_SLICES
        costs.append(cost.measure_apart(name, settings.side(modality), slices, modality))
        done()
    return Section("What does it cost?", tables=[cost.cost_table(costs)])
