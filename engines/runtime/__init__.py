"""The same graphs on torch, ONNX Runtime (CPU, CUDA) and TensorRT; only here do they differ.

Knows no model and no image: graphs by name, arrays in, arrays out (``engines.runtime.base``).
"""
