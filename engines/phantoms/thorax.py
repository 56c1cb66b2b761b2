"""A thorax from ellipses that change smoothly along z: exact, quick, the same for every seed.

It feeds the demonstration and many tests; ``engines.phantoms.anatomy`` has bodies that look real.
"""

from __future__ import annotations

import numpy as np

from engines.base import FloatArray
from engines.phantoms.ellipses import Ellipses, draw

FIELD_MM = 380.0
"""Width of the image: 0.74 mm pixels at 512."""
AIR_HU = -1000.0


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


def thorax_image(z: float, size: int, seed: int = 0) -> FloatArray:
    """The slice at ``z``, (size, size) in HU on a field of ``FIELD_MM``."""
    image = draw(thorax_ellipses(z, seed), size) + np.float32(AIR_HU)
    return np.asarray(np.maximum(image, np.float32(-1024)), np.float32)


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
