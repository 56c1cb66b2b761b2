"""One MR acquisition of a slice: coils, movement, undersampling and noise as nature mixes them.

The image gets a smooth phase and becomes the object. Several coils see it, each line of k-space as
the object lies when that line is measured, and each coil adds its own noise; lines that are not
measured are zero. The image is the magnitude of the coils' images, combined by their sensitivities
(zero filling, no parallel imaging: what an engine is to mend).

A coil's shading moves along with the object, as that of coils laid on the body does. Were the coils
fixed to the scanner, the artefact of 5 mm and 4 degrees would differ by 3 to 10 % of its root mean
square: sensitivities hardly change over some millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engines.base import FloatArray
from engines.description import Amount, Degradation, Modality
from engines.medq_uni.degradations.checks import NoPlaceError, image, within
from engines.medq_uni.degradations.mr.coils import check_count, coil_maps, combine
from engines.medq_uni.degradations.mr.encoding import (
    ComplexArray,
    random_phase,
    to_image,
    to_kspace,
    with_phase,
)
from engines.medq_uni.degradations.mr.moved import moved_kspace
from engines.medq_uni.degradations.mr.movement import Movement
from engines.medq_uni.degradations.mr.noise import complex_noise, sigma_for
from engines.medq_uni.degradations.mr.sampling import Pattern, check_axis
from engines.medq_uni.pair import Pair, Source
from engines.medq_uni.signal import tissue_signal
from engines.severity import graded_finding

UNIT = "signal"
MOST_SIGNAL = 1e6
"""Stored images have 16 bits; what is larger isn't one."""
MOST_NOISE = 100.0
"""Noise in % of the signal beyond which nothing is left of the image."""
AXIS_NAMES = ("rows", "columns")
"""The axis of the image that is phase-encoded, as recipes say it."""


def zero_filled(kspace: ComplexArray, weights: FloatArray, maps: ComplexArray) -> FloatArray:
    """The magnitude image, float32 (rows, columns), of what was measured.

    ``weights`` (rows, columns) is zero where nothing was; ``kspace`` and ``maps`` are (coils, rows,
    columns).
    """
    return np.abs(combine(to_image(kspace * weights), maps))


