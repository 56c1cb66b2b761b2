"""Where compiled engines lie: a file for each graph, whole or not there, and known for whose it is.

An engine runs only on the GPU, by the library and with the weights that it was compiled for; all of
that is in its key, and the key's hash in its name. What the head of a file says is checked against
the key and its content: what is damaged or somebody else's is removed, to be built again.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from engines.base import EngineError
from engines.runtime.base import Graph
from engines.runtime.tensorrt import precision
from engines.runtime.tensorrt.device import Gpu
from engines.runtime.tensorrt.library import Library

FORMAT = 1
"""Of the files and of how engines are built: a change makes all of them anew."""


@dataclass(frozen=True, slots=True)
class Key:
    """All that a compiled engine depends on; ``weights`` is a digest, ``profile`` the shapes."""

    gpu: str
    capability: str
    library: str
    weights: str
    graph: str
    precision: str
    profile: str
    format: int = FORMAT

    @property
    def text(self) -> str:
        """As it stands in the file."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def file_name(self) -> str:
        """Name of the engine's file."""
        return f"{Path(self.graph).stem}-{_digest(self.text.encode())[:20]}.engine"


def key_of(library: Library, gpu: Gpu, weights: str, graph: Graph) -> Key:
    """The key of ``graph`` on this machine, of a model with the digest ``weights``."""
    major, minor = gpu.capability
    return Key(
        gpu.name,
        f"{major}.{minor}",
        f"{library.name} {library.version}",
        weights,
        graph.name,
        precision.NAME,
        json.dumps(sorted(graph.ranges.items())),
    )


@dataclass(frozen=True, slots=True)
class Store:
    """The folder of compiled engines."""

    folder: Path

    def read(self, key: Key) -> tuple[bytes | None, str | None]:
        """The engine, or None; and a note where something was wrong with its file.

        Raises:
            EngineError: the file is there but can't be read or removed.
        """
        path = self.folder / key.file_name
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None, None
        except OSError as error:
            raise _failed(path, "read", error) from error
        head, _, engine = content.partition(b"\n")
        if head == _head(key, engine):
            return engine, None
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _failed(path, "removed", error) from error
        return None, f"{path} is damaged or not this machine's: removed, to be built again"

    def has(self, key: Key) -> bool:
        """Whether there is a file for the engine, whole or not."""
        return (self.folder / key.file_name).exists()

    def write(self, key: Key, engine: bytes) -> None:
        """Keep an engine.

        Raises:
            EngineError: it can't be written.
        """
        self._write(self.folder / key.file_name, _head(key, engine) + b"\n" + engine)
        self._failure(key).unlink(missing_ok=True)

    def timings(self, key: Key) -> bytes:
        """Timings of kernels from earlier builds for the same GPU and library; may be none."""
        try:
            return self._timings(key).read_bytes()
        except OSError:
            return b""  # they only make a build faster

    def write_timings(self, key: Key, timings: bytes) -> None:
        """Keep timings for later builds.

        Raises:
            EngineError: they can't be written.
        """
        self._write(self._timings(key), timings)

    def failure(self, key: Key) -> str | None:
        """Why the engine could not be built when it was last tried, if so."""
        try:
            return self._failure(key).read_text(encoding="utf-8").strip()
        except OSError:
            return None

    def write_failure(self, key: Key, why: str) -> None:
        """Keep why an engine could not be built, so that not every start tries it again.

        Raises:
            EngineError: it can't be written.
        """
        self._write(self._failure(key), why.encode())

    def _failure(self, key: Key) -> Path:
        return (self.folder / key.file_name).with_suffix(".failed")

    def _timings(self, key: Key) -> Path:
        machine = _digest(f"{key.gpu} {key.capability} {key.library}".encode())
        return self.folder / f"timings-{machine[:20]}.cache"

    def _write(self, path: Path, content: bytes) -> None:
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise _failed(path, "written", error) from error


def _head(key: Key, engine: bytes) -> bytes:
    return f"{_digest(engine)} {key.text}".encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _failed(path: Path, what: str, error: OSError) -> EngineError:
    return EngineError(f"{path} can't be {what} ({error.strerror})")
