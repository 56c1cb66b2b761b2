"""``python -m engines.medq_uni.export``: from a training's checkpoints to what is served.

Writes ``model.safetensors`` (FP16) with ``config.json``, for transformers; ONNX graphs, for
runtimes without torch, whose weights lie in ``model.safetensors`` too, each behind a cast to FP32
that a runtime does once when it loads; and ``engine.json``, see ``engines.medq_uni.weights_file``.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import onnx
import torch
import typer
from torch import Tensor, nn

from engines.description import Degradation, Modality, Severity
from engines.medq_uni import look, tokens, weights_file
from engines.medq_uni.command import told_in_a_line
from engines.medq_uni.graph_files import point_to_tensors
from engines.medq_uni.levels import EXPERTS, GATES
from engines.medq_uni.model import HUMPS, MedQUni, MedQUniConfig, Seen
from engines.medq_uni.nets.mender import TOLD
from engines.medq_uni.training.calibration import calibrated
from engines.medq_uni.training.checkpoint import load, put
from engines.medq_uni.training.folder import bank_of, has_bank, sizes_of
from engines.medq_uni.weights_file import Calibration

OPSET = 18
STAGES = ("assess", "restore")
TINY: dict[str, Any] = {
    "width": 8, "heads": 2, "layers": 1, "inner": 8, "stem": (4, 4, 4, 4),
    "condition": 4, "mender": (4, 4), "mender_inner": 4,
}  # fmt: skip
"""Sizes of a random model for tests."""


def main(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the weights.")],
    training: Annotated[Path | None, typer.Argument(help="Folder of the training.")] = None,
    version: Annotated[str, typer.Option(help="The weights' version.")] = "0",
    assess_only: Annotated[bool, typer.Option(help="Though restoring is untrained.")] = False,
    random: Annotated[bool, typer.Option(help="A tiny untrained model, for tests.")] = False,
) -> None:
    """Write the weights of a training as safetensors and ONNX."""
    with told_in_a_line("export"):
        if random == (training is not None):
            raise ValueError("name the folder of a training, or ask for --random")
        if training is None:
            model, trained, worth = random_model(), dict.fromkeys(STAGES, 0), None
        else:
            model, trained = trained_model(training, STAGES[:1] if assess_only else STAGES)
            worth = calibrated(model, bank_of(training)) if has_bank(training) else None
        export(model, out, version, trained, calibration=worth)
        size = sum((out / name).stat().st_size for name in weights_file.SERVED)
        typer.echo(f"{out}: {size / 2**20:.2f} MiB, trained {trained}")


def trained_model(
    training: Path, stages: Sequence[str] = STAGES, config: MedQUniConfig | None = None
) -> tuple[MedQUni, dict[str, int]]:
    """The model with the running means of a training's checkpoints, and the steps of each stage.

    Its sizes are those of ``config``, or those that the training was begun with.

    Raises:
        ValueError: a checkpoint is missing, none, or of a model of other sizes.
    """
    model = MedQUni(config or MedQUniConfig(**sizes_of(training)))
    shapes = {name: p.shape for name, p in model.named_parameters()}
    trained = dict.fromkeys(STAGES, 0)
    for stage in stages:
        path = training / f"{stage}.pt"
        if not path.exists():
            raise ValueError(f"no {path.name} in {training}: train that stage first")
        state = load(path)
        for name, value in state["mean"].items():
            if shapes.get(name) != value.shape:
                raise ValueError(f"{path} is of a model of other sizes: {name} differs")
        put(model, state["mean"])
        trained[stage] = state["step"]
    return model, trained


def random_model(seed: int = 0, config: MedQUniConfig | None = None) -> MedQUni:
    """An untrained model that, unlike a fresh one, says and changes something."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = MedQUni(config or MedQUniConfig(**TINY))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if ".film." in name or ".outlet." in name:
                    parameter.normal_(std=0.2)
    return model


def export(
    model: MedQUni,
    out: Path,
    version: str,
    trained: Mapping[str, int],
    gates: Mapping[Severity, float] = GATES,
    calibration: Mapping[Modality, Calibration] | None = None,
) -> None:
    """Write all files of ``model`` to the folder ``out``; ``engine.json`` comes last.

    Raises:
        OSError: something can't be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    half = copy.deepcopy(model).half()
    half.save_pretrained(out)
    (out / "generation_config.json").unlink(missing_ok=True)  # it repeats config.json
    for path in (out / weights_file.TENSORS, out / weights_file.CONFIG):
        path.chmod(0o644)
    # What is served is what is stored: the graphs are of the rounded weights.
    served = half.float().eval()
    for name, module, arguments, inputs, outputs in _graphs(served):
        _export_graph(out / name, module, arguments, inputs, outputs)
    calibration = calibration or {modality: Calibration() for modality in Modality}
    weights_file.write_table(out, version, gates, calibration, trained)


class _Look(nn.Module):
    def __init__(self, model: MedQUni) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, image: Tensor, places: Tensor, spectrum: Tensor, facts: Tensor
    ) -> tuple[Tensor, Tensor]:
        seen = self.model.see(image, places, spectrum, facts)
        keys, values = zip(*seen.blocks, strict=True)
        return torch.stack(keys), torch.stack(values)


class _Humps(nn.Module):
    """``MedQUni.humps`` computed from two short scales, so that no graph need hold the table."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("at", torch.linspace(0, 1, tokens.NUMBERS)[:, None])
        self.register_buffer("middle", torch.linspace(0, 1, HUMPS))

    def forward(self) -> Tensor:
        return torch.exp(-0.5 * ((self.at - self.middle) * (HUMPS - 1) / 0.9) ** 2)