@dataclass(frozen=True, slots=True)
class MRScan:
    """The slice as one acquisition shows it; truth stays.

    ``pattern`` says what part of k-space is measured, ``fold`` how many times less than all;
    ``movement`` is the patient's. ``noise_percent`` is the standard deviation of all noise in
    tissue of the final magnitude, in % of its signal, the source's own included: the scan adds what
    is missing, the more to each sample the fewer are measured; 0 adds none. ``coils`` is how many
    receive, ``phase_axis`` the image's axis that is phase-encoded (0: lines are rows of k-space).
    Asked for nothing it returns the pair as it is.

    Raises:
        ValueError: a fold that the pattern can't have or other than 1 without one, noise not within
            0 to 100 %, coils not within 1 to 32, or no such axis.
    """

    pattern: Pattern | None = None
    fold: float = 1.0
    movement: Movement | None = None
    noise_percent: float = 0.0
    coils: int = 4
    phase_axis: int = 0

    def __post_init__(self) -> None:
        if self.pattern is not None:
            within("fold", self.fold, *self.pattern.folds)
        elif self.fold != 1:
            raise ValueError(f"fold must be 1 without a pattern, not {self.fold}")
        within("noise_percent", self.noise_percent, 0, MOST_NOISE)
        check_count("coils", self.coils)
        check_axis(self.phase_axis)

    def apply(self, pair: Pair, rng: np.random.Generator) -> Pair:
        """``pair`` scanned anew; the source's own noise is filtered as the image is.

        It is taken to be white, so that as much of it is left as of the samples: true of a source
        that was not interpolated (``extent``) and not smoothed; of a smoothed one more is left
        where the middle of k-space is measured than is said.

        Raises:
            ValueError: no MR image of values from 0 on, or it was undersampled or moved before:
                ask for all of it in one scan.
            NoPlaceError: an image without signal, without tissue to tell noise by, or with more
                noise of its own than is asked for.
        """
        values = _checked(pair)
        if self.pattern is None and self.movement is None and self.noise_percent == 0:
            return pair
        if not values.any():
            raise NoPlaceError(f"image of {pair.source.name!r} has no signal to scan")
        signal = _signal(pair) if self.noise_percent > 0 else 0.0

        rows, columns = values.shape
        maps = coil_maps(self.coils, (rows, columns), rng)
        seen = maps * with_phase(values, random_phase((rows, columns), rng))
        weights, fold = self._weights((rows, columns), rng)
        # Noise that is white stays so in each sample that is kept.
        passed = float(np.sqrt(np.mean(np.square(weights, dtype=np.float64))))
        own = pair.noise * passed
        added = self._missing(pair, own, signal)
        poses = None
        if self.movement is None:
            kspace = to_kspace(seen)
        else:
            lines = np.asarray(weights.any(axis=1 - self.phase_axis), np.bool_)
            poses = self.movement.poses(len(lines), rng, lines)
            kspace = moved_kspace(seen, poses, pair.source.pixel_mm, self.phase_axis)
        if added > 0:
            kspace += complex_noise(kspace.shape, sigma_for(added, signal) / passed, rng)
        shown = zero_filled(kspace, weights, maps)

        total = float(np.hypot(own, added))
        how = (("phase_axis", AXIS_NAMES[self.phase_axis]), ("coils", self.coils))
        made = replace(pair, image=shown, noise=total, recipe=(*pair.recipe, *how))
        if self.pattern is not None:
            name, amount = self.pattern.name, Amount(fold, "fold")
            made = _said(made, Degradation.UNDERSAMPLING, [amount], pattern=name, fold=fold)
        if poses is not None and self.movement is not None:
            amounts = [Amount(poses.largest_mm, "mm"), Amount(poses.largest_degrees, "degrees")]
            made = _said(made, Degradation.MOTION, amounts, movement=self.movement.name)
        if self.noise_percent > 0:
            amount = Amount(100 * total / signal, "% of signal")
            percent = 100 * added / signal
            made = _said(made, Degradation.NOISE, [amount], added_percent=percent)
        return made

    def _missing(self, pair: Pair, own: float, signal: float) -> float:
        """The deviation of the noise to add to an image that has ``own`` of its own."""
        if self.noise_percent == 0:
            return 0.0
        total = self.noise_percent / 100 * signal
        if own > total:
            raise NoPlaceError(
                f"image of {pair.source.name!r} has {100 * own / signal:.3g} % of noise already, "
                f"not {self.noise_percent:g}"
            )
        return float(np.sqrt(total**2 - own**2))

    def _weights(
        self, shape: tuple[int, int], rng: np.random.Generator
    ) -> tuple[FloatArray, float]:
        if self.pattern is None:
            return np.ones(shape, np.float32), 1.0
        mask, fold = self.pattern.mask(*shape, self.fold, self.phase_axis, rng)
        return self.pattern.weights(mask, rng), fold


def _said(pair: Pair, kind: Degradation, amounts: list[Amount], **recipe: float | str) -> Pair:
    source = pair.source
    finding = graded_finding(
        kind, amounts, source.modality, source.region, pixel_mm=source.pixel_mm
    )
    return pair.with_finding(finding, **recipe)


def _signal(pair: Pair) -> float:
    """What noise is told in per cent of."""
    source = pair.source
    signal = tissue_signal(pair.truth, source.modality, source.pixel_mm)
    if signal is None:
        raise NoPlaceError(f"image of {source.name!r} has no tissue to tell noise by")
    return signal


def _checked(pair: Pair) -> FloatArray:
    """The pair's image where it is one that MR can scan."""
    source: Source = pair.source
    if source.modality is not Modality.MR or source.unit != UNIT:
        raise ValueError(
            f"an MR scan needs a source of MR in {UNIT!r}, not of {source.modality} in "
            f"{source.unit!r}"
        )
    for kind in (Degradation.UNDERSAMPLING, Degradation.MOTION):
        if pair.finding(kind) is not None:
            raise ValueError(f"pair already has {kind}: ask for all of it in one MRScan")
    return image("image", pair.image, 0, MOST_SIGNAL)
