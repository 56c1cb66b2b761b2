"""First, do no harm: what contestants do to CT images that need nothing; ``scaled`` has MR and PET.

Clean inputs are real normal-dose slices with little noise of their own and noise-free phantoms.
What leaves them alone has zeros throughout (and all of the lesions' contrast).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from engines.base import ArrayStack, Engine, FloatArray, StackInfo
from engines.description import Modality, QualityDescription, Severity, Verdict
from engines.medq_uni.degradations.checks import hu_image, within
from engines.medq_uni.pair import Source
from engines.medq_uni.yardstick.contestant import Contestant
from engines.medq_uni.yardstick.harm import anatomy
from engines.medq_uni.yardstick.harm.invention import PIXEL_MM, invented, noise_image
from engines.medq_uni.yardstick.harm.lesions import (
    CONTRASTS_HU,
    DIAMETERS_MM,
    place_lesions,
    recovered,
    with_lesions,
)
from engines.medq_uni.yardstick.harm.notes import NOISY_TITLE, TABLES, WORDS_NOTE, noisy_note
from engines.medq_uni.yardstick.restoration.cases import stack_of as image_stack
from engines.medq_uni.yardstick.table import Cell, Table

NOISE_HU = (10.0, 25.0, 60.0)
"""Noise levels that inventions are looked for at."""
NOISE_IMAGES = 3
ISOLATED_PIXELS = 5
"""A change is isolated by what it exceeds the median change of so many pixels squared around it."""
SATURATION = (-1024.0, 3071.0)

Progress = Callable[[str], None]


def stack_of(source: Source, values: ArrayLike | None = None) -> ArrayStack:
    """The source (or ``values`` in its place) as a stack of one slice, as contestants take it.

    Raises:
        ValueError: not a CT image in HU, pixels not within 0.05 to 5 mm, or noise not within 0 to
            1000 HU.
    """
    if source.modality is not Modality.CT or source.unit != "HU":
        raise ValueError(f"source {source.name!r} must be CT in HU, not {source.modality.value}")
    within(f"pixel_mm of source {source.name!r}", source.pixel_mm, 0.05, 5)
    noise = float("nan") if source.noise is None else source.noise
    within(f"noise of source {source.name!r}", noise, 0, 1000)
    name = f"values of source {source.name!r}"
    image = hu_image(name, source.values if values is None else values)
    spacing = (source.slice_mm, source.pixel_mm, source.pixel_mm)
    rows, columns = image.shape
    info = StackInfo(
        source.modality, source.region, source.unit, 1, rows, columns, spacing, SATURATION
    )
    return ArrayStack(info, image[None], np.ones((1, *image.shape), np.bool_))


def harm_tables(
    contestants: Sequence[Contestant],
    clean_cases: Sequence[Source],
    engines: Sequence[Engine] = (),
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Table]:
    """All that tells harm on clean inputs: words, change, bias, anatomy, lesions, inventions.

    ``clean_cases`` are CT slices that need nothing, with ``noise`` their own residual noise in HU
    (0 for a phantom); ``engines`` are those whose words are asked, may be none. Each contestant
    restores every case twice (with lesions and without) and nine images of pure noise. ``progress``
    is told the contestant's name as its turn comes.

    Raises:
        ValueError: no cases, one that is not finite CT, or a contestant that gives anything but
            finite values of the same shape.
    """
    if not clean_cases:
        raise ValueError("clean_cases must hold at least one source")
    clean_cases = _as_images(clean_cases)
    rows: list[list[tuple[Cell, ...]]] = [[] for _ in TABLES]
    noises = _noise_cases(seed)
    for contestant in contestants:
        if progress is not None:
            progress(contestant.name)
        restored = [_restored(contestant, case, case.values) for case in clean_cases]
        found = (
            _change_rows(clean_cases, restored),
            _bias_rows(clean_cases, restored),
            _lesion_rows(contestant, clean_cases, restored, seed),
            _invention_rows(contestant, noises),
        )
        for table, new in zip(rows, found, strict=True):
            table += [(contestant.name, *row) for row in new]
    tables = [words_on_clean(engines, clean_cases)] if engines else []
    return tables + [
        Table(name, title, ("contestant", *columns), tuple(found), note)
        for (name, title, columns, note), found in zip(TABLES, rows, strict=True)
    ]


def lesion_table(
    contestants: Sequence[Contestant], cases: Sequence[Source], seed: int = 0
) -> Table:
    """The lesion test alone, on cases of any noise: ``noise`` is all that is in ``values``, in HU.

    Raises:
        ValueError: as ``harm_tables``.
    """
    if not cases:
        raise ValueError("cases must hold at least one source")
    cases = _as_images(cases)
    rows: list[tuple[Cell, ...]] = []
    for contestant in contestants:
        restored = [_restored(contestant, case, case.values) for case in cases]
        rows += [(contestant.name, *row) for row in _lesion_rows(contestant, cases, restored, seed)]
    columns = next(columns for name, _, columns, _ in TABLES if name == "harm_lesions")
    note = noisy_note([case.known_noise for case in cases])
    return Table("lesions_in_noise", NOISY_TITLE, ("contestant", *columns), tuple(rows), note)


def words_on_clean(engines: Sequence[Engine], clean_cases: Sequence[Source]) -> Table:
    """How often each engine calls a clean image good, and what it wrongly finds otherwise.

    ``clean_cases`` may be of any modality; each has rows of its own.
    """
    rows: list[tuple[Cell, ...]] = []
    for engine in engines:
        for modality in Modality.sectional():
            of = [case for case in clean_cases if case.modality is modality]
            if of:
                said = [engine.assess(image_stack(case, case.values)) for case in of]
                rows.append((engine.name, modality.value, len(said), *_said_of_clean(said)))
    columns = (
        "engine", "modality", "images", *(f"called {v.value} (%)" for v in Verdict), "wrongly found"
    )  # fmt: skip
    return Table(
        "harm_words", "Clean images: are they called good?", columns, tuple(rows), WORDS_NOTE
    )


def _said_of_clean(said: Sequence[QualityDescription]) -> tuple[Cell, ...]:
    shares = [100 * float(np.mean([s.verdict is v for s in said])) for v in Verdict]
    found = [
        f.degradation.value for s in said for f in s.findings if f.severity is not Severity.NONE
    ]
    names = ", ".join(f"{name} ({found.count(name)})" for name in sorted(set(found)))
    return (*shares, names or "nothing")


def _as_images(cases: Sequence[Source]) -> list[Source]:
    """The cases with values as float32; ValueError where one isn't a CT image."""
    return [replace(case, values=stack_of(case).values[0]) for case in cases]


