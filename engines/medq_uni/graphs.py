"""The model's graphs on a runtime: arrays in, arrays out, no torch.

``Graphs`` is the seam: another runtime offers the same four calls. ``OnnxGraphs`` is ONNX Runtime
on the CPU in FP32, the reference.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as told

from engines.base import EngineError, FloatArray
from engines.description import Degradation
from engines.medq_uni.look import places_of
from engines.medq_uni.weights_file import LOOK, SAY, STEER, Weights, mender_file

THREADS_VARIABLE = "MEDQ_UNI_THREADS"
"""Environment variable with the number of threads; by default one, two or four, as there are
cores: more hardly help with one slice, and another number may round otherwise."""
_SIGNATURES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    LOOK: (("image", "places", "spectrum", "facts"), ("keys", "values")),
    SAY: (("tokens", "keys", "values"), ("logits",)),
    STEER: (("tokens", "keys", "values"), ("steered",)),
}
_MENDER = (("image", "level", "told", "steered"), ("change",))
_FOREIGN = (
    told.Fail, told.InvalidArgument, told.InvalidGraph, told.InvalidProtobuf, told.NoModel,
    told.NoSuchFile, told.NotImplemented, told.RuntimeException,
)  # fmt: skip
"""What ONNX Runtime raises for a file that it can't use."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Keys and values of all that was looked at: (layers, batch, heads, tokens, head width)."""

    keys: FloatArray
    values: FloatArray


class Graphs(Protocol):
    """A model on some runtime; all arrays are as ``engines.medq_uni.model`` takes them."""

    @property
    def runtime(self) -> str:
        """Runtime, version and precision, for the engine's digest."""
        ...

    def look(self, images: FloatArray, spectrum: FloatArray, facts: FloatArray) -> Seen:
        """Look at images (batch, 1, rows, columns), multiples of 32, with their statistics."""
        ...

    def say(self, said: NDArray[np.int64], seen: Seen) -> FloatArray:
        """Logits of the next token after each of ``said``: (batch, tokens, vocabulary)."""
        ...

    def steer(self, said: NDArray[np.int64], seen: Seen) -> FloatArray:
        """``c_k`` of every expert: (batch, experts, condition)."""
        ...

    def mend(
        self,
        kind: Degradation,
        image: FloatArray,
        level: FloatArray,
        told: FloatArray,
        steered: FloatArray,
    ) -> FloatArray:
        """The change of one expert for ``image`` (batch, 1, rows, columns), multiples of 32."""
        ...


class OnnxGraphs:
    """``Graphs`` on ONNX Runtime; sessions are opened when first needed and may be shared.

    Raises:
        EngineError: looking and saying can't be opened; for an expert, when it is asked for.
    """

    def __init__(
        self,
        weights: Weights,
        threads: int | None = None,
        providers: tuple[str, ...] = ("CPUExecutionProvider",),
    ) -> None:
        self._folder = weights.folder
        self._providers = providers
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads or _threads()
        self._options.inter_op_num_threads = 1
        self._options.log_severity_level = 4
        # Sizes change from series to series: a pattern of one would be kept for nothing.
        self._options.enable_mem_pattern = False
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}
        self._lock = Lock()
        for name in (LOOK, SAY):
            self._session(name)

    @property
    def runtime(self) -> str:
        """Runtime, version, precision and threads, which decide in what order is added up."""
        threads = self._options.intra_op_num_threads
        where = " ".join(self._providers)
        return f"onnxruntime {onnxruntime.__version__} {where} fp32 threads {threads}"

    def look(self, images: FloatArray, spectrum: FloatArray, facts: FloatArray) -> Seen:
        """See ``Graphs``."""
        count, _, rows, columns = images.shape
        places = np.tile(places_of(rows, columns), (count, 1, 1))
        keys, values = self._run(LOOK, (images, places, spectrum, facts))
        return Seen(keys, values)

    def say(self, said: NDArray[np.int64], seen: Seen) -> FloatArray:
        """See ``Graphs``."""
        return self._run(SAY, (said, seen.keys, seen.values))[0]

    def steer(self, said: NDArray[np.int64], seen: Seen) -> FloatArray:
        """See ``Graphs``."""
        return self._run(STEER, (said, seen.keys, seen.values))[0]

    def mend(
        self,
        kind: Degradation,
        image: FloatArray,
        level: FloatArray,
        told: FloatArray,
        steered: FloatArray,
    ) -> FloatArray:
        """See ``Graphs``."""
        return self._run(mender_file(kind), (image, level, told, steered))[0]

    def _run(self, name: str, arrays: tuple[NDArray[Any], ...]) -> list[FloatArray]:
        inputs, outputs = _SIGNATURES.get(name, _MENDER)
        given = {k: np.ascontiguousarray(v) for k, v in zip(inputs, arrays, strict=True)}
        try:
            found: list[FloatArray] = self._session(name).run(list(outputs), given)
        except _FOREIGN as error:
            raise EngineError(f"medq-uni: {name} failed: {_first_line(error)}") from error
        return found

    def _session(self, name: str) -> onnxruntime.InferenceSession:
        with self._lock:
            if name not in self._sessions:
                self._sessions[name] = _opened(self._folder / name, self._options, self._providers)
            return self._sessions[name]


def _opened(
    path: Path, options: onnxruntime.SessionOptions, providers: tuple[str, ...]
) -> onnxruntime.InferenceSession:
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=list(providers))
    except _FOREIGN as error:
        raise EngineError(
            f"weights of medq-uni: {path} is no graph that ONNX Runtime can use:"
            f" {_first_line(error)}"
        ) from error
    found = (
        tuple(one.name for one in session.get_inputs()),
        tuple(one.name for one in session.get_outputs()),
    )
    wanted = _SIGNATURES.get(path.name, _MENDER)
    if found != wanted:
        raise EngineError(
            f"weights of medq-uni: {path} is another model's graph: it takes"
            f" {', '.join(found[0])}, not {', '.join(wanted[0])}"
        )
    return session


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _threads() -> int:
    """Threads asked for in the environment, or as many as the cores of this process are good for.

    Raises:
        EngineError: the environment asks for no whole number above 0.
    """
    named = os.environ.get(THREADS_VARIABLE)
    if named is None:
        cores = len(os.sched_getaffinity(0))
        return next(count for count in (4, 2, 1) if count <= cores)
    if not named.isdecimal() or int(named) < 1:
        raise EngineError(f"{THREADS_VARIABLE} must be a whole number from 1 on, not {named!r}")
    return int(named)