class _Say(nn.Module):
    def __init__(self, model: MedQUni) -> None:
        super().__init__()
        self.model, self.humps = model, _Humps()

    def forward(self, said: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        self.model.humps = self.humps()
        return self.model.say(said, _seen(keys, values))[0]


class _Steer(nn.Module):
    def __init__(self, model: MedQUni) -> None:
        super().__init__()
        self.model, self.humps = model, _Humps()

    def forward(self, said: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        self.model.humps = self.humps()
        seen = _seen(keys, values)
        return self.model.steer(seen, self.model.say(said, seen)[1])


class _Mend(nn.Module):
    def __init__(self, model: MedQUni, kind: Degradation) -> None:
        super().__init__()
        self.model, self.kind = model, kind

    def forward(self, image: Tensor, level: Tensor, told: Tensor, steered: Tensor) -> Tensor:
        return self.model.mend(self.kind, image, level, told, steered)


def _seen(keys: Tensor, values: Tensor) -> Seen:
    return Seen(tuple(zip(keys.unbind(0), values.unbind(0), strict=True)))


Sizes = dict[str, dict[int, str]]
"""Names of an input's or output's dimensions that may have any size."""
_KEPT = {1: "batch", 3: "seen"}
_IMAGE = {0: "batch", 2: "rows", 3: "columns"}


def _graphs(
    model: MedQUni,
) -> list[tuple[str, nn.Module, tuple[Tensor, ...], Sizes, Sizes]]:
    """File name, module, arguments to trace it with, and the free sizes of all graphs."""
    rows, columns, batch = 2 * look.PATCH, 3 * look.PATCH, 2
    image = torch.zeros(batch, 1, rows, columns)
    places = torch.from_numpy(look.places_of(rows, columns)).repeat(batch, 1, 1)
    spectrum, facts = torch.zeros(batch, look.SPECTRUM), torch.zeros(batch, look.FACTS)
    with torch.no_grad():
        keys, values = _Look(model)(image, places, spectrum, facts)
    said = torch.full((batch, 4), tokens.START, dtype=torch.long)
    steered = torch.zeros(batch, model.config.condition)
    kept: Sizes = {"keys": _KEPT, "values": _KEPT}
    spoken: Sizes = {"tokens": {0: "batch", 1: "said"}, **kept}
    looked: Sizes = {
        "image": _IMAGE,
        "places": {0: "batch", 1: "patches"},
        "spectrum": {0: "batch"},
        "facts": {0: "batch"},
    }
    mended: Sizes = {
        "image": _IMAGE, "level": {0: "batch"}, "told": {0: "batch"}, "steered": {0: "batch"},
    }  # fmt: skip
    told = (image, torch.ones(batch), torch.zeros(batch, TOLD), steered)
    found: list[tuple[str, nn.Module, tuple[Tensor, ...], Sizes, Sizes]] = [
        (weights_file.LOOK, _Look(model), (image, places, spectrum, facts), looked, kept),
        (weights_file.SAY, _Say(model), (said, keys, values), spoken,
         {"logits": {0: "batch", 1: "said"}}),
        (weights_file.STEER, _Steer(model), (said, keys, values), spoken,
         {"steered": {0: "batch"}}),
    ]  # fmt: skip
    found += [
        (weights_file.mender_file(kind), _Mend(model, kind), told, mended, {"change": _IMAGE})
        for kind in EXPERTS
    ]
    return found


def _export_graph(
    path: Path, module: nn.Module, arguments: tuple[Tensor, ...], inputs: Sizes, outputs: Sizes
) -> None:
    """Trace ``module`` and write its graph, weights taken from the safetensors beside it."""
    with warnings.catch_warnings():
        # The exporter by tracing keeps every weight under its name and as it is stored; the newer
        # one folds and transposes them, so that they could not be stored once for all graphs.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            arguments,
            path,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={**inputs, **outputs},
            opset_version=OPSET,
            dynamo=False,
            do_constant_folding=False,
        )
    graph = onnx.load(path)
    point_to_tensors(graph, path.parent / weights_file.TENSORS)
    path.write_bytes(graph.SerializeToString())
    onnx.checker.check_model(path)


if __name__ == "__main__":
    typer.run(main)
