"""Pairs ready to train on: images in the model's units in one file, and what is known of each.

Made once from the folders of data sets (``engines.medq_uni.dataset``), then mapped into memory, so
that a bank may be larger than it. A fixed share of the patients is kept for validation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from engines.base import FloatArray
from engines.description import Modality, QualityDescription, Severity
from engines.medq_uni.levels import EXPERTS, amount_of, gates_of
from engines.medq_uni.look import facts_of, scale_of, spectrum_of
from engines.medq_uni.pairs.manifest import OURS
from engines.medq_uni.pairs.shards import MANIFEST
from engines.medq_uni.tokens import LONGEST, PAD, STATE, encode, severity_of_token, slots
from engines.medq_uni.weights_file import vocabulary_digest
from engines.sentence import parse_sentence

IMAGES, ABOUT, TABLE = "images.f16", "about.json", "table.npz"
TIED = "vocabulary"
"""Its statistics and tokens mean something in the code alone that wrote them."""
VALIDATION_SHARE = 0.08
LEAST_ERROR = 0.02
"""Errors are compared with this at least, in image units: 2 HU, 2 % of the signal."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A pair of the bank: ``image`` and ``truth`` float32 (rows, columns) in image units.

    ``noise`` and ``own_noise`` are standard deviations in the same; ``error`` is the RMS error of
    the image inside the body. ``tokens``, ``said`` are of the true words; ``gates``, ``amounts`` of
    each expert, the amount 0 where nothing is to be mended.
    """

    number: int
    image: FloatArray
    truth: FloatArray
    modality: Modality
    region: str
    pixel_mm: float
    task: str
    noise: float
    own_noise: float
    error: float
    spectrum: FloatArray
    facts: FloatArray
    tokens: np.ndarray
    said: np.ndarray
    gates: FloatArray
    amounts: FloatArray


class Bank:
    """All samples of a folder; nothing is read before it is asked for.

    Raises:
        ValueError: its files don't belong together.
        OSError: one can't be read.
    """

    def __init__(self, folder: Path) -> None:
        self.about: list[dict[str, Any]] = json.loads((folder / ABOUT).read_text())
        with np.load(folder / TABLE, allow_pickle=False) as table:
            self.table = {name: table[name] for name in table.files}
        if str(self.table.pop(TIED, "")) != vocabulary_digest():
            raise ValueError(f"{folder} was made by other code: remove it, and it is made again")
        self.images = np.memmap(folder / IMAGES, np.float16, "r")
        held = sum(2 * one["rows"] * one["columns"] for one in self.about)
        if held != len(self.images) or any(len(v) != len(self) for v in self.table.values()):
            raise ValueError(f"{folder} is damaged: remove it, and it is made again")
        self.training = [k for k, one in enumerate(self.about) if not one["validation"]]
        self.validation = [k for k, one in enumerate(self.about) if one["validation"]]

    def __len__(self) -> int:
        return len(self.about)

    def sample(self, number: int) -> Sample:
        """Sample ``number``."""
        one = self.about[number]
        rows, columns, start = one["rows"], one["columns"], one["start"]
        size = rows * columns
        both = np.asarray(self.images[start : start + 2 * size], np.float32)
        image, truth = both.reshape(2, rows, columns)
        table = self.table
        return Sample(
            number, image, truth, Modality(one["modality"]), one["region"], one["pixel_mm"],
            one["task"], one["noise"], one["own_noise"], one["error"], table["spectrum"][number],
            table["facts"][number], table["tokens"][number], table["said"][number],
            gates_told(table["tokens"][number], Modality(one["modality"])),
            table["amounts"][number],
        )  # fmt: skip


def is_validation(patient: str) -> bool:
    """Whether a patient or phantom is kept for validation: a hash of the name decides."""
    digest = hashlib.sha256(f"validation {patient}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < VALIDATION_SHARE


def manifest_lines(data_set: Path) -> Iterator[dict[str, Any]]:
    """Every pair of a data set, whole or still growing, shard by shard."""
    for shard in sorted(data_set.glob("shard-?????")):
        for line in (shard / MANIFEST).read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def make_bank(
    data_sets: Sequence[Path], out: Path, made: Callable[[int], None] = lambda count: None
) -> int:
    """Write the bank of ``data_sets`` to ``out``, whole or not at all; gives its length.

    Raises:
        ValueError: there is no pair, or one has no words that can be read.
        OSError: something can't be read or written.
    """
    out.mkdir(parents=True, exist_ok=True)
    about: list[dict[str, Any]] = []
    rows: dict[str, list[Any]] = {
        name: [] for name in ("spectrum", "facts", "tokens", "said", "gates", "amounts")
    }
    start = 0
    with (out / (IMAGES + ".part")).open("wb") as images:
        for data_set in data_sets:
            for line in manifest_lines(data_set):
                found = _row(data_set, line)
                if found is None:
                    continue
                both, one, numbers = found
                images.write(both.tobytes())
                about.append({**one, "start": start})
                start += both.size
                for name, value in numbers.items():
                    rows[name].append(value)
                made(len(about))
    if not about:
        raise ValueError(f"no pairs in {', '.join(map(str, data_sets))}: make a data set first")
    table = {name: np.stack(values) for name, values in rows.items()}
    np.savez(
        out / TABLE, spectrum=table["spectrum"], facts=table["facts"], tokens=table["tokens"],
        said=table["said"], gates=table["gates"], amounts=table["amounts"],
        vocabulary=np.array(vocabulary_digest()),
    )  # fmt: skip
    (out / ABOUT).write_text(json.dumps(about))
    (out / (IMAGES + ".part")).rename(out / IMAGES)
    return len(about)


def _row(
    data_set: Path, line: dict[str, Any]
) -> tuple[np.ndarray, dict[str, Any], dict[str, np.ndarray]] | None:
    """A pair's pixels, what is known of it, and its numbers; ``None`` without any signal."""
    ours = line[OURS]
    image = np.load(data_set / line["input_img"][0]["path"], allow_pickle=False)
    truth = np.load(data_set / line["output_img"][0]["path"], allow_pickle=False)
    words = parse_sentence(line["message"][1]["value"])
    modality, valid = words.modality, np.ones(image.shape, np.bool_)
    scale = scale_of(image, valid, modality)
    if scale == 0:
        return None
    image, truth = image / np.float32(scale), truth / np.float32(scale)
    body = body_of(truth, modality)
    error = float(np.sqrt(np.mean((image - truth)[body] ** 2))) if body.any() else 0.0
    tokens, said = encode(words)
    numbers = numbers_of(words, ours["pixel_mm"])
    fill = LONGEST - len(tokens)
    spacing = (ours["slice_mm"], ours["pixel_mm"], ours["pixel_mm"])
    one = {
        "rows": image.shape[0], "columns": image.shape[1], "modality": modality.value,
        "region": words.region, "pixel_mm": ours["pixel_mm"], "task": ours["task"],
        "noise": ours["noise"] / scale, "own_noise": (ours["source_noise"] or 0.0) / scale,
        "error": error, "validation": is_validation(ours["patient"]), "origin": ours["origin"],
        "variant": ours["variant"],
    }  # fmt: skip
    return (
        np.stack([image, truth]).astype(np.float16),
        one,
        {
            "spectrum": spectrum_of(image, modality).astype(np.float32),
            "facts": facts_of(modality, words.region, spacing),
            "tokens": np.array(tokens + [PAD] * fill, np.int64),
            "said": np.array(said + [False] * fill, np.bool_),
            **numbers,
        },
    )


