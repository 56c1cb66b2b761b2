"""``python -m engines.medq_uni.export``: from a training's checkpoints to what is served.

Writes ``model.safetensors`` (FP16) with ``config.json``, for transformers; ONNX graphs, for
runtimes without torch, whose weights lie in ``model.safetensors`` too, each behind a cast to FP32
that a runtime does once when it loads; and ``engine.json``, see ``engines.medq_uni.weights_file``.
"""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import onnx
import torch
import typer
from torch import Tensor, nn

from engines.description import Modality, Severity
from engines.medq_uni import look, tokens, weights_file
from engines.medq_uni.command import told_in_a_line
from engines.medq_uni.graph_files import point_to_tensors
from engines.medq_uni.graphs import GRAPHS, LOOK, SAY, STEER
from engines.medq_uni.levels import GATES
from engines.medq_uni.model import MedQUni, MedQUniConfig
from engines.medq_uni.modules import modules_of
from engines.medq_uni.nets.mender import TOLD
from engines.medq_uni.training.calibration import calibrated
from engines.medq_uni.training.checkpoint import load, put
from engines.medq_uni.training.folder import bank_of, has_bank, sizes_of
from engines.medq_uni.weights_file import Calibration
from engines.runtime.base import Graph

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
    again: Annotated[
        Path | None, typer.Option(help="Weights whose graphs are written once more.")
    ] = None,
) -> None:
    """Write the weights of a training as safetensors and ONNX."""
    with told_in_a_line("export"):
        if again is not None:
            exported_again(again, out)
            return
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


def exported_again(folder: Path, out: Path) -> None:
    """Write to ``out`` what lies in ``folder``, with the graphs that this code makes of it."""
    table = json.loads((folder / weights_file.TABLE).read_text(encoding="utf-8"))
    export(
        MedQUni.from_pretrained(folder, dtype=torch.float32),
        out,
        str(table["version"]),
        table["trained"],
        {severity: table["gates"][severity.value] for severity in Severity},
        {one: Calibration(**table["calibration"][one.value]) for one in Modality.sectional()},
    )


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
    for graph, module, arguments, inputs, outputs in _graphs(served):
        _export_graph(out, graph, module, arguments, inputs, outputs)
    calibration = calibration or {modality: Calibration() for modality in Modality.sectional()}
    weights_file.write_table(out, version, gates, calibration, trained)


Sizes = dict[str, dict[int, str]]
"""Names of an input's or output's dimensions that may have any size."""
_IMAGE = {0: "batch", 2: "rows", 3: "columns"}
_EACH = {0: "batch"}
_FREE: Sizes = {
    "image": _IMAGE,
    "change": _IMAGE,
    "places": {0: "batch", 1: "patches"},
    "tokens": {0: "batch", 1: "said"},
    "keys": {1: "batch", 3: "kept"},
    "values": {1: "batch", 3: "kept"},
    "hidden": {0: "kept"},
    "said_keys": {1: "batch", 3: "said"},
    "said_values": {1: "batch", 3: "said"},
    **dict.fromkeys(("spectrum", "facts", "level", "told", "steered", "logits"), _EACH),
}
"""By the name of the input or output."""


def _graphs(
    model: MedQUni,
) -> list[tuple[Graph, nn.Module, tuple[Tensor, ...], Sizes, Sizes]]:
    """Graph, module, arguments to trace it with, and the free sizes of inputs and outputs."""
    modules = modules_of(model)
    rows, columns, batch = 2 * look.PATCH, 3 * look.PATCH, 2
    image = torch.zeros(batch, 1, rows, columns)
    places = torch.from_numpy(look.places_of(rows, columns)).repeat(batch, 1, 1)
    seen = (
        image, places, torch.zeros(batch, look.SPECTRUM), torch.zeros(batch, look.FACTS)
    )  # fmt: skip
    with torch.no_grad():
        keys, values = modules[weights_file.LOOK](*seen)
    said, hidden = torch.full((batch, 4), tokens.START), torch.zeros(keys.shape[3])
    told = (
        image, torch.ones(batch), torch.zeros(batch, TOLD),
        torch.zeros(batch, model.config.condition),
    )  # fmt: skip
    arguments = {
        LOOK: seen,
        SAY: (said, torch.zeros(1, dtype=torch.long), keys, values, hidden),
        STEER: (said, keys, values, hidden),
    }
    return [
        (
            graph,
            modules[graph.name],
            arguments.get(graph, told),
            {name: _FREE[name] for name in graph.inputs if name in _FREE},
            {name: _FREE[name] for name in graph.outputs if name in _FREE},
        )
        for graph in GRAPHS
    ]


def _export_graph(
    out: Path,
    graph: Graph,
    module: nn.Module,
    arguments: tuple[Tensor, ...],
    inputs: Sizes,
    outputs: Sizes,
) -> None:
    """Trace ``module`` and write its graph, weights taken from the safetensors beside it."""
    path = out / graph.name
    with warnings.catch_warnings():
        # The exporter by tracing keeps every weight under its name and as it is stored; the newer
        # one folds and transposes them, so that they could not be stored once for all graphs.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            arguments,
            path,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_axes={**inputs, **outputs},
            opset_version=OPSET,
            dynamo=False,
            do_constant_folding=False,
        )
    written = onnx.load(path)
    point_to_tensors(written, out / weights_file.TENSORS)
    path.write_bytes(written.SerializeToString())
    onnx.checker.check_model(path)


if __name__ == "__main__":
    typer.run(main)
