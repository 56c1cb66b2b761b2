"""A thorax in low dose: anatomy from ellipses, noise from counted photons.

Every slice is a set of ellipses that changes smoothly along z. The true image is drawn from them;
the noise is what a parallel-beam scan would add: exact line integrals of the same ellipses, Poisson
counts behind a bow-tie filter plus electronic noise, and the filtered back projection (Ram-Lak,
mildly apodised) of the noisy minus the clean sinogram. So truth has no reconstruction artifacts,
and noise has the grain, the direction and the places of a real one.

Not modelled: scatter, beam hardening, cone and fan geometry, correlation between slices.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from engines.base import FloatArray
from engines.phantoms.ellipses import Ellipses, draw, project

FIELD_MM = 380.0
"""Width of the image: 0.74 mm pixels at 512."""
WATER_PER_MM = 0.0195
"""Attenuation of water at about 70 keV, 1/mm."""
AIR_HU = -1000.0
VIEWS_AT_512 = 400
COUNTS_PER_RAY = 6.0e5
"""Photons per ray in the centre behind no patient, full dose, 512 pixels."""
ELECTRONIC_COUNTS = 12.0
"""Standard deviation of the electronic noise, in photons."""
APODISATION = 0.35
"""0 is the bare ramp, 1 a Hann window."""
BOW_TIE = 0.75
"""Share of the photons that the bow-tie takes away at the rim of the field."""
_COARSE = 4
_UPSAMPLING = 2

Progress = Callable[[int, int], None]


def thorax_ellipses(z: float, seed: int = 0) -> Ellipses:
    """The ellipses of the slice at ``z`` (0 apex to 1 base), HU on top of air; see ``FIELDS``.

    ``seed`` decides where vessels and nodules lie; the same seed gives one patient.
    """
    swell = np.sin(np.pi * (0.25 + 0.5 * z))
    width, depth = 0.80 + 0.06 * swell, 0.55 + 0.06 * swell
    lung_a, lung_b = 0.235 + 0.075 * swell, 0.33 + 0.07 * swell
    body: list[tuple[float, ...]] = [
        (0, 0, width, depth, 0, 900),  # skin and fat: -100 HU
        (0, 0.005, width - 0.05, depth - 0.05, 0, 145),  # muscle and mediastinum: 45 HU
        (0, 0.70, 0.62, 0.03, 0, 160),  # table top
    ]
    heart = float(np.clip((z - 0.25) / 0.4, 0, 1))
    right, left = (-0.385, -0.01), (0.425 + 0.02 * heart, 0.03)
    left_a = lung_a - 0.05 - 0.02 * heart
    body.append((*right, lung_a, lung_b, 0.10, -895))
    body.append((*left, left_a, lung_b - 0.02, -0.14, -895))
    # Heart, aorta, pulmonary trunk and airways between the lungs.
    if heart > 0:
        body.append((0.075, -0.19, 0.09 + 0.11 * heart, 0.08 + 0.095 * heart, 0.5, 15))
        body.append((0.10, -0.18, 0.05 + 0.06 * heart, 0.04 + 0.055 * heart, 0.5, 35))
    body.append((0.085, 0.20, 0.058, 0.058, 0, 50))
    body.append((-0.045, -0.16 + 0.05 * z, 0.062, 0.058, 0, 45 * (1 - 0.7 * heart)))
    split = 0.075 * np.clip((z - 0.3) / 0.25, 0, 1)
    airway = 0.036 if z < 0.5 else 0.030
    if split < 0.03:
        body.append((0, 0.06, airway + 0.006, airway, 0, -1020))
    else:
        body.append((-split, 0.07, airway, airway * 0.8, 0.3, -1000))
        body.append((split, 0.07, airway, airway * 0.8, -0.3, -1000))
    body += _bones(z, width, depth)
    body += _lung_details(z, seed, (right, lung_a, lung_b, 0.10), (left, left_a, lung_b, -0.14))
    return np.array(body)


def _bones(z: float, width: float, depth: float) -> list[tuple[float, ...]]:
    """Vertebra, sternum, shoulder blades and the ribs that this slice cuts."""
    back = depth - 0.21
    bones: list[tuple[float, ...]] = [
        (0, back, 0.098, 0.082, 0, 340),
        (0, back, 0.083, 0.068, 0, -190),  # spongy inside: 195 HU
        (0, back + 0.095, 0.042, 0.034, 0, -15),  # canal
        (-0.058, back + 0.092, 0.02, 0.04, 0.5, 360),
        (0.058, back + 0.092, 0.02, 0.04, -0.5, 360),
        (0, back + 0.155, 0.016, 0.05, 0, 380),
        (-0.13, back + 0.09, 0.085, 0.02, -0.25, 330),
        (0.13, back + 0.09, 0.085, 0.02, 0.25, 330),
        (0, -depth + 0.085, 0.095, 0.026, 0, 320),
        (0, -depth + 0.085, 0.08, 0.013, 0, -160),
    ]
    if z < 0.6:
        for side in (-1, 1):
            x, y, tilt = _on_wall(side, 0.80, width - 0.085, depth - 0.07)
            bones.append((x, y, 0.09, 0.015, tilt, 420 * (1 - z / 0.6) ** 0.5))
    for side in (-1, 1):
        for k in range(6):
            # Ribs run down and forward, so that from slice to slice they wander along the wall.
            turn = (k + 0.5 * (side > 0) * 0.3 + 2.2 * z) / 6 % 1.0
            x, y, tilt = _on_wall(side, np.pi * (0.45 - 0.93 * turn), width - 0.105, depth - 0.105)
            show = np.sin(np.pi * turn) ** 0.35
            length = 0.07 + 0.02 * np.sin(3 * k)
            bones.append((x, y, length * show, 0.021 * show, tilt, 480))
            bones.append((x, y, length * show * 0.85, 0.011 * show, tilt, -220))
    return bones


def _on_wall(side: int, angle: float, half_x: float, half_y: float) -> tuple[float, float, float]:
    """Point of an ellipse about the middle and the direction of its rim there."""
    x, y = side * half_x * np.cos(angle), half_y * np.sin(angle)
    return x, y, float(np.arctan2(half_y * np.cos(angle), -side * half_x * np.sin(angle)))


def _lung_details(
    z: float, seed: int, *lungs: tuple[tuple[float, float], float, float, float]
) -> list[tuple[float, ...]]:
    """Vessels, cut across or along, and nodules; they wander smoothly with z inside the lungs."""
    rng = np.random.default_rng([seed, 77])
    details: list[tuple[float, ...]] = []
    for centre, a, b, tilt in lungs:
        hilum = 0.62 * a * (-1 if centre[0] > 0 else 1)
        for _ in range(75):
            radius, turn = np.sqrt(rng.uniform(0.02, 0.86)), rng.uniform(0, 2 * np.pi)
            drift, phase = rng.normal(0, 0.5), rng.uniform(0, 2 * np.pi)
            reach = radius * (0.97 + 0.05 * np.sin(5 * z + phase))
            around = turn + drift * z
            u, w = a * 0.94 * reach * np.cos(around), b * 0.94 * reach * np.sin(around)
            # Wide near the hilum, thin at the rim; partly cut lengthwise, towards the hilum.
            near = np.exp(-(((u - hilum) / a) ** 2 + (w / b) ** 2) * 1.6)
            thick = rng.uniform(0.0035, 0.006) + 0.012 * near * rng.uniform(0.3, 1)
            stretch = 1 + rng.gamma(1.1, 0.9) * (1 - 0.5 * near)
            towards = np.arctan2(w, u - hilum) + tilt
            x = centre[0] + u * np.cos(tilt) - w * np.sin(tilt)
            y = centre[1] + u * np.sin(tilt) + w * np.cos(tilt)
            bright = rng.uniform(500, 880) * (0.75 + 0.25 * np.sin(9 * z + phase))
            half = min(thick * stretch, 0.055)
            details.append((x, y, half, thick * 0.9, towards, bright))
        for _ in range(3):
            radius, turn = rng.uniform(0.2, 0.75), rng.uniform(0, 2 * np.pi)
            depth, size = rng.uniform(0.1, 0.9), rng.uniform(0.010, 0.020)
            # A ball of about 4 to 8 mm across; z runs over about 300 mm.
            cut = size**2 - ((z - depth) * 300 / (FIELD_MM / 2)) ** 2
            if cut > 0:
                x, y = a * radius * np.cos(turn), b * radius * np.sin(turn)
                details.append((centre[0] + x, centre[1] + y, cut**0.5, cut**0.5, 0, 850))
    return details


def low_dose_series(
    slices: int = 20,
    size: int = 512,
    dose_fraction: float = 0.25,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[FloatArray, FloatArray]:
    """A thorax series and its truth: (noisy, truth), float32 (slices, size, size) in HU.

    ``dose_fraction`` is of a full dose (about 22 HU in soft tissue); noise goes with
    its square root and does not depend on ``size``. Outside the circle of reconstruction there is
    air without noise. The same arguments give the same values. ``progress(done, total)`` is called
    as views are back-projected.

    Raises:
        ValueError: no slices, a size under 32, or a dose that is not positive.
    """
    if slices < 1 or size < 32 or not dose_fraction > 0:
        raise ValueError("a series needs slices, at least 32 pixels across and a positive dose")
    places = np.linspace(0.12, 0.88, slices) if slices > 1 else np.array([0.5])
    bodies = [thorax_ellipses(float(z), seed) for z in places]
    truth = np.stack([draw(e, size) for e in bodies]) + np.float32(AIR_HU)
    np.maximum(truth, np.float32(-1024), out=truth)
    views = max(48, VIEWS_AT_512 * size // 512)
    angles = (np.arange(views) * (np.pi / views)).astype(np.float32)
    integrals = _coarse_sinograms(bodies, size, views)
    noise = _noise_sinograms(integrals, size, views, dose_fraction, np.random.default_rng(seed))
    return truth + _back_project(_filter(noise), angles, size, progress), truth


def _coarse_sinograms(bodies: list[Ellipses], size: int, views: int) -> FloatArray:
    """Line integrals (views, detectors, slices), dimensionless, interpolated from exact ones.

    Only the counts' variance comes from them, so every fourth view and detector is enough.
    """
    angles = np.arange(0, views + _COARSE, _COARSE, dtype=np.float32) * np.float32(np.pi / views)
    at = np.arange(0, size + _COARSE, _COARSE)
    positions = ((at + 0.5) * 2 / size - 1).astype(np.float32)
    scale = np.float32(WATER_PER_MM / 1000 * FIELD_MM / 2)
    coarse = np.stack([project(e, angles, positions) for e in bodies], axis=-1) * scale
    fine = _stretch(_stretch(coarse, views, 0), size, 1)
    return np.maximum(fine, 0)


def _stretch(values: FloatArray, length: int, axis: int) -> FloatArray:
    """Linear interpolation between every fourth sample along ``axis``."""
    place = np.arange(length) / _COARSE
    low = place.astype(np.intp)
    shape = [1] * values.ndim
    shape[axis] = length
    weight = (place - low).astype(np.float32).reshape(shape)
    before, after = values.take(low, axis), values.take(low + 1, axis)
    return before + weight * (after - before)


def _noise_sinograms(
    integrals: FloatArray, size: int, views: int, dose: float, rng: np.random.Generator
) -> FloatArray:
    """Noisy minus clean line integrals (views, detectors, slices), dimensionless."""
    position = (np.arange(size) + 0.5) * 2 / size - 1
    # Back-projected noise goes as size / sqrt(views x counts): keep it the same for every size.
    rays = (size / 512) ** 2 * VIEWS_AT_512 / views
    photons = COUNTS_PER_RAY * dose * rays
    electronic = np.float32(ELECTRONIC_COUNTS * rays**0.5)
    incident = (photons * (1 - BOW_TIE * position**2)).astype(np.float32)[None, :, None]
    expected = incident * np.exp(-integrals)
    counts = rng.poisson(expected).astype(np.float32)
    counts += electronic * rng.standard_normal(counts.shape, np.float32)
    return np.log(expected) - np.log(np.maximum(counts, 1))


def _filter(sinograms: FloatArray) -> FloatArray:
    """Ramp-filtered projections (views, upsampled detectors, slices), per detector pitch."""
    detectors = sinograms.shape[1]
    length = fft.next_fast_len(2 * detectors, real=True)
    tap = np.arange(length)
    tap = np.minimum(tap, length - tap)
    # The ramp sampled in space (Kak and Slaney, eq. 61): no offset of the mean.
    kernel = np.zeros(length)
    kernel[0] = 0.25
    odd = tap % 2 == 1
    kernel[odd] = -1 / (np.pi * tap[odd]) ** 2
    frequency = fft.rfftfreq(length)
    window = 1 - APODISATION * np.sin(np.pi * frequency) ** 2
    response = (fft.rfft(kernel).real * window).astype(np.float32)
    spectrum = fft.rfft(sinograms, length, axis=1) * response[None, :, None]
    fine = fft.irfft(spectrum, length * _UPSAMPLING, axis=1) * _UPSAMPLING
    return np.ascontiguousarray(fine[:, : detectors * _UPSAMPLING], dtype=np.float32)


def _back_project(
    filtered: FloatArray, angles: FloatArray, size: int, progress: Progress | None
) -> FloatArray:
    """Images (slices, size, size) in HU from filtered projections; zero outside the circle.

    All slices of a view share one index, and a detector's values of all slices lie side by side,
    so that each pixel costs one gather; the projections are upsampled for nearest look-up.
    """
    axis = ((np.arange(size) + 0.5) * 2 / size - 1).astype(np.float32)
    inside: NDArray[np.intp] = np.flatnonzero(axis[:, None] ** 2 + axis[None, :] ** 2 < 0.995)
    y, x = axis[inside // size], axis[inside % size]
    last = filtered.shape[1] - 1
    total = np.zeros((inside.size, filtered.shape[2]), np.float32)
    gathered = np.empty_like(total)
    scale = np.float32(size / 2 * _UPSAMPLING)
    offset = np.float32((size / 2 - 0.5) * _UPSAMPLING + 0.5)
    for view, angle in enumerate(angles):
        place = x * (np.cos(angle) * scale) + y * (np.sin(angle) * scale) + offset
        index = np.clip(place, 0, last).astype(np.intp)
        np.take(filtered[view], index, axis=0, out=gathered, mode="clip")
        total += gathered
        if progress is not None and (view % 10 == 9 or view == len(angles) - 1):
            progress(view + 1, len(angles))
    pitch_mm = FIELD_MM / size
    total *= np.float32(np.pi / len(angles) / pitch_mm / WATER_PER_MM * 1000)
    images = np.zeros((size * size, filtered.shape[2]), np.float32)
    images[inside] = total
    return np.ascontiguousarray(images.T).reshape(-1, size, size)
