"""A CT, MR or PET series as stacks of slices in modality units, and the way back.

Headers are read once, pixel data only when a slab is asked for, so memory stays bounded however
long the series is. Implements ``engines.base.ImageStack``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from engines.base import BoolArray, FloatArray, Slab, StackInfo
from engines.region import region_from_words
from medq_node.errors import OutputError, Unprocessable, UnsuitedKind
from medq_node.pixels.decode import OpenFrames, decode_stored
from medq_node.pixels.header import read_header
from medq_node.pixels.images import read_images
from medq_node.pixels.instance import SourceInstance
from medq_node.pixels.stacks import parted

__all__ = [
    "OpenedSeries",
    "SeriesStack",
    "SourceInstance",
    "open_series",
    "open_stacks",
    "stack_of",
]

StoredArray = NDArray[np.integer]

_UNDECLARED_PADDING_BELOW_HU = -1500.0
"""Below what air can read: -1000 HU less noise; scanners that pad use -2000 or -3024."""
_WHOLE_IN_FLOAT32 = float(1 << 24)
"""Below it float32 holds every whole number, so that sums and products of such are exact."""
_KEPT_SLICES = 8
"""Decoded slices kept where nobody asks for more."""


class KeptSlices:
    """The slices decoded last, by index; safe to use from several threads."""

    def __init__(self) -> None:
        self._most = _KEPT_SLICES
        self._slices: dict[int, StoredArray] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._slices)

    def get(self, i: int) -> StoredArray | None:
        """Slice ``i`` if it is still kept."""
        return self._slices.get(i)

    def add(self, i: int, decoded: StoredArray) -> None:
        """Keep slice ``i``, and for it give up the one kept longest."""
        with self._lock:
            self._slices[i] = decoded
            self._forget()

    def hold(self, slices: int) -> None:
        """Keep at most ``slices`` from now on."""
        with self._lock:
            self._most = slices
            self._forget()

    def _forget(self) -> None:
        while len(self._slices) > self._most:
            del self._slices[next(iter(self._slices))]


@dataclass(frozen=True, slots=True)
class SeriesStack:
    """Slices of one series in order in space, in the direction of Instance Number.

    ``instances`` is sorted by position along the slice normal, or against it where Instance Number
    runs that way, then by Acquisition Number, Temporal Position Identifier, Echo Time, Instance
    Number. So slice numbers are those of a viewer. Slice indices are 0-based throughout.
    A series may hold several stacks: ``number`` counts them from 1, and ``label`` says what tells
    this one from the others, empty where it is the only one.
    """

    info: StackInfo
    instances: tuple[SourceInstance, ...]
    label: str = ""
    number: int = 1
    _kept: KeptSlices = field(default_factory=lambda: KeptSlices(), repr=False, compare=False)
    _frames: OpenFrames = field(default_factory=lambda: OpenFrames(), repr=False, compare=False)

    @property
    def never_restored(self) -> str:
        """Why only words can be had of these images; empty where nothing forbids a restoration."""
        return self.instances[0].never_restored

    def slab(self, start: int, stop: int) -> Slab:
        """Slices ``start`` to ``stop`` (half open) as float32 (slices, rows, columns).

        Raises:
            Unprocessable: pixel data of a slice is truncated or can't be decoded.
        """
        start, stop, _ = slice(start, stop).indices(len(self.instances))
        shape = (max(stop - start, 0), self.info.rows, self.info.columns)
        values = np.empty(shape, np.float32)
        valid = np.empty(shape, np.bool_)
        for k, i in enumerate(range(start, stop)):
            values[k] = self.values(i)
            valid[k] = ~self.padding(i)
        return Slab(values, valid, start)

    def values(self, i: int) -> FloatArray:
        """Slice ``i`` in ``info.unit``, float32 (rows, columns)."""
        instance = self.instances[i]
        slope, intercept = instance.rescale_slope, instance.rescale_intercept
        reach = max(map(abs, instance.stored_range)) * slope + abs(intercept)
        if slope.is_integer() and intercept.is_integer() and reach < _WHOLE_IN_FLOAT32:
            values = self.stored(i).astype(np.float32)
            if slope != 1:
                values *= np.float32(slope)
            values += np.float32(intercept)
            return values
        # In double precision, then rounded once: float32 steps would add up with PET slopes.
        scaled = self.stored(i) * np.float64(slope)
        scaled += intercept
        return scaled.astype(np.float32)

    def header(self, i: int) -> Dataset:
        """The header of slice ``i`` without pixel data, freshly read: the caller may change it."""
        return read_header(self.instances[i].path)[0]

    def stored(self, i: int) -> StoredArray:
        """Stored values of slice ``i`` as decoded, (rows, columns), read-only.

        Raises:
            Unprocessable: its pixel data is truncated or can't be decoded.
        """
        known = self._kept.get(i)
        if known is not None:
            return known
        decoded = decode_stored(self.instances[i], self._frames)
        decoded.setflags(write=False)
        self._kept.add(i, decoded)
        return decoded

    @contextmanager
    def keeping(self, slices: int) -> Iterator[None]:
        """Keep the ``slices`` last decoded slices while the block runs, where that is more."""
        self._kept.hold(max(slices, _KEPT_SLICES))
        try:
            yield
        finally:
            self._kept.hold(_KEPT_SLICES)

    def padding(self, i: int) -> BoolArray:
        """Where slice ``i`` is padding, (rows, columns).

        Declared padding (PS3.3 C.7.5.1.1.2), and in CT what is padding without being declared:
        where all four corners lie below -1500 HU, every pixel below that, as GE writes -2000
        outside its reconstruction circle. A bound, not one value: lossy coding smears the value.
        """
        stored, instance = self.stored(i), self.instances[i]
        mask = np.zeros(stored.shape, np.bool_)
        if instance.padding is not None:
            low, high = instance.padding
            mask = (stored >= low) & (stored <= high)
        if self.info.unit == "HU":
            bound = (
                _UNDECLARED_PADDING_BELOW_HU - instance.rescale_intercept
            ) / instance.rescale_slope
            if (stored[[0, 0, -1, -1], [0, -1, 0, -1]] < bound).all():
                mask |= stored < bound
        return mask

    def to_stored(self, i: int, values: FloatArray) -> StoredArray:
        """Values in ``info.unit`` as stored values of slice ``i``'s own format.

        Inverts the slice's slope and intercept, rounds half to even, clips to what Bits Stored and
        Pixel Representation hold, and puts the source's padding back bit-exactly. A tissue pixel
        that would round onto a declared padding value takes the nearest value beside it, or it
        would vanish from the image.

        Args:
            i: 0-based slice index.
            values: float (rows, columns) in ``info.unit``.

        Raises:
            OutputError: wrong shape, or values that aren't finite.
            Unprocessable: the source's pixel data can't be decoded.
        """
        instance = self.instances[i]
        if values.shape != (instance.rows, instance.columns):
            raise OutputError(f"values for image {instance.sop_instance_uid}: shape {values.shape}")
        wanted = values.astype(np.float64)
        wanted -= instance.rescale_intercept
        wanted /= instance.rescale_slope
        finite = np.isfinite(wanted)
        if not finite.all():
            bad = int(finite.size - finite.sum())
            raise OutputError(
                f"values for image {instance.sop_instance_uid}: {bad} pixels are not finite"
            )
        low, high = instance.stored_range
        result = np.rint(wanted)
        np.clip(result, low, high, out=result)
        if instance.padding is not None:
            _step_off_padding(result, wanted, instance.padding, (low, high))
        stored = result.astype(instance.dtype)
        padding = self.padding(i)
        stored[padding] = self.stored(i)[padding]
        return stored


@dataclass(frozen=True, slots=True)
class OpenedSeries:
    """All that can be had of one series.

    ``left_out`` are whole sentences on objects of a kind that is never assessed, such as localizers
    among slices; at least one stack is there all the same.
    """

    stacks: tuple[SeriesStack, ...]
    left_out: tuple[str, ...] = ()


def open_stacks(paths: Sequence[Path]) -> OpenedSeries:
    """The objects of one series as stacks of slices.

    Args:
        paths: the files of one series, in any order.

    Raises:
        Unprocessable: no images, more than one series, the same image twice, or an image that is
            damaged or can't be used; also where nothing is left of what is of no suitable kind.
    """
    if not paths:
        raise Unprocessable("the series has no images")
    images: list[SourceInstance] = []
    unsuited: list[UnsuitedKind] = []
    for path in sorted(paths):
        try:
            images += read_images(path)
        except UnsuitedKind as kind:
            unsuited.append(kind)
    if not images:
        raise unsuited[0]
    _refuse_mixtures(images)
    parts = parted(images)
    numbered = enumerate(parts, start=1)
    left_out: tuple[str, ...] = ()
    if unsuited:
        left_out = (f"Left out: {len(unsuited)} of {len(paths)} objects; {unsuited[0]}.",)
    return OpenedSeries(
        tuple(stack_of(_in_order(part.images), part.label, k) for k, part in numbered), left_out
    )


def open_series(paths: Sequence[Path]) -> SeriesStack:
    """The images of a series that is one stack.

    Raises:
        Unprocessable: it holds several, or as ``open_stacks``.
    """
    stacks = open_stacks(paths).stacks
    if len(stacks) > 1:
        labels = "; ".join(stack.label for stack in stacks[:3])
        raise Unprocessable(f"the series holds {len(stacks)} stacks where one is wanted: {labels}")
    return stacks[0]


def stack_of(images: Sequence[SourceInstance], label: str = "", number: int = 1) -> SeriesStack:
    """``images``, at least one, as a stack in the order in which they are given."""
    return SeriesStack(_stack_info(images), tuple(images), label, number)


def _in_order(images: Sequence[SourceInstance]) -> list[SourceInstance]:
    """Along the normal of the first, or against it where Instance Number runs that way."""
    normal = images[0].normal
    direction = _direction(images, normal)
    return sorted(images, key=lambda image: _order(image, normal, direction))


def _step_off_padding(
    result: NDArray[np.float64],
    wanted: NDArray[np.float64],
    padding: tuple[int, int],
    stored_range: tuple[int, int],
) -> None:
    """Move results that landed on padding to the nearest stored value beside it, in place."""
    below, above = padding[0] - 1, padding[1] + 1
    landed = (result >= padding[0]) & (result <= padding[1])
    if not landed.any():
        return
    can_below, can_above = below >= stored_range[0], above <= stored_range[1]
    if can_below and can_above:
        nearer = np.where(wanted[landed] - below < above - wanted[landed], below, above)
        result[landed] = nearer
    elif can_below or can_above:
        result[landed] = below if can_below else above


def _refuse_mixtures(images: Sequence[SourceInstance]) -> None:
    first = images[0]
    seen: set[tuple[str, int | None]] = set()
    for image in images:
        uid = image.sop_instance_uid
        if (uid, image.frame) in seen:
            raise Unprocessable(f"image {uid} is in the series twice")
        seen.add((uid, image.frame))
        if image.series_instance_uid != first.series_instance_uid:
            raise Unprocessable(f"image {uid} belongs to another series than the first image")


def _along(instance: SourceInstance, normal: tuple[float, float, float]) -> float:
    """Position along ``normal`` in mm, to a micrometre: equal positions must compare equal."""
    return round(float(np.dot(instance.position_mm, normal)), 3)


def _direction(instances: Sequence[SourceInstance], normal: tuple[float, float, float]) -> int:
    """-1 where Instance Number runs against ``normal``, else 1, as where numbers say nothing.

    Told by the steps from one number to the next, of which more than two in three must go back: a
    series of several volumes jumps forth between them. Missing and double numbers say nothing.
    """
    numbered = {i.instance_number: i for i in instances if i.instance_number is not None}
    if len(numbered) < len(instances):
        return 1
    positions = [_along(numbered[number], normal) for number in sorted(numbered)]
    back = sum(b < a for a, b in pairwise(positions))
    forth = sum(b > a for a, b in pairwise(positions))
    return -1 if back > 2 * forth else 1


def _order(
    instance: SourceInstance, normal: tuple[float, float, float], direction: int
) -> tuple[float, int, int, float, int, str, int]:
    return (
        direction * _along(instance, normal),
        instance.acquisition_number or 0,
        instance.temporal_position or 0,
        instance.echo_time_ms or 0.0,
        instance.instance_number or 0,
        instance.sop_instance_uid,
        instance.frame or 0,
    )


def _stack_info(instances: Sequence[SourceInstance]) -> StackInfo:
    first = instances[0]
    bounds = [
        (bound * i.rescale_slope + i.rescale_intercept)
        for i in instances
        for bound in i.stored_range
    ]
    return StackInfo(
        modality=first.modality,
        region=region_from_words(first.body_part, first.description),
        unit=first.unit,
        slices=len(instances),
        rows=first.rows,
        columns=first.columns,
        spacing_mm=(_slice_spacing_mm(instances), *first.pixel_spacing_mm),
        saturation=(min(bounds), max(bounds)),
    )


def _slice_spacing_mm(instances: Sequence[SourceInstance]) -> float:
    """Distance between neighbouring slices; 0.0 where there is one position or it varies."""
    tilted = any(np.dot(i.normal, instances[0].normal) < 0.9999 for i in instances)
    positions = sorted({_along(i, instances[0].normal) for i in instances})
    steps = np.array([b - a for a, b in pairwise(positions)])
    if tilted or not steps.size:
        return 0.0
    median = float(np.median(steps))
    return median if np.abs(steps - median).max() <= max(0.02 * median, 0.05) else 0.0
