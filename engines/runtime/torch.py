"""PyTorch: for whoever has it and no other runtime, and to compare the others with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray

from engines.base import EngineError, FloatArray
from engines.runtime.base import Graph, contiguous
from engines.runtime.onnx import GPU_BATCH, first_line

Modules = Mapping[str, Callable[..., Any]]
"""What each graph computes: its name -> tensors in, a tensor or several out."""


class TorchRuntime:
    """``engines.runtime.base.Runtime`` by PyTorch, in FP32; ``device`` None is the CPU.

    Raises:
        EngineError: there is no such GPU.
    """

    def __init__(self, modules: Modules, device: int | None = None) -> None:
        self._modules = modules
        self._device = torch.device("cpu" if device is None else f"cuda:{device}")
        self.batch, self.workers = (1 if device is None else GPU_BATCH), 1
        if device is not None and device >= torch.cuda.device_count():
            raise EngineError(f"torch finds no GPU {device}: set engine.runtime to cpu")
        for module in modules.values():
            if isinstance(module, torch.nn.Module):
                module.to(self._device).eval()

    @property
    def about(self) -> str:
        """Library, version, device and precision."""
        return f"torch {torch.__version__} {self._device.type} fp32"

    def run(self, graph: Graph, arrays: Sequence[NDArray[Any]]) -> list[FloatArray]:
        """See ``engines.runtime.base.Runtime``."""
        given = contiguous(graph, arrays).values()
        try:
            with torch.inference_mode():
                found = self._modules[graph.name](
                    *(torch.from_numpy(array).to(self._device) for array in given)
                )
                several = found if isinstance(found, (tuple, list)) else [found]
                return [one.float().cpu().numpy() for one in several]
        except RuntimeError as error:  # torch's own, of memory and of devices too
            raise EngineError(f"{graph.name} failed in torch: {first_line(error)}") from error
