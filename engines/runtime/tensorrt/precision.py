"""Products in FP16, all else in FP32.

What tensor cores are for, convolutions and products of matrices, takes FP16 and gives FP16; sums in
them are kept in FP32 by the hardware. Logarithms of energies, norms, softmax with its hidden places
(-1e9, which FP16 can't hold) and the image itself stay FP32. A product that is an output of the
graph stays FP32 too. Written as casts into a strongly typed network, so that the library neither
widens nor narrows anything by itself; the flag for FP16 is gone in later versions.
"""

from __future__ import annotations

from typing import Any

from engines.runtime.tensorrt.library import Library

NAME = "fp16 products"
"""As told in digests."""


def halve_products(library: Library, network: Any) -> int:  # noqa: ANN401 - untyped library
    """Cast the products of a parsed ``network`` to FP16; how many there were."""
    trt = library.trt
    layers = [network.get_layer(k) for k in range(network.num_layers)]
    readers: dict[str, list[tuple[Any, int]]] = {}
    for layer in layers:
        for k in range(layer.num_inputs):
            if (tensor := layer.get_input(k)) is not None:
                readers.setdefault(tensor.name, []).append((layer, k))
    kinds = (
        trt.LayerType.CONVOLUTION, trt.LayerType.DECONVOLUTION, trt.LayerType.MATRIX_MULTIPLY,
    )  # fmt: skip
    found = 0
    for layer in layers:
        if layer.type not in kinds:
            continue
        product = layer.get_output(0)
        given = [layer.get_input(k) for k in range(layer.num_inputs)]
        if product.is_network_output or any(
            one is not None and one.dtype != trt.DataType.FLOAT for one in given
        ):
            continue
        for k, one in enumerate(given):
            if one is not None:
                layer.set_input(k, network.add_cast(one, trt.DataType.HALF).get_output(0))
        wide = network.add_cast(product, trt.DataType.FLOAT).get_output(0)
        for reader, k in readers.get(product.name, []):
            reader.set_input(k, wide)
        found += 1
    return found
