"""Serve from compiled engines if all are there; if not, let them be built for the next start."""

from __future__ import annotations

from dataclasses import dataclass

from engines.runtime.order import Order
from engines.runtime.tensorrt.building import start_building
from engines.runtime.tensorrt.device import find_gpu
from engines.runtime.tensorrt.library import find_library
from engines.runtime.tensorrt.session import TensorRtRuntime
from engines.runtime.tensorrt.store import Store, key_of


@dataclass(frozen=True, slots=True)
class Found:
    """A runtime, or None where engines are still to be built; ``notes`` tell why, for a log."""

    runtime: TensorRtRuntime | None
    notes: tuple[str, ...] = ()


def compiled_runtime(order: Order) -> Found:
    """The compiled engines of ``order``; where some are missing, building them is started.

    Raises:
        EngineError: no TensorRT or no GPU, or an engine can't be read; in one line.
    """
    library, gpu = find_library(), find_gpu(order.device)
    store = Store(order.compiled)
    keys = {graph.name: key_of(library, gpu, order.digest, graph) for graph in order.graphs}
    compiled: dict[str, bytes] = {}
    notes: list[str] = []
    for name, key in keys.items():
        engine, note = store.read(key)
        notes += [note] if note else []
        if engine is not None:
            compiled[name] = engine
    missing = [name for name in keys if name not in compiled]
    if not missing:
        return Found(TensorRtRuntime(library, gpu, compiled), tuple(notes))
    failed = [why for name in missing if (why := store.failure(keys[name]))]
    if failed:
        done = f"the last try failed (medq-node engine build tries again): {failed[0]}"
    else:
        done = start_building(order)
    what = f"{len(missing)} of {len(keys)} TensorRT engines for {gpu.name} are not built yet"
    return Found(None, (*notes, f"{what}: {done}"))
