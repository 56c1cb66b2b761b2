"""How patients move while they are scanned: jerks, drifts and breaths, of a wanted size.

What comes again and again is called breathing: that it is in the trunk. In a head or a leg it is a
nodding or a tremor, which goes any way (``Movement.slant``).

A movement is a course in time; an order of lines turns it into one pose for each line of k-space,
as in the forward model of Loktyushin et al. (Magn Reson Med 2013;70:1608).

What an image shows depends on when the object moved as much as on how far: what moves while only
the rim of k-space is measured is hardly seen, least of all where it moves far. (In 77 children the
largest displacement told less of the quality than the mean one from the pose at the centre of
k-space; Afacan et al., Pediatr Radiol 2016;46:1728.) So that an amount means about the same in
every image, courses are drawn by chance until the error to be expected of them is a fair part
(``SEEN``) of what it could be. Images of one source with the same kind and amount of movement then
have errors that span a factor of 1.4 to 2.5 from the 10th to the 90th percentile, 4 where a much
interpolated image drifts by little; without that it is 1.7 to 50 (six real sources, 50 movements
each).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engines.base import BoolArray
from engines.medq_uni.degradations.checks import LEAST_SIDE, MOST_SIDE, within
from engines.medq_uni.degradations.mr.moved import PoseArray, Poses
from engines.medq_uni.degradations.mr.ordering import Ordering, TimeArray, random_ordering

__all__ = ["BREATHING", "DRIFT", "JERK", "MOVEMENTS", "Movement", "MovementKind", "Poses"]

MOST_MM, MOST_DEGREES = 100.0, 45.0
"""Largest amounts to be asked for."""
FIELD_MM = 300.0
"""Field of view that is assumed: neighbouring lines lie 1 / 300 cycles per mm apart."""
RADIUS_MM = 60.0
"""Typical distance of tissue from the axis of a turn, by which one degree counts as 1 mm."""
SEEN: tuple[float, float] = (0.45, 0.7)
"""Expected error, root mean square, over that if all lines but the middle one were displaced most.
Beyond, the image would rather be at another place than be spoilt."""
TRIES = 100
"""Then the course nearest to that is taken."""

Course = tuple[PoseArray, PoseArray, PoseArray]
"""Displacements down and right, and angles, at the times of the lines, of any size."""


@dataclass(frozen=True, slots=True)
class MovementKind:
    """A way to move by ``name``.

    ``course`` gives the displacements at times (lines,) from 0 to 1, in any size. Of the two
    amounts the lesser is usually within ``lesser`` (least and most) of the greater; where ``turns``
    is false the angle always is the lesser.
    """

    name: str
    course: Callable[[TimeArray, np.random.Generator], Course]
    turns: bool
    lesser: tuple[float, float]

    def movement(self, shift_mm: float, degrees: float) -> Movement:
        """A movement of this kind whose largest shift and angle are these; see ``Movement``."""
        return Movement(self, shift_mm, degrees)

    def random_amounts(self, level: float, rng: np.random.Generator) -> tuple[float, float]:
        """Shift in mm and angle in degrees the greater of which is ``level``, as they go together.

        Both are graded by about the same numbers, so that ``level`` decides the severity.

        Raises:
            ValueError: level outside 0 to 45.
        """
        within("level", level, 0, MOST_DEGREES)
        lesser = level * float(rng.uniform(*self.lesser))
        return (lesser, level) if self.turns and rng.random() < 0.5 else (level, lesser)


@dataclass(frozen=True, slots=True)
class Movement:
    """A movement of some kind, as large as wanted.

    ``shift_mm`` is the largest displacement of the middle of the object, ``degrees`` the largest
    angle, both from where the object lay when the zero frequency was measured. ``ordering`` is how
    lines follow each other, by chance where it is ``None``. ``slant`` turns the way of the object,
    in radians clockwise: breaths go up and down the image without it.

    Raises:
        ValueError: shift outside 0 to 100 mm, angle outside 0 to 45 degrees, or slant outside -2 pi
            to 2 pi.
    """

    kind: MovementKind
    shift_mm: float
    degrees: float = 0.0
    ordering: Ordering | None = None
    slant: float = 0.0

    def __post_init__(self) -> None:
        within("shift_mm", self.shift_mm, 0, MOST_MM)
        within("degrees", self.degrees, 0, MOST_DEGREES)
        within("slant", self.slant, -2 * np.pi, 2 * np.pi)

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.kind.name

    def poses(
        self, lines: int, rng: np.random.Generator, measured: BoolArray | None = None
    ) -> Poses:
        """A pose for each of ``lines`` phase-encoding lines.

        ``measured`` (lines,) says which of them are measured, all by default: over these the
        amounts are met to rounding, and the movement takes the time that they take. The others have
        the zero pose, and so have the line of the zero frequency, ``lines // 2``, and the truth.
        Where no other line is measured nobody can see a movement, and there is none.

        Edges come from other lines as well, so that the image as a whole may lie beside the truth
        by some part of the amount, a fifth in the middle and a half at times; no rule for a pose is
        known that avoids it (arXiv:2204.03522).

        Raises:
            ValueError: lines outside 16 to 4096, or ``measured`` of another shape or without the
                zero frequency.
        """
        within("lines", lines, LEAST_SIDE, MOST_SIDE)
        seen_lines = np.ones(lines, np.bool_) if measured is None else measured
        if seen_lines.shape != (lines,) or not seen_lines[lines // 2]:
            raise ValueError(
                f"measured must say of {lines} lines which are measured, line {lines // 2} among "
                f"them, not of shape {seen_lines.shape}"
            )
        best = Poses(np.zeros(lines), np.zeros(lines), np.zeros(lines))
        if not self.shift_mm and not self.degrees:
            return best
        times = _stretched((self.ordering or random_ordering(rng)).times(lines), seen_lines)
        most_mm = float(np.hypot(self.shift_mm, RADIUS_MM * np.radians(self.degrees)))
        nearest = np.inf
        for _ in range(TRIES):
            poses = self._sized(_about_middle(self.kind.course(times, rng)), seen_lines)
            if poses is None:
                continue
            seen = _seen(poses, most_mm, seen_lines)
            off = max(SEEN[0] - seen, seen - SEEN[1])
            if off < nearest:
                nearest, best = off, poses
            if off <= 0:
                break
        return best

    def _sized(self, course: Course, measured: BoolArray) -> Poses | None:
        """``course`` as large as wanted over the measured lines; ``None`` where it rests there."""
        down, right, turn = (np.where(measured, part, 0.0) for part in course)
        way, angle = float(np.hypot(down, right).max()), float(np.abs(turn).max())
        if min(way, angle) <= 0:
            return None
        shift, degrees = self.shift_mm / way, np.radians(self.degrees) / angle
        if self.slant:
            cos, sin = np.cos(self.slant), np.sin(self.slant)
            down, right = down * cos + right * sin, right * cos - down * sin
        return Poses(down * shift, right * shift, turn * degrees)


def _stretched(times: TimeArray, measured: BoolArray) -> TimeArray:
    """Times such that those of measured lines span the acquisition; the others take none."""
    if measured.all() or measured.sum() < 2:
        return times
    first, last = float(times[measured].min()), float(times[measured].max())
    return np.clip((times - first) / (last - first), 0, 1) * float(times.max())


def _about_middle(course: Course) -> Course:
    """The same from where the object lies when the zero frequency is measured."""
    down, right, turn = (part - part[len(part) // 2] for part in course)
    return down, right, turn


def _seen(poses: Poses, most_mm: float, measured: BoolArray) -> float:
    """The expected error of an image, as a share of that if all lines had ``most_mm``.

    Of the lines that are measured; what the others leave out is no movement's fault.

    Edges have a spectrum that falls as one over the frequency. A displaced line is wrong by the
    square of its phase where that is small, and by all it holds where not, so that small movements
    harm all frequencies alike, and large ones mostly the low. The outer half of k-space is left
    out: it holds least.
    """
    lines = poses.lines
    frequency = (np.arange(lines) - lines // 2) / FIELD_MM
    way = np.hypot(np.hypot(poses.down_mm, poses.right_mm), RADIUS_MM * poses.radians)
    inner = np.flatnonzero((frequency != 0) & measured)
    inner = inner[np.abs(inner - lines // 2) <= lines // 4]
    square = (2 * np.pi * frequency[inner]) ** 2
    harm, most = (
        float(np.sum(-np.expm1(-square * mm**2 / 2) / square)) for mm in (way[inner], most_mm)
    )
    return float(np.sqrt(harm / max(most, np.finfo(np.float64).tiny)))


def _jerk(times: TimeArray, rng: np.random.Generator) -> Course:
    """One to three sudden changes that stay, each settling within a few lines.

    The first, or only, comes in the middle three fifths of the acquisition, the others within its
    middle nine tenths; which of them are taken decides ``SEEN``, and a jerk over a long way then
    comes near the time when the middle of k-space is measured.
    """
    count = int(rng.integers(1, 4))
    starts = [rng.uniform(0.2, 0.8), *rng.uniform(0.05, 0.95, count - 1)]
    course = np.zeros((3, len(times)))
    for start in starts:
        way = np.asarray(rng.normal(size=3))
        settling = float(rng.uniform(0.005, 0.03))
        passed = np.clip((times - start) / settling, 0, 1)
        course += way[:, None] * (passed**2 * (3 - 2 * passed))
    return course[0], course[1], course[2]


def _drift(times: TimeArray, rng: np.random.Generator) -> Course:
    """A slow wander, or a slow sinking that goes one way as muscles relax."""
    wander = rng.random() < 0.5
    course = []
    for _ in range(3):
        if wander:
            waves = np.arange(1, 4)[:, None]
            sizes = rng.normal(size=(3, 1)) / waves
            course.append(
                np.sum(sizes * np.cos(np.pi * waves * times + rng.uniform(0, np.pi, (3, 1))), 0)
            )
        else:
            rate = float(rng.uniform(0.5, 4))
            course.append(float(rng.normal()) * (1 - np.exp(-rate * times)))
    return course[0], course[1], course[2]


def _breathing(times: TimeArray, rng: np.random.Generator) -> Course:
    """Six to thirty breaths of varying length and depth, mostly up and down the image.

    Elsewhere than in the trunk as many nods or shakes.

    Between breaths the chest rests at the end of breathing out, the more so the greater the power
    of the cosine (Lujan et al., Med Phys 1999;26:715).
    """
    breaths = float(np.exp(rng.uniform(np.log(6), np.log(30))))
    power = int(rng.integers(1, 4))
    count = int(np.ceil(breaths * 2)) + 4
    lengths = np.clip(rng.normal(1, 0.12, count), 0.6, 1.5) / breaths
    depths = np.clip(rng.normal(1, 0.2, count), 0.4, 1.8)
    ends = np.cumsum(lengths) - lengths[0] * float(rng.random())
    breath = np.searchsorted(ends, times, side="right")
    phase = 1 - (ends[breath] - times) / lengths[breath]
    depth = depths[breath] * np.sin(np.pi * phase) ** (2 * power)
    slant = float(rng.normal(0, 0.15))
    turn = depth * float(rng.choice((-1, 1)))
    return -depth * np.cos(slant), depth * np.sin(slant), turn


JERK = MovementKind("jerk", _jerk, True, (0.4, 1.0))
DRIFT = MovementKind("drift", _drift, True, (0.4, 1.0))
BREATHING = MovementKind("breathing", _breathing, False, (0.03, 0.1))
"""What comes again and again: breathing in the trunk, nodding or tremor in heads and limbs."""
MOVEMENTS: tuple[MovementKind, ...] = (JERK, DRIFT, BREATHING)
"""In the order of reports."""
