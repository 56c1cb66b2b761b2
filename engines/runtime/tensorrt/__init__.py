"""TensorRT: engines compiled from the ONNX graphs for one GPU, kept in a folder, built beforehand.

``library`` and ``device`` find what is there, ``builder`` compiles one graph, ``store`` keeps what
was compiled, ``building`` compiles all of a model here or in a process of its own, ``session`` runs
them. Nothing of NVIDIA's is imported before it is looked for.
"""
