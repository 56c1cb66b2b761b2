"""From an ONNX file to a compiled engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.base import EngineError
from engines.runtime.base import Graph, Range
from engines.runtime.tensorrt.library import Library
from engines.runtime.tensorrt.precision import halve_products

WORKSPACE = 8 * 2**30
"""Most bytes of a GPU's memory that trying out kernels may take."""

_SHRINKS = "RUNTIME_ACTIVATION_RESIZE_10_10"
"""Of TensorRT 10.10 and later, until it is the rule."""


@dataclass(frozen=True, slots=True)
class Built:
    """A compiled engine, and all timings of kernels known after it: what makes the next faster."""

    engine: bytes
    timings: bytes


def build(
    library: Library,
    graph: Graph,
    path: Path,
    *,
    timings: bytes = b"",
    workspace: int = WORKSPACE,
) -> Built:
    """Compile the ONNX file ``path``, whose weights may lie in another file beside it.

    ``timings`` are those of an earlier build for the same GPU and library. Takes seconds to
    minutes.

    Raises:
        EngineError: the file can't be read as that graph or can't be compiled, in one line.
    """
    trt = library.trt
    library.said.clear()
    builder = trt.Builder(library.logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, library.logger)
    # By its path: that is how the file beside it is found.
    if not parser.parse_from_file(str(path)):
        why = parser.get_error(0).desc() if parser.num_errors else library.complaint()
        raise EngineError(f"{path} is no graph that TensorRT can use: {_line(why)}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)
    # Memory for what is run, and not for the greatest shapes: ``session`` asks for it call by call.
    if shrinks := getattr(trt.PreviewFeature, _SHRINKS, None):
        config.set_preview_feature(shrinks, True)
    config.add_optimization_profile(_profile(builder, network, graph, path))
    halve_products(library, network)
    known = config.create_timing_cache(timings)
    if known is None or not config.set_timing_cache(known, False):
        # Of another GPU or version: it would only be wrong.
        known = config.create_timing_cache(b"")
        config.set_timing_cache(known, False)
    library.said.clear()
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise EngineError(f"TensorRT can't compile {path.name}: {library.complaint()}")
    return Built(bytes(engine), bytes(known.serialize()))


def profile_shapes(
    names: tuple[str | None, ...], lengths: tuple[int, ...], ranges: Mapping[str, Range]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Least, usual and greatest shape of an input by the names of its dimensions.

    ``lengths`` are its own, -1 where free.

    Raises:
        EngineError: a free dimension has no name, or one without a range.
    """
    found: list[Range] = []
    for k, (name, length) in enumerate(zip(names, lengths, strict=True)):
        if length >= 0:
            found.append((length, length, length))
        elif name is not None and name in ranges:
            found.append(ranges[name])
        else:
            raise EngineError(f"dimension {k} ({name or 'without a name'}) may have any length")
    least, usual, greatest = (tuple(one[k] for one in found) for k in range(3))
    return least, usual, greatest


def _profile(
    builder: Any,  # noqa: ANN401 - untyped library
    network: Any,  # noqa: ANN401
    graph: Graph,
    path: Path,
) -> Any:  # noqa: ANN401
    inputs = [network.get_input(k) for k in range(network.num_inputs)]
    if (found := tuple(one.name for one in inputs)) != graph.inputs:
        raise EngineError(
            f"{path} is another model's graph: it takes {', '.join(found)}, not"
            f" {', '.join(graph.inputs)}"
        )
    profile = builder.create_optimization_profile()
    for one in inputs:
        lengths = tuple(one.shape)
        names = tuple(one.get_dimension_name(k) for k in range(len(lengths)))
        try:
            profile.set_shape(one.name, *profile_shapes(names, lengths, graph.ranges))
        except EngineError as error:
            raise EngineError(f"{path}: {one.name}: {error}") from error
    return profile


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
