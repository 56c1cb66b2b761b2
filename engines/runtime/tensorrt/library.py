"""Which TensorRT there is."""

from __future__ import annotations

import importlib
from collections import deque
from dataclasses import dataclass
from typing import Any

from engines.base import EngineError

MODULES = ("tensorrt", "tensorrt_rtx")
"""TensorRT, and TensorRT for RTX, whose API is the same as far as it is used here."""
_FIRST = (10, 13)
"""Older ones lack strongly typed networks, or what ``session`` asks of contexts."""


@dataclass(frozen=True, slots=True)
class Library:
    """A TensorRT: its module, the module's name, its version, and what it last complained of."""

    trt: Any
    name: str
    version: str
    logger: Any
    said: deque[str]

    def complaint(self) -> str:
        """The first thing it complained of since it was last asked, in one short line."""
        told = self.said.popleft() if self.said else "it does not say why"
        self.said.clear()
        return " ".join(told.split())[:200]


def find_library() -> Library:
    """The TensorRT that is installed.

    Raises:
        EngineError: there is none, or it is too old or can't be loaded; with the fix, in one line.
    """
    why = "TensorRT is not installed (pip install '.[tensorrt]')"
    for name in MODULES:
        try:
            trt = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        except (ImportError, OSError, RuntimeError) as error:
            # What is installed from a closed network is a package without its libraries.
            why = f"{name} can't be loaded: {(str(error).splitlines() or ['no reason given'])[0]}"
            continue
        if name == "tensorrt" and _number(trt.__version__) < _FIRST:
            wanted = ".".join(map(str, _FIRST))
            why = f"TensorRT {trt.__version__} is too old: install {wanted} or later"
            continue
        said: deque[str] = deque(maxlen=20)
        return Library(trt, name, trt.__version__, _logger(trt, said), said)
    raise EngineError(why)


def _logger(trt: Any, said: deque[str]) -> Any:  # noqa: ANN401 - the library has no types
    """A logger that keeps complaints for whoever asks and prints nothing."""

    class Kept(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: object, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                said.append(message)

    return Kept()


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
