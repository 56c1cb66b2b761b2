"""First, do no harm to MR and PET: what contestants do to images that need nothing.

They have scales of their own, so that all is told in per cent of the signal of tissue. Pure noise
and CT numbers have no counterpart here; PET has to keep its activity.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from engines.base import BoolArray, FloatArray
from engines.description import Modality
from engines.medq_uni.pair import Source
from engines.medq_uni.phantom_sources import is_phantom
from engines.medq_uni.tasks.task import WORDS
from engines.medq_uni.yardstick.contestant import Contestant
from engines.medq_uni.yardstick.harm.lesions import Kit, place_in, recovered, with_lesions
from engines.medq_uni.yardstick.harm.tables import ISOLATED_PIXELS, Progress, restored_of
from engines.medq_uni.yardstick.native.tissue import uniform_tissue
from engines.medq_uni.yardstick.native.uptake import total_activity
from engines.medq_uni.yardstick.restoration.cases import stack_of
from engines.medq_uni.yardstick.restoration.scores import Ruler, ruler
from engines.medq_uni.yardstick.table import Cell, Table

UNIFORM = (0.6, 1.6)
"""Lesions are put where the image has so many times the signal of tissue."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a modality is asked: ``kit`` of lesions with contrasts in % of tissue's signal; uniform
    tissue keeps ``rim_mm`` from other tissue. ``lesion`` says what they are.
    """

    kit: Kit
    rim_mm: float
    lesion: str


SETTINGS: dict[Modality, Setting] = {
    Modality.MR: Setting(
        Kit((5.0, 10.0, 20.0), (3.0, 6.0, 10.0), rim_mm=0.5, ring_mm=(2.0, 5.0)),
        1.5,
        "Round lesions, brighter or darker than their tissue by 5 to 20 % of its signal, as grey "
        "differs from white matter",
    ),
    Modality.PT: Setting(
        Kit((50.0, 100.0, 200.0), (10.0, 17.0, 28.0), rim_mm=2.5, ring_mm=(6.0, 14.0), signs=(1,)),
        6.0,
        "Hot spheres as wide as those of the NEMA phantom, with 1.5 to 3 times the uptake of their "
        "tissue, seen with a resolution of 6 mm",
    ),
}
"""A PET lesion below 10 mm is lost in the scanner already."""


def scaled_tables(
    contestants: Sequence[Contestant],
    clean_cases: Sequence[Source],
    noisy_cases: Sequence[Source],
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Table]:
    """Change, bias and lesions on clean images of one modality, MR or PET, and lesions in noise.

    ``noise`` of a case is all that is in its ``values``. Each contestant restores every case twice,
    with lesions and without. ``progress`` is told the contestant's name as its turn comes.

    Raises:
        ValueError: no clean cases, several modalities, CT, or a contestant that gives anything but
            finite values of the same shape.
    """
    modalities = {case.modality for case in (*clean_cases, *noisy_cases)}
    if not clean_cases or len(modalities) != 1 or not modalities <= set(SETTINGS):
        raise ValueError("clean_cases must hold at least one source, all of MR or all of PET")
    (modality,) = modalities
    setting, word = SETTINGS[modality], WORDS[modality]
    name = word.upper()
    changes: list[tuple[Cell, ...]] = []
    lesions: list[tuple[Cell, ...]] = []
    in_noise: list[tuple[Cell, ...]] = []
    held = [_ruler(case) for case in clean_cases]
    noisy = [_ruler(case) for case in noisy_cases]
    for who in contestants:
        if progress is not None:
            progress(who.name)
        restored = [_restored(who, case, case.values) for case in clean_cases]
        changes += [(who.name, *row) for row in _change_rows(clean_cases, held, restored, setting)]
        rows = _lesion_rows(who, clean_cases, held, restored, seed)
        lesions += [(who.name, *row) for row in rows]
        if noisy_cases:
            spoilt = [_restored(who, case, case.values) for case in noisy_cases]
            rows = _lesion_rows(who, noisy_cases, noisy, spoilt, seed)
            in_noise += [(who.name, *row) for row in rows]
    shares = (
        "diameter (mm)", "lesions", *(f"{c:g} % (%)" for c in setting.kit.contrasts), "least (%)"
    )  # fmt: skip
    tables = [
        Table(
            f"harm_change_{word}",
            f"Clean {name} images: how much was changed?",
            ("contestant", *CHANGES, *(ACTIVITY if modality is Modality.PT else ())),
            tuple(changes),
            CHANGE_NOTE + (ACTIVITY_NOTE if modality is Modality.PT else ""),
        ),
        Table(
            f"harm_lesions_{word}",
            f"Clean {name} images: do lesions survive?",
            ("contestant", *shares),
            tuple(lesions),
            f"{setting.lesion}. {LESION_NOTE}",
        ),
    ]
    if noisy_cases:
        count = "1 image" if len(noisy_cases) == 1 else f"{len(noisy_cases)} images"
        tables.append(
            Table(
                f"lesions_in_noise_{word}",
                f"{name} lesions in noise: do they survive?",
                ("contestant", *shares),
                tuple(in_noise),
                f"The same lesions in {count} with noise: restored with lesions and without, with "
                "the same noise, so that the numbers are what is left of their contrast. What the "
                "eye could see of it in that noise they don't say.",
            )
        )
    return tables


CHANGES = (
    "kind", "images", "untouched (%)", "mean change (%)", "largest isolated (%)",
    "bias, mean (%)", "bias, worst (%)",
)  # fmt: skip
ACTIVITY = ("total activity, mean (%)", "total activity, worst (%)")
CHANGE_NOTE = (
    "The best for an image that needs nothing is to leave it as it is, bit for bit. All in % of "
    "the signal of tissue: the mean size of the change within the body, the largest change of one "
    "pixel of uniform tissue against its surroundings, and the shift of the mean of uniform "
    "tissue. A dash: no image has enough of that."
)
ACTIVITY_NOTE = " Total activity is the sum of all pixels in % of what it was: 100 is right."
LESION_NOTE = (
    "The numbers say how much of their contrast is left after restoration: 100 is all of it, 0 is "
    "an erased lesion. The last column is the worst single lesion."
)


def _ruler(case: Source) -> Ruler:
    return ruler(case.values, case.modality, case.region, case.unit, case.pixel_mm)


def _restored(contestant: Contestant, case: Source, values: FloatArray) -> FloatArray:
    return restored_of(contestant, stack_of(case, values.copy()), case.known_noise)


def _change_rows(
    cases: Sequence[Source], held: Sequence[Ruler], restored: Sequence[FloatArray], setting: Setting
) -> Iterator[tuple[Cell, ...]]:
    for kind, of_phantoms in (("real", False), ("phantom", True)):
        some = [k for k, case in enumerate(cases) if is_phantom(case) is of_phantoms]
        if not some:
            continue
        same = [cases[k].values.tobytes() == restored[k].tobytes() for k in some]
        found = [_change(held[k], restored[k], setting) for k in some]
        mean, isolated, bias = ([v for f in found if (v := f[n]) is not None] for n in range(3))
        cells: list[Cell] = [
            kind,
            len(some),
            100 * float(np.mean(same)),
            float(np.mean(mean)) if mean else None,
            max(isolated, default=None),
            float(np.mean(bias)) if bias else None,
            max(bias, key=abs, default=None),
        ]
        if held[some[0]].modality is Modality.PT:
            sums = [s for k in some if (s := total_activity(restored[k], held[k])) is not None]
            cells += [float(np.mean(sums)), max(sums, key=lambda s: abs(s - 100))] if sums else [
                None, None
            ]  # fmt: skip
        yield tuple(cells)


def _change(
    held: Ruler, restored: FloatArray, setting: Setting
) -> tuple[float | None, float | None, float | None]:
    """Mean size in the body, largest isolated one and bias in uniform tissue, all in %."""
    change = restored - held.truth
    mean = held.in_percent(float(np.abs(change[held.body]).mean(dtype=np.float64)))
    uniform = uniform_tissue(held, setting.rim_mm)
    if uniform is None:
        return mean, None, None
    around = ndimage.median_filter(change, ISOLATED_PIXELS)
    isolated = held.in_percent(float(np.abs(change - around)[uniform].max()))
    return mean, isolated, held.in_percent(float(change[uniform].mean(dtype=np.float64)))


def _lesion_rows(
    contestant: Contestant,
    cases: Sequence[Source],
    held: Sequence[Ruler],
    restored: Sequence[FloatArray],
    seed: int,
) -> Iterator[tuple[Cell, ...]]:
    """Per diameter: share of the contrast that is left in %, by contrast, and the least."""
    kit = SETTINGS[cases[0].modality].kit
    left: dict[tuple[float, float], list[float]] = {}
    for case, measured, without in zip(cases, held, restored, strict=True):
        tissue = _tissue(measured, kit)
        if tissue is None or measured.signal is None:
            continue
        rng = np.random.default_rng([seed, zlib.crc32(case.name.encode())])
        factor = measured.signal / 100
        lesions = place_in(tissue, case.pixel_mm, rng, kit)
        if not lesions:
            continue
        put = tuple(replace(lesion, contrast=lesion.contrast * factor) for lesion in lesions)
        changed = with_lesions(case.values, put, case.pixel_mm, kit)
        difference = _restored(contestant, case, changed) - without
        for lesion, wanted in zip(put, lesions, strict=True):
            share = 100 * recovered(difference, lesion, case.pixel_mm, kit)
            left.setdefault((lesion.diameter_mm, abs(wanted.contrast)), []).append(share)
    for diameter in kit.diameters_mm:
        found = [left.get((diameter, contrast), []) for contrast in kit.contrasts]
        means = [float(np.mean(shares)) if shares else None for shares in found]
        count = sum(len(shares) for shares in found)
        least = min((min(shares) for shares in found if shares), default=None)
        yield diameter, count, *means, least


def _tissue(held: Ruler, kit: Kit) -> BoolArray | None:
    """Where lesions are put: tissue of about the usual signal, noise smoothed away."""
    if held.signal is None or not held.pixel_mm > 0:
        return None
    smooth = ndimage.gaussian_filter(held.truth, kit.ring_mm[0] / held.pixel_mm)
    low, high = (share * held.signal for share in UNIFORM)
    return np.asarray(held.body & (smooth > low) & (smooth < high), np.bool_)
