"""Compiling with the real library, where there is one; TensorRT for RTX needs no GPU for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engines.base import EngineError
from engines.medq_uni import weights_file
from engines.medq_uni.graphs import GRAPHS, LOOK, SAY
from engines.runtime.base import Graph
from engines.runtime.order import Order
from engines.runtime.tensorrt import precision
from engines.runtime.tensorrt.builder import build
from engines.runtime.tensorrt.building import build_for
from engines.runtime.tensorrt.device import Gpu
from engines.runtime.tensorrt.library import Library, find_library
from engines.runtime.tensorrt.store import Store, key_of
from tests.engines.medq_uni.made import TINY
from tests.engines.runtime.test_onnx import said_by

trt = pytest.importorskip("tensorrt_rtx", reason="needs tensorrt-rtx-cu13")
GPU = Gpu(0, "no GPU", (0, 0), 2**34)


@pytest.fixture(scope="module")
def library() -> Library:
    return find_library()


def parsed(library: Library, path: Path):
    builder = library.trt.Builder(library.logger)
    network = builder.create_network(
        1 << int(library.trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    )
    parser = library.trt.OnnxParser(network, library.logger)
    assert parser.parse_from_file(str(path))
    return builder, network, parser


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.name)
def test_every_graph_of_the_shipped_weights_compiles(library: Library, graph: Graph) -> None:
    path = weights_file.default_folder() / graph.name
    found = build(library, graph, path)
    # Weights are in it: more than the graph's file, of which they are no part.
    assert len(found.engine) > 10 * path.stat().st_size


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.name)
def test_no_shape_hangs_on_a_value(library: Library, graph: Graph) -> None:
    # What a shape hangs on would have to lie in the host's memory (session.py puts all on the GPU).
    _builder, network, _parser = parsed(library, TINY / graph.name)
    inputs = [network.get_input(k) for k in range(network.num_inputs)]
    assert not [one.name for one in inputs if one.is_shape_tensor]


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.name)
def test_products_are_halved_and_nothing_else(library: Library, graph: Graph) -> None:
    half, wide = library.trt.DataType.HALF, library.trt.DataType.FLOAT
    kinds = (library.trt.LayerType.CONVOLUTION, library.trt.LayerType.MATRIX_MULTIPLY)
    _builder, network, _parser = parsed(library, TINY / graph.name)
    count = precision.halve_products(library, network)
    layers = [network.get_layer(k) for k in range(network.num_layers)]
    products = [one for one in layers if one.type in kinds]
    halved = [one for one in products if one.get_output(0).dtype == half]
    assert count == len(halved) > 0
    assert all(one.get_output(0).is_network_output for one in products if one not in halved)
    casts = (library.trt.LayerType.CAST, library.trt.LayerType.CONSTANT, *kinds)
    others = [one for one in layers if one.type not in casts]
    assert not [one for one in others if one.get_output(0).dtype == half]
    outputs = [network.get_output(k) for k in range(network.num_outputs)]
    assert {one.name for one in outputs} == set(graph.outputs)
    assert {one.dtype for one in outputs} == {wide}


def test_a_file_that_is_no_graph_is_one_line(library: Library, tmp_path: Path) -> None:
    (tmp_path / LOOK.name).write_bytes(b"not a graph")
    with pytest.raises(EngineError) as error:
        build(library, LOOK, tmp_path / LOOK.name)
    assert "is no graph that TensorRT can use" in said_by(error)


def test_weights_that_are_not_beside_the_graph_are_one_line(
    library: Library, tmp_path: Path
) -> None:
    (tmp_path / LOOK.name).write_bytes((TINY / LOOK.name).read_bytes())
    with pytest.raises(EngineError) as error:
        build(library, LOOK, tmp_path / LOOK.name)
    assert str(tmp_path / LOOK.name) in said_by(error)


def test_another_models_graph_is_told_by_its_inputs(library: Library) -> None:
    with pytest.raises(EngineError) as error:
        build(library, LOOK, TINY / SAY.name)
    assert "another model's graph" in said_by(error)


def test_a_dimension_that_nobody_gave_a_range_is_named(library: Library) -> None:
    few = replace(LOOK, ranges={name: LOOK.ranges[name] for name in ("batch", "rows")})
    with pytest.raises(EngineError) as error:
        build(library, few, TINY / LOOK.name)
    assert "image: dimension 3 (columns) may have any length" in said_by(error)


def test_timings_of_another_machine_are_left_aside(library: Library) -> None:
    assert build(library, LOOK, TINY / LOOK.name, timings=b"of another machine").engine


def test_all_graphs_are_built_once_and_again_only_where_one_is_damaged(
    library: Library, tmp_path: Path
) -> None:
    order, lines = Order(TINY, "digest", GRAPHS, tmp_path), []
    assert build_for(order, library, GPU, lines.append) == len(GRAPHS) == len(lines)
    assert build_for(order, library, GPU) == 0
    key = key_of(library, GPU, "digest", SAY)
    (tmp_path / key.file_name).write_bytes(b"damaged")
    assert build_for(order, library, GPU, lines.append) == 1
    assert "damaged" in lines[-2] and lines[-1].startswith("say.onnx: compiled")
    assert Store(tmp_path).read(key)[0]


def test_why_a_graph_could_not_be_built_is_kept_until_it_can(
    library: Library, tmp_path: Path
) -> None:
    key, store = key_of(library, GPU, "digest", LOOK), Store(tmp_path)
    with pytest.raises(EngineError) as error:
        build_for(Order(tmp_path / "nowhere", "digest", (LOOK,), tmp_path), library, GPU)
    assert store.failure(key) == said_by(error)
    build_for(Order(TINY, "digest", (LOOK,), tmp_path), library, GPU)
    assert store.failure(key) is None