def _restored(contestant: Contestant, case: Source, values: FloatArray) -> FloatArray:
    """What the contestant makes of ``values`` in the case's place."""
    # Who writes into it must not seem to have done nothing.
    return restored_of(contestant, stack_of(case, values.copy()), case.known_noise)


def restored_of(contestant: Contestant, stack: ArrayStack, noise: float) -> FloatArray:
    """What the contestant makes of a stack of one slice, told that noise: (rows, columns).

    Raises:
        ValueError: it gave anything but finite values of the same shape.
    """
    found = contestant.restore(stack, noise)
    if found.shape != stack.values.shape or not np.isfinite(found).all():
        raise ValueError(f"contestant {contestant.name!r} gave no finite values of the same shape")
    return np.asarray(found[0], np.float32)


def _kinds(cases: Sequence[Source]) -> Iterator[tuple[str, list[int]]]:
    """Real images and phantoms apart: their name and the cases' indices."""
    for name, is_phantom in (("real", False), ("phantom", True)):
        found = [k for k, case in enumerate(cases) if (case.noise == 0) is is_phantom]
        if found:
            yield name, found


def _change_rows(
    cases: Sequence[Source], restored: Sequence[FloatArray]
) -> Iterator[tuple[Cell, ...]]:
    """Per kind of image: how many untouched, how much changed, and how much of it is anatomy."""
    for kind, indices in _kinds(cases):
        found = np.array([_change(cases[k], restored[k]) for k in indices])
        same, mean, isolated, relation, share, rms = found.T
        sigmas = [
            i / cases[k].noise for k, i in zip(indices, isolated, strict=True) if cases[k].noise
        ]
        yield (
            kind,
            len(indices),
            float(100 * same.mean()),
            float(mean.mean()),
            float(isolated.max()),
            float(max(sigmas)) if sigmas else None,
            float(relation.mean()),
            float(100 * share.mean()),
            float(rms.mean()),
        )


