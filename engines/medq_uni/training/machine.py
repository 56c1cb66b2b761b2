"""Where a training runs, and how exactly it counts: processor or GPU, float32 or bfloat16 in part.

Mixed precision keeps parameters, losses and sums in float32 and lets convolutions and products run
in bfloat16, whose range is float32's, so that no loss has to be scaled. The first convolution of
each part reads the image itself and stays in float32: bfloat16 can't tell 1,000 HU from 1,002.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor, nn

EXACT = ("stem.filters", "inlet")
"""Ends of the names of the layers that read the image itself."""


class Device(StrEnum):
    """What may be asked for."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Precision(StrEnum):
    """What may be asked for."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


@dataclass(frozen=True, slots=True)
class Machine:
    """A device, and whether products are in bfloat16 there."""

    device: torch.device
    bf16: bool = False

    def tensor(self, values: np.ndarray) -> Tensor:
        """An array as a tensor on the device."""
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def autocast(self) -> AbstractContextManager[None]:
        """The context that forward passes run in."""
        found: AbstractContextManager[None] = torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.bf16
        )
        return found

    def place(self, model: nn.Module) -> None:
        """Move a model here, its convolutions laid out as they are quickest."""
        model.to(device=self.device, memory_format=torch.channels_last)
        for name, layer in model.named_modules():
            if self.bf16 and name.endswith(EXACT):
                layer.forward = torch.autocast(self.device.type, enabled=False)(layer.forward)

    def __str__(self) -> str:
        name = "processor"
        if self.device.type == "cuda":
            name = torch.cuda.get_device_name(self.device)
        return f"{name}, {'bfloat16 where it does no harm' if self.bf16 else 'float32'}"


CPU = Machine(torch.device("cpu"))


def machine(device: Device, precision: Precision) -> Machine:
    """What was asked for, ``AUTO`` being the best that is there.

    Raises:
        ValueError: CUDA is asked for where there is none.
    """
    has_cuda = torch.cuda.is_available()
    if device is Device.CUDA and not has_cuda:
        raise ValueError("no CUDA device can be used: install a driver, or ask for --device cpu")
    on_cuda = has_cuda and device is not Device.CPU
    bf16 = precision is Precision.BF16 or (precision is Precision.AUTO and quick_bf16(on_cuda))
    return Machine(torch.device("cuda" if on_cuda else "cpu"), bf16)


def quick_bf16(on_cuda: bool) -> bool:
    """Whether the hardware multiplies in bfloat16 itself; elsewhere that is slower than float32."""
    if on_cuda:
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
