"""What is served is what was trained: torch, safetensors and ONNX say and change the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engines.base import EngineOptions
from engines.description import Degradation
from engines.medq_uni import look, tokens, weights_file
from engines.medq_uni.export import (
    STAGES,
    TINY,
    export,
    random_model,
    trained_model,
)
from engines.medq_uni.graphs import Graphs, open_graphs
from engines.medq_uni.levels import EXPERTS
from engines.medq_uni.look import places_of
from engines.medq_uni.model import MedQUni, MedQUniConfig, key
from engines.medq_uni.training.checkpoint import own_parameters, save

SIZES = MedQUniConfig(
    width=20, heads=2, layers=2, inner=12, stem=(4, 6, 8, 8), condition=6, mender=(4, 6, 8),
    mender_inner=5,
)  # fmt: skip
NEAR = 1e-4
"""Of the range of values, as far as the two may differ."""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export(random_model(3, SIZES), folder, "1", {"assess": 7, "restore": 9})
    return folder


def graphs_on(runtime: str, folder: Path) -> Graphs:
    weights = weights_file.read_weights(folder)
    return Graphs(open_graphs(weights, EngineOptions(runtime, threads=1)).runtime)


@pytest.fixture(scope="module", params=["cpu", "torch"])
def graphs(exported: Path, request: pytest.FixtureRequest) -> Graphs:
    return graphs_on(request.param, exported)


@pytest.fixture(scope="module")
def model(exported: Path) -> MedQUni:
    """The model as transformers reads it back, in FP32."""
    return MedQUni.from_pretrained(exported, dtype=torch.float32).eval()


def near(found: np.ndarray, wanted: torch.Tensor) -> None:
    right = wanted.detach().numpy()
    assert found.shape == right.shape
    assert np.ptp(right) > 0
    assert np.abs(found - right).max() <= NEAR * np.ptp(right)


def shown(rows: int, columns: int, batch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of an odd size, padded as they are when served, with their statistics."""
    rng = np.random.default_rng(rows)
    images = rng.normal(0, 3, (batch, rows, columns)).astype(np.float32)
    return (
        np.stack([look.padded(image) for image in images])[:, None],
        rng.normal(0, 1, (batch, look.SPECTRUM)).astype(np.float32),
        rng.normal(0, 1, (batch, look.FACTS)).astype(np.float32),
    )


@pytest.mark.parametrize(("rows", "columns", "batch"), [(64, 64, 2), (61, 131, 3), (9, 200, 1)])
@torch.no_grad()
def test_every_runtime_sees_says_and_steers_as_the_model_does(
    rows: int, columns: int, batch: int, graphs: Graphs, model: MedQUni
) -> None:
    images, spectrum, facts = shown(rows, columns, batch)
    places = torch.from_numpy(places_of(*images.shape[2:])).expand(batch, -1, -1)
    seen = model.see(
        torch.from_numpy(images), places, torch.from_numpy(spectrum), torch.from_numpy(facts)
    )
    found = graphs.look(images, spectrum, facts)
    near(found.keys[:, :, :, : found.seen], torch.stack([keys for keys, _ in seen.blocks]))
    near(found.values[:, :, :, : found.seen], torch.stack([values for _, values in seen.blocks]))
    whole = np.random.default_rng(7).integers(1, len(tokens.VOCABULARY), (batch, tokens.LONGEST))
    for count in (1, 3, 4, tokens.LONGEST):
        said = whole[:, :count]
        logits, kept = model.say(torch.from_numpy(said), seen)
        near(graphs.say(said, found), logits[:, -1])
        near(graphs.steer(said, found), model.steer(seen, kept))


@pytest.mark.parametrize("kind", EXPERTS)
@pytest.mark.parametrize(("rows", "columns", "batch"), [(61, 131, 2), (8, 33, 1)])
@torch.no_grad()
def test_every_runtime_mends_as_the_model_does(
    kind: Degradation, rows: int, columns: int, batch: int, graphs: Graphs, model: MedQUni
) -> None:
    images, _, _ = shown(rows, columns, batch)
    rng = np.random.default_rng(5)
    level = rng.uniform(0.1, 2, batch).astype(np.float32)
    told = rng.normal(0, 1, (batch, 6)).astype(np.float32)
    told[:, 1] = np.arange(batch) % 2
    steered = rng.normal(0, 1, (batch, SIZES.condition)).astype(np.float32)
    given = (images, level, told, steered)
    near(graphs.mend(kind, *given), model.mend(kind, *map(torch.from_numpy, given)))


def test_the_stored_weights_are_the_trained_ones_rounded_to_fp16(model: MedQUni) -> None:
    for name, parameter in random_model(3, SIZES).named_parameters():
        stored = dict(model.named_parameters())[name]
        assert torch.equal(stored, parameter.detach().half().float()), name


def test_the_model_reads_back_with_its_sizes(model: MedQUni) -> None:
    assert model.config.mender == (4, 6, 8) or list(model.config.mender) == [4, 6, 8]
    assert model.config.width == 20


def test_weights_lie_in_one_file_and_graphs_are_small(exported: Path) -> None:
    tensors = (exported / weights_file.TENSORS).stat().st_size
    assert tensors > 2 * sum(p.numel() for p in random_model(3, SIZES).parameters())
    for name in weights_file.GRAPHS:
        assert (exported / name).stat().st_size < 60_000


def test_the_graphs_know_what_the_model_knows() -> None:
    assert [weights_file.mender_file(kind) for kind in EXPERTS] == [
        f"mend_{key(kind)}.onnx" for kind in EXPERTS
    ]


def checkpoints(folder: Path, model: MedQUni) -> None:
    for stage, restoring in zip(STAGES, (False, True), strict=True):
        mean = {n: p.detach() for n, p in own_parameters(model, restoring).items()}
        save(folder / f"{stage}.pt", {"mean": mean, "step": 5})


def test_a_training_is_read_as_its_running_means(tmp_path: Path) -> None:
    trained = random_model(8)
    checkpoints(tmp_path, trained)
    found, steps = trained_model(tmp_path, config=MedQUniConfig(**TINY))
    assert steps == {"assess": 5, "restore": 5}
    wanted = dict(trained.named_parameters())
    assert all(torch.equal(p, wanted[n]) for n, p in found.named_parameters())


def test_a_training_that_is_not_whole_or_not_ours_is_refused(tmp_path: Path) -> None:
    tiny = MedQUniConfig(**TINY)
    with pytest.raises(ValueError, match=r"no assess\.pt in .*: train that stage first"):
        trained_model(tmp_path, config=tiny)
    checkpoints(tmp_path, random_model(8))
    with pytest.raises(ValueError, match="of a model of other sizes"):
        trained_model(tmp_path, config=SIZES)
    (tmp_path / "restore.pt").write_bytes(b"no checkpoint")
    with pytest.raises(ValueError, match="no checkpoint of a training"):
        trained_model(tmp_path, config=tiny)
    assert trained_model(tmp_path, STAGES[:1], tiny)[1] == {"assess": 5, "restore": 0}