def _change(case: Source, restored: FloatArray) -> tuple[float, ...]:
    """Untouched, mean size, largest isolated one; correlation with gradients, share, RMS (HU)."""
    image = case.values
    change = restored - image
    if image.tobytes() == restored.tobytes():
        return 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    inside = anatomy.body(image, case.pixel_mm)
    plain = anatomy.away_from_edges(image, case.pixel_mm)
    around = ndimage.median_filter(change, ISOLATED_PIXELS)
    isolated = float(np.abs(change - around)[plain].max(initial=0))
    relation = anatomy.gradient_correlation(change, image, case.pixel_mm)
    share, rms = anatomy.structure(change, image, case.pixel_mm)
    return 0.0, float(np.abs(change[inside]).mean()), isolated, relation, share, rms


def _bias_rows(
    cases: Sequence[Source], restored: Sequence[FloatArray]
) -> Iterator[tuple[Cell, ...]]:
    """Per kind of image: mean and worst shift in the flat part of each tissue."""
    for kind, indices in _kinds(cases):
        shifts: dict[str, list[float]] = {name: [] for name, *_ in anatomy.TISSUES}
        for k in indices:
            image = cases[k].values
            for name, where in anatomy.flat_regions(image, cases[k].pixel_mm).items():
                shifts[name].append(float((restored[k] - image)[where].mean(dtype=np.float64)))
        cells: list[Cell] = []
        for found in shifts.values():
            cells += [float(np.mean(found)), max(found, key=abs)] if found else [None, None]
        yield kind, len(indices), *cells


def _lesion_rows(
    contestant: Contestant, cases: Sequence[Source], restored: Sequence[FloatArray], seed: int = 0
) -> Iterator[tuple[Cell, ...]]:
    """Per diameter: share of the contrast of lesions that is left in %, by contrast, and the least.

    ``restored`` are the contestant's results of the cases without lesions.
    """
    left: dict[tuple[float, float], list[float]] = {}
    for case, without in zip(cases, restored, strict=True):
        image = case.values
        rng = np.random.default_rng([seed, zlib.crc32(case.name.encode())])
        lesions = place_lesions(image, case.pixel_mm, rng)
        if not lesions:
            continue
        changed = with_lesions(image, lesions, case.pixel_mm)
        difference = _restored(contestant, case, changed) - without
        for lesion in lesions:
            share = 100 * recovered(difference, lesion, case.pixel_mm)
            left.setdefault((lesion.diameter_mm, abs(lesion.contrast)), []).append(share)
    for diameter in DIAMETERS_MM:
        found = [left.get((diameter, contrast), []) for contrast in CONTRASTS_HU]
        means = [float(np.mean(shares)) if shares else None for shares in found]
        count = sum(len(shares) for shares in found)
        least = min((min(shares) for shares in found if shares), default=None)
        yield diameter, count, *means, least


@lru_cache(maxsize=1)
def _noise_cases(seed: int) -> tuple[Source, ...]:
    """Images of pure noise, ``NOISE_IMAGES`` of each level."""
    return tuple(
        Source(
            name=f"noise {level:g} HU {k}",
            patient="noise",
            modality=Modality.CT,
            region="abdomen",
            unit="HU",
            values=noise_image(level, np.random.default_rng([seed, k, int(level)])),
            pixel_mm=PIXEL_MM,
            slice_mm=3.0,
            noise=level,
        )
        for level in NOISE_HU
        for k in range(NOISE_IMAGES)
    )


def _invention_rows(contestant: Contestant, cases: Sequence[Source]) -> Iterator[tuple[Cell, ...]]:
    """Per noise level: blobs per image that noise alone doesn't show, and what became of it."""
    for level in NOISE_HU:
        images = [case for case in cases if case.noise == level]
        found = [invented(c.values, _restored(contestant, c, c.values)) for c in images]
        yield (
            level,
            float(np.mean([f.blobs for f in found])),
            max(f.largest for f in found),
            max(f.largest_before for f in found),
            max((f.shift_hu for f in found), key=abs),
            100 * float(np.mean([f.noise_left for f in found])),
        )
