"""Who is held out: each patient is decided alone, by what their images hold and not by names.

Keys of patients change with the salt, and names of series may be numbers that shift when a folder
is added. So a patient is marked by the values of their images. Another patient, series or group
moves nobody else, and the same images under two keys stay together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from engines.base import FloatArray


def mark_of(slices: Iterable[FloatArray]) -> str:
    """The mark of a series: a digest of the first of its slices, in order, that isn't all alike.

    Of the last where all are. Slices are (rows, columns) in the source's unit; what lies below 0
    counts as 0, so that it doesn't matter whether padding was set to air before or after.
    """
    seen = np.empty((0, 0), np.float32)
    for values in slices:
        # 0 is added as -0 has other bytes.
        seen = np.ascontiguousarray(np.maximum(values, 0) + np.float32(0), "<f4")
        if seen.size and (seen != seen.flat[0]).any():
            break
    found = hashlib.blake2b(repr(seen.shape).encode(), digest_size=16)
    found.update(seen.tobytes())
    return found.hexdigest()


def lot_of(marks: Iterable[str], seed: int) -> float:
    """The lot of a patient with series of these marks, at least one: from 0 to less than 1.

    The least of the marks counts, so that another series moves a patient seldom, and never others.
    """
    drawn = hashlib.blake2b(f"{seed} {min(marks)}".encode(), digest_size=8).digest()
    return (int.from_bytes(drawn, "big") >> 11) / 2.0**53


def chosen(lots: Mapping[str, float], share: float) -> set[str]:
    """The patients of ``lots`` that are held out: about ``share`` of them, from 0 to 1.

    Where all or none would be, though the share is neither, the one with the highest lot stays or
    the one with the lowest is taken: patients of one lot go together.
    """
    found = {patient for patient, lot in lots.items() if lot < share}
    if not 0 < share < 1 or len(set(lots.values())) < 2:
        return found
    if not found:
        return {patient for patient, lot in lots.items() if lot == min(lots.values())}
    if len(found) == len(lots):
        return {patient for patient, lot in lots.items() if lot < max(lots.values())}
    return found
