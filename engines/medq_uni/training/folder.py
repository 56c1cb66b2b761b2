"""What a folder of a training was begun with, so that nothing else goes on in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engines.medq_uni.model import MedQUniConfig
from engines.medq_uni.pairs.shards import write_durably
from engines.medq_uni.training.bank import IMAGES, Bank

RECORD, BANK = "training.json", "bank"
SIZES = ("width", "heads", "layers", "inner", "stem", "condition", "mender", "mender_inner")


def begin(out: Path, seed: int, without_words: bool, sizes: dict[str, Any]) -> None:
    """Record in ``out`` what can't change any more once a training has begun.

    Raises:
        ValueError: another training was begun there.
        OSError: it can't be read or written.
    """
    out.mkdir(parents=True, exist_ok=True)
    config = MedQUniConfig(**sizes)
    mine = {
        "seed": seed,
        "without_words": without_words,
        "sizes": {name: getattr(config, name) for name in SIZES},
    }
    mine = json.loads(json.dumps(mine))
    path = out / RECORD
    if path.exists():
        try:
            theirs = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            theirs = {}
        other = [name for name in mine if mine[name] != theirs.get(name)]
        if other:
            raise ValueError(
                f"{out} holds a training with another {other[0].replace('_', ' ')}:"
                " go on with the same options, or name another folder"
            )
        return
    write_durably(path, json.dumps(mine, indent=2).encode())


def sizes_of(out: Path) -> dict[str, Any]:
    """Sizes that the training in ``out`` was begun with; the shipped ones where it says none.

    Raises:
        ValueError: its record can't be read.
    """
    path = out / RECORD
    if not path.exists():
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["sizes"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged: it tells no sizes") from error
    return found


def read_sizes(path: Path | None) -> dict[str, Any]:
    """Sizes of a model from a JSON file; the shipped ones for ``None``.

    Raises:
        ValueError: it says something else than sizes, or sizes that no model has.
        OSError: it can't be read.
    """
    if path is None:
        return {}
    try:
        sizes = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    unknown = [name for name in sizes if name not in SIZES] if isinstance(sizes, dict) else [""]
    if unknown:
        raise ValueError(f"{path} must be an object with some of: {', '.join(SIZES)}")
    config = MedQUniConfig(**sizes)
    if len(config.stem) != 4 or len(config.mender) != 4:
        raise ValueError(f"{path}: stem and mender are four numbers of channels each")
    if config.width % config.heads:
        raise ValueError(f"{path}: width {config.width} is no multiple of {config.heads} heads")
    return dict(sizes)


def has_bank(out: Path) -> bool:
    """Whether the pairs were read already."""
    return (out / BANK / IMAGES).exists()


def bank_of(out: Path) -> Bank:
    """The bank of a training."""
    return Bank(out / BANK)
