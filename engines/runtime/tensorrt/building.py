"""Compile all graphs of a model: here, or once in a process of its own while others serve."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from engines.base import EngineError
from engines.runtime.base import Graph
from engines.runtime.order import Order
from engines.runtime.tensorrt.builder import WORKSPACE, build
from engines.runtime.tensorrt.device import Gpu, find_gpu
from engines.runtime.tensorrt.library import Library, find_library
from engines.runtime.tensorrt.store import Key, Store, key_of

LOCK, LOG = "building.lock", "building.log"


def build_all(
    order: Order, tell: Callable[[str], None] = lambda line: None, *, wait: bool = False
) -> int:
    """Compile what is not there yet, one graph after the other; how many were compiled.

    ``tell`` gets a line about each. With ``wait`` another process that builds is waited for. Takes
    minutes.

    Raises:
        EngineError: no TensorRT, no GPU, another process is at it, or a graph can't be compiled.
    """
    library = find_library()
    return build_for(order, library, find_gpu(order.device), tell, wait=wait)


def build_for(
    order: Order,
    library: Library,
    gpu: Gpu,
    tell: Callable[[str], None] = lambda line: None,
    *,
    wait: bool = False,
) -> int:
    """``build_all`` with a library and for a GPU that were found."""
    store, built = Store(order.compiled), 0
    with _alone(order.compiled, wait=wait):
        for graph in order.graphs:
            key = key_of(library, gpu, order.digest, graph)
            engine, note = store.read(key)
            if note:
                tell(note)
            if engine is None:
                size = _build(order, library, gpu, graph, key, store)
                tell(f"{graph.name}: compiled for {gpu.name}, {size / 2**20:.1f} MiB")
                built += 1
    return built


def start_building(order: Order) -> str:
    """Start a process of low priority that compiles what is missing; a line on what was done.

    One is started at a time, whoever asks; its lines go to ``LOG`` in the folder.

    Raises:
        EngineError: the folder can't be written or no process started.
    """
    try:
        with _alone(order.compiled), (order.compiled / LOG).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "engines.runtime.tensorrt", order.text()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
    except _BusyError:
        return "they are being built by another process"
    except OSError as error:
        raise EngineError(f"building in {order.compiled} can't start: {error.strerror}") from error
    Thread(target=process.wait, daemon=True).start()
    return "building them in the background; the next start finds them"


class _BusyError(EngineError):
    """Another process is building."""


@contextmanager
def _alone(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Nobody else builds in ``folder`` meanwhile; the lock goes when its process does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("ab")
    except OSError as error:
        raise EngineError(f"{folder} can't be written ({error.strerror})") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise _BusyError(f"another process is building engines in {folder}") from error
        yield


def _build(order: Order, library: Library, gpu: Gpu, graph: Graph, key: Key, store: Store) -> int:
    workspace = min(WORKSPACE, gpu.memory // 2)
    try:
        built = build(
            library,
            graph,
            order.folder / graph.name,
            timings=store.timings(key),
            workspace=workspace,
        )
    except EngineError as error:
        store.write_failure(key, str(error))
        raise
    store.write(key, built.engine)
    store.write_timings(key, built.timings)
    return len(built.engine)
