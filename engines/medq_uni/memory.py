"""What was said of slices a moment ago: whoever assesses a series mostly restores it next.

A slice is known by all of its pixels and the facts about it, so that what is remembered is what
would be found again, bit by bit.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

import numpy as np

from engines.base import BoolArray, FloatArray, StackInfo
from engines.medq_uni.graphs import Kept
from engines.medq_uni.look import Look
from engines.medq_uni.series import SliceWords

MOST_BYTES = 96 * 2**20
"""Of what is remembered; 64 slices of 512 x 512 take 90 MiB."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of a slice, what was seen of it, and the ``look`` without its image."""

    words: SliceWords
    kept: Kept
    look: Look


class Memory:
    """The latest slices that were told of, as many as fit; may be asked by several threads."""

    def __init__(self) -> None:
        self._told: OrderedDict[bytes, Told] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    @staticmethod
    def key_of(values: FloatArray, valid: BoolArray, info: StackInfo) -> bytes:
        """What a slice (rows, columns) is known by: SHA-256."""
        about = (info.modality, info.region, info.unit, info.spacing_mm, values.shape)
        found = hashlib.sha256(repr(about).encode())
        found.update(np.ascontiguousarray(values).data)
        found.update(np.packbits(valid).data)
        return found.digest()

    def known(self, key: bytes) -> Told | None:
        """What was told of the slice with this key."""
        with self._lock:
            return self._told.get(key)

    def keep(self, key: bytes, told: Told) -> None:
        """Remember it, and forget the oldest where there is no room."""
        with self._lock:
            old = self._told.pop(key, None)
            if old is not None:
                self._bytes -= old.kept.nbytes
            self._told[key] = told
            self._bytes += told.kept.nbytes
            while self._bytes > MOST_BYTES and len(self._told) > 1:
                _, forgotten = self._told.popitem(last=False)
                self._bytes -= forgotten.kept.nbytes