def numbers_of(words: QualityDescription, pixel_mm: float) -> dict[str, np.ndarray]:
    """Gates and told amounts of all experts by ``words``."""
    amounts = [amount_of(words, kind, pixel_mm) or 0.0 for kind in EXPERTS]
    return {
        "gates": np.array([gate > 0 for gate in gates_of(words)], np.float32),
        "amounts": np.array(amounts, np.float32),
    }


def gates_told(said: np.ndarray, modality: Modality) -> FloatArray:
    """Gates of all experts by the severities in ``said`` (tokens,): float32 (experts,).

    In training they are open or shut: an expert that learnt behind a half open gate would do twice
    as much. Those that are served (``engines.medq_uni.levels.GATES``) hold back some of it.
    """
    found = np.zeros(len(EXPERTS), np.float32)
    for at, slot in enumerate(slots(modality)):
        if slot.what == STATE and slot.kind in EXPERTS:
            told = severity_of_token(int(said[at]))
            found[EXPERTS.index(slot.kind)] = told is not Severity.NONE
    return found


def body_of(truth: FloatArray, modality: Modality) -> np.ndarray:
    """Where the body is, roughly, in an image in image units."""
    if modality is Modality.CT:
        return np.asarray(ndimage.uniform_filter(truth, 9) > -5)
    return np.asarray(ndimage.uniform_filter(truth, 5) > 0.15)
