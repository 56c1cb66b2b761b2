"""ONNX files whose weights lie in a safetensors file beside them, stored once for all graphs."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper


def point_to_tensors(graph: onnx.ModelProto, tensors: Path) -> None:
    """Let the weights of ``graph`` lie in the safetensors file ``tensors``, as FP16 behind a cast.

    What is not a weight of the file (a table that is computed) stays in the graph.
    """
    stored, first = _stored(tensors)
    _shorten(graph.graph)
    casts = []
    for weight in graph.graph.initializer:
        name = weight.name.removeprefix("model.")
        if name not in stored or weight.data_type != TensorProto.FLOAT:
            continue
        start, end = stored[name]["data_offsets"]
        casts.append(helper.make_node("Cast", [name], [weight.name], to=TensorProto.FLOAT))
        weight.name, weight.data_type = name, TensorProto.FLOAT16
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        where = {"location": tensors.name, "offset": first + start, "length": end - start}
        for key, value in where.items():
            weight.external_data.add(key=key, value=str(value))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)


def _shorten(graph: onnx.GraphProto) -> None:
    """Number the nodes' outputs instead of telling the way to each through all modules."""
    ends = {one.name for one in graph.output}
    short: dict[str, str] = {}
    for node in graph.node:
        node.ClearField("doc_string")
        node.ClearField("name")
        node.input[:] = [short.get(name, name) for name in node.input]
        for name in node.output:
            short[name] = name if name in ends else f"v{len(short)}"
        node.output[:] = [short[name] for name in node.output]


def _stored(tensors: Path) -> tuple[dict[str, Any], int]:
    """The header of a safetensors file, and where its data begins."""
    with tensors.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length)), 8 + length
