"""The images of one series, parted into stacks: what differs is never mixed.

A stack holds images of one kind, size, unit and orientation, and each position once. Where a series
holds positions several times, what its images differ in parts them: image type, echo time, b-value,
time, cardiac phase, kernel, direction of diffusion, acquisition; if nothing does, they are
repetitions in the order in which they were made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from medq_node.pixels.instance import SourceInstance

LARGEST_TILT_DEGREES: Final = 30.0
"""Slices tilted further against the first are another stack; less is a gantry's or a disc's."""
_SAME_SPACING: Final = 1e-3
_MOST_PER_VALUE: Final = 2
"""An attribute parts a series only if it has at most so many values per time that a position is
repeated: one that differs from slice to slice says nothing."""


@dataclass(frozen=True, slots=True)
class Part:
    """Images that belong together; ``words`` tell them from the other parts of their series."""

    images: tuple[SourceInstance, ...]
    words: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The words as one line; empty where the series is one stack."""
        return ", ".join(self.words)


def parted(images: Sequence[SourceInstance]) -> list[Part]:
    """``images`` as stacks, in the order of their numbers; each in no special order within."""
    parts = [Part(tuple(sorted(images, key=_number)))]
    for kind in _KINDS:
        parts = [smaller for part in parts for smaller in kind(part)]
    parts = [smaller for part in parts for smaller in _each_position_once(part)]
    return _told_apart(parts)


def position_of(image: SourceInstance) -> tuple[float, float, float]:
    """Where an image lies, to a hundredth of a millimetre: equal positions must compare equal."""
    x, y, z = (round(value, 2) + 0.0 for value in image.position_mm)
    return x, y, z


def _number(image: SourceInstance) -> tuple[int, str, int]:
    return image.instance_number or 0, image.sop_instance_uid, image.frame or 0


def _by(
    key: Callable[[SourceInstance], Hashable], words: Callable[[SourceInstance], str]
) -> Callable[[Part], list[Part]]:
    """What parts images by ``key``, and says of a part the ``words`` of its first image."""

    def split(part: Part) -> list[Part]:
        found: dict[Hashable, list[SourceInstance]] = {}
        for image in part.images:
            found.setdefault(key(image), []).append(image)
        return _parts(part, list(found.values()), words)

    return split


def _alike(
    same: Callable[[SourceInstance, SourceInstance], bool], words: Callable[[SourceInstance], str]
) -> Callable[[Part], list[Part]]:
    """What parts images that aren't the ``same`` as the first one of a group."""

    def split(part: Part) -> list[Part]:
        found: list[list[SourceInstance]] = []
        for image in part.images:
            group = next((g for g in found if same(image, g[0])), None)
            if group is None:
                found.append([image])
            else:
                group.append(image)
        return _parts(part, found, words)

    return split


def _parts(
    part: Part, groups: list[list[SourceInstance]], words: Callable[[SourceInstance], str]
) -> list[Part]:
    if len(groups) == 1:
        return [part]
    return [Part(tuple(group), (*part.words, words(group[0]))) for group in groups]


def _same_spacing(one: SourceInstance, other: SourceInstance) -> bool:
    return bool(np.allclose(one.pixel_spacing_mm, other.pixel_spacing_mm, rtol=_SAME_SPACING))


def _same_plane(one: SourceInstance, other: SourceInstance) -> bool:
    return bool(np.dot(one.normal, other.normal) >= np.cos(np.deg2rad(LARGEST_TILT_DEGREES)))


def _plane(image: SourceInstance) -> str:
    """The anatomical plane that an image lies nearest to."""
    nearest = int(np.argmax(np.abs(image.normal)))
    return ("sagittal", "coronal", "axial")[nearest]


def _projection(image: SourceInstance) -> str:
    return image.sop_instance_uid if image.is_projection else ""


def _projected(image: SourceInstance) -> str:
    number = "" if image.instance_number is None else f" {image.instance_number}"
    return f"image{number}" + (f", {image.view}" if image.view else "")


