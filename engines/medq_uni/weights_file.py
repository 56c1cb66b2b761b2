"""The folder of a trained model: what is in it, and whether all of it is whole and ours.

``engine.json`` names every file with its SHA-256 and holds what belongs to the weights without
being one: gates, calibration, how long they were trained. The weights themselves are in
``model.safetensors`` as FP16, once; the ONNX graphs point into it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import engines
from engines.base import EngineError
from engines.description import Degradation, Modality, Severity
from engines.medq_uni import look, signs, tokens
from engines.medq_uni.levels import EXPERTS
from engines.parameters import constants_of, spelt

FORMAT = 2
"""Of ``engine.json`` and of the graphs' inputs and outputs."""
TABLE = "engine.json"
TENSORS = "model.safetensors"
CONFIG = "config.json"
LOOK, SAY, STEER = "look.onnx", "say.onnx", "steer.onnx"
FOLDER_VARIABLE = "MEDQ_UNI_WEIGHTS"
"""Environment variable that names another folder."""


def mender_file(kind: Degradation) -> str:
    """File name of an expert's graph."""
    return f"mend_{kind.value.replace(' ', '_')}.onnx"


GRAPHS: tuple[str, ...] = (LOOK, SAY, STEER, *(mender_file(kind) for kind in EXPERTS))
SERVED: tuple[str, ...] = (TENSORS, *GRAPHS)
"""Files that serving needs."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a probability means in one modality.

    ``temperature`` divides the logits; a slice whose severities are all right with at least the
    probability ``high`` is said with high confidence, from ``medium`` on with medium.
    """

    temperature: float = 1.0
    high: float = 0.9
    medium: float = 0.65


@dataclass(frozen=True, slots=True)
class Weights:
    """A checked folder of weights; ``digest`` is the SHA-256 (hex) of its ``engine.json``."""

    folder: Path
    version: str
    files: Mapping[str, str]
    gates: Mapping[Severity, float]
    calibration: Mapping[Modality, Calibration]
    trained: Mapping[str, int]
    digest: str


def default_folder() -> Path:
    """Where the weights are: the environment's word, or beside the code."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else Path(engines.__path__[0]) / "weights" / "medq_uni"


def vocabulary_digest() -> str:
    """SHA-256 (hex) of all that weights are tied to in the code: tokens and what is looked at."""
    tied = {**constants_of((tokens, look, signs)), "experts": spelt(EXPERTS)}
    return hashlib.sha256(json.dumps(tied, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_table(
    folder: Path,
    version: str,
    gates: Mapping[Severity, float],
    calibration: Mapping[Modality, Calibration],
    trained: Mapping[str, int],
) -> None:
    """Write ``engine.json`` of the files in ``folder``, last of all, whole or not at all."""
    table = {
        "format": FORMAT,
        "version": version,
        "vocabulary": vocabulary_digest(),
        "trained": dict(trained),
        "gates": {severity.value: gates[severity] for severity in Severity},
        "calibration": {
            modality.value: asdict(calibration[modality]) for modality in Modality.sectional()
        },
        "files": {name: file_digest(folder / name) for name in (CONFIG, *SERVED)},
    }
    part = folder / (TABLE + ".part")
    part.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    part.rename(folder / TABLE)


def read_weights(folder: Path) -> Weights:
    """Read ``engine.json`` and check every file that serving needs against it.

    Raises:
        EngineError: the folder or a file is missing, damaged, or of other code.
    """
    if not folder.is_dir():
        raise EngineError(
            f"no weights of medq-uni in {folder}: set {FOLDER_VARIABLE} to their folder, or export"
            " them with python -m engines.medq_uni.export"
        )
    try:
        content = (folder / TABLE).read_bytes()
    except OSError as error:
        raise _unfit(folder / TABLE, f"can't be read ({error.strerror})") from error
    try:
        table = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _unfit(folder / TABLE, f"is no JSON ({error})") from error
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        raise _unfit(folder / TABLE, f"is not of format {FORMAT}")
    if table.get("vocabulary") != vocabulary_digest():
        raise _unfit(folder / TABLE, "belongs to another vocabulary than this code's")
    try:
        weights = _weights(folder, table, hashlib.sha256(content).hexdigest())
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _unfit(folder / TABLE, f"lacks or misstates a value ({error})") from error
    for name in (*SERVED, CONFIG):
        _check(folder / name, weights.files.get(name))
    return weights


def _weights(folder: Path, table: dict[str, Any], digest: str) -> Weights:
    gates = {severity: float(table["gates"][severity.value]) for severity in Severity}
    rising = [gates[severity] for severity in Severity]
    if rising[0] != 0 or not all(a <= b <= 1 for a, b in pairwise(rising)):
        raise ValueError(f"gates {rising} don't rise from 0 to at most 1")
    calibration = {m: Calibration(**table["calibration"][m.value]) for m in Modality.sectional()}
    for one in calibration.values():
        if not (0 < one.temperature < math.inf and 0 <= one.medium <= one.high <= 1):
            raise ValueError(f"{one} can't be")
    return Weights(
        folder,
        str(table["version"]),
        {str(name): str(value) for name, value in table["files"].items()},
        gates,
        calibration,
        {str(name): int(value) for name, value in table["trained"].items()},
        digest,
    )


def _check(path: Path, wanted: str | None) -> None:
    if wanted is None:
        raise _unfit(path.parent / TABLE, f"does not name {path.name}")
    try:
        found = file_digest(path)
    except OSError as error:
        raise _unfit(path, f"can't be read ({error.strerror})") from error
    if found != wanted:
        raise _unfit(path, f"is not what {TABLE} says (SHA-256 {found[:12]}, not {wanted[:12]})")


def _unfit(path: Path, what: str) -> EngineError:
    return EngineError(f"weights of medq-uni: {path} {what}: install them again")