_KINDS: Final = (
    _by(_projection, _projected),
    _by(lambda i: (i.sop_class_uid, i.modality, i.unit), lambda i: f"{i.modality} in {i.unit}"),
    _by(lambda i: i.never_restored, lambda i: "\\".join(i.kind) or "acquired images"),
    _by(lambda i: (i.rows, i.columns), lambda i: f"{i.columns} x {i.rows} pixels"),
    _alike(_same_spacing, lambda i: f"pixels of {i.pixel_spacing_mm[0]:.3g} mm"),
    _alike(_same_plane, _plane),
    _by(lambda i: i.frame_of_reference_uid, lambda _: "frame of reference"),
)
"""What no stack mixes, whether positions repeat or not."""


def _amount(name: str, value: float | None, unit: str) -> str:
    return f"{name} unknown" if value is None else f"{name} {value:g}{unit}"


_REPEATING: Final[
    tuple[tuple[Callable[[SourceInstance], Hashable], Callable[[SourceInstance], str]], ...]
] = (
    (lambda i: i.kind, lambda i: "\\".join(i.kind) or "no image type"),
    (lambda i: i.echo_time_ms or 0.0, lambda i: _amount("echo time", i.echo_time_ms, " ms")),
    (lambda i: i.b_value or 0.0, lambda i: _amount("b-value", i.b_value or 0.0, " s/mm2")),
    (lambda i: i.temporal_position or 0, lambda i: _amount("time", i.temporal_position, "")),
    (lambda i: i.trigger_ms or 0.0, lambda i: _amount("cardiac phase at", i.trigger_ms, " ms")),
    (lambda i: i.kernel, lambda i: f"kernel {i.kernel or 'unknown'}"),
    (lambda i: i.gradient, lambda i: f"direction {_vector(i.gradient)}"),
    (
        lambda i: i.acquisition_number or 0,
        lambda i: _amount("acquisition", i.acquisition_number, ""),
    ),
)
"""What tells apart images at one position, and how it is said."""


def _vector(values: Sequence[float]) -> str:
    return "/".join(f"{value:.2f}" for value in values) or "none"


def _each_position_once(part: Part) -> list[Part]:
    """``part`` by the first attribute that makes positions repeat less often, until none does."""
    repeated = _most_at_one_position(part.images)
    if repeated == 1 or not part.images[0].is_located:
        return [part]
    for key, words in _REPEATING:
        values = {key(image) for image in part.images}
        if not 1 < len(values) <= _MOST_PER_VALUE * repeated:
            continue
        parts = sorted(_by(key, words)(part), key=lambda p: key(p.images[0]))  # type: ignore[arg-type, return-value]
        if max(_most_at_one_position(p.images) for p in parts) < repeated:
            return [smaller for p in parts for smaller in _each_position_once(p)]
    return list(_repetitions(part, repeated))


def _most_at_one_position(images: Sequence[SourceInstance]) -> int:
    return max(Counter(position_of(image) for image in images).values())


def _repetitions(part: Part, repeated: int) -> Iterator[Part]:
    """The first image of each position, then the second, and so on."""
    found: list[list[SourceInstance]] = [[] for _ in range(repeated)]
    seen: Counter[tuple[float, float, float]] = Counter()
    for image in part.images:
        position = position_of(image)
        found[seen[position]].append(image)
        seen[position] += 1
    for k, group in enumerate(found, start=1):
        yield Part(tuple(group), (*part.words, f"repetition {k}"))


def _told_apart(parts: list[Part]) -> list[Part]:
    """Labels that two parts share get a number."""
    counted = Counter(part.label for part in parts)
    seen: Counter[str] = Counter()
    result = []
    for part in parts:
        seen[part.label] += 1
        number = (f"stack {seen[part.label]}",) if counted[part.label] > 1 else ()
        result.append(Part(part.images, (*part.words, *number)))
    return result
