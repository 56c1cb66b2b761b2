"""Pairs on disk: folders of so many pairs each, whole or not there.

A shard is made under another name, every file of it synced, and renamed when whole. So what has a
shard's name was complete, whenever the power went, and a run that was killed goes on with the
shards that are missing. What somebody or a failing disk took away later is found and made again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from engines.base import FloatArray
from engines.medq_uni.pairs.endless import make
from engines.medq_uni.pairs.manifest import OURS, line_of
from engines.medq_uni.pairs.plan import Plan

MANIFEST = "manifest.jsonl"
_PART = ".part"
_HEADER = 128
"""Bytes of a ``.npy`` header of two axes."""


def shard_name(index: int) -> str:
    """Name of the folder of shard ``index``."""
    return f"shard-{index:05}"


def write_shard(
    out: Path, plan: Plan, index: int, size: int, count: int, made: Callable[[], None]
) -> None:
    """Make shard ``index`` of a data set of ``count`` pairs in shards of ``size``, durably.

    ``made()`` is called after each pair.

    Raises:
        ValueError: as ``make``.
        OSError: disk full, no rights; nothing of the shard is left then.
    """
    name = shard_name(index)
    part = part_of(out, name)
    part.mkdir()
    try:
        lines = []
        for number in range(index * size, min((index + 1) * size, count)):
            found = make(plan, number)
            image, truth = f"{number:07}-image.npy", f"{number:07}-truth.npy"
            write_image(part / image, found.pair.image)
            write_image(part / truth, found.pair.truth)
            lines.append(line_of(found, f"{name}/{image}", f"{name}/{truth}"))
            made()
        write_durably(part / MANIFEST, "".join(f"{line}\n" for line in lines).encode())
        sync_folder(part)
        part.rename(out / name)
        sync_folder(out)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def write_image(path: Path, values: FloatArray) -> None:
    """``values`` as little-endian float32 ``.npy`` in C order, synced."""
    with path.open("xb") as file:
        npy.write_array(file, np.ascontiguousarray(values, "<f4"), (1, 0), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


def missing(out: Path, shards: int) -> list[int]:
    """Numbers of those of the first ``shards`` shards that aren't there."""
    return [index for index in range(shards) if not os.path.lexists(out / shard_name(index))]


def damage(out: Path, index: int, size: int, count: int) -> str:
    """What is wrong with shard ``index``, or nothing: lines of its manifest, sizes of its images.

    The shard is of a data set of ``count`` pairs in shards of ``size``.
    """
    shard = out / shard_name(index)
    if shard.is_symlink() or not shard.is_dir():
        return "it is no folder"
    wanted = range(index * size, min((index + 1) * size, count))
    try:
        lines = (shard / MANIFEST).read_text(encoding="utf-8").splitlines()
        if len(lines) != len(wanted):
            return f"{MANIFEST} has {len(lines)} lines of {len(wanted)}"
        for number, line in zip(wanted, lines, strict=True):
            entry = json.loads(line)
            if entry[OURS]["number"] != number:
                return f"{MANIFEST} has another pair for {number}"
            for key in ("input_img", "output_img"):
                (image,) = entry[key]
                bytes_ = _HEADER + 4 * image["height"] * image["width"]
                if (out / image["path"]).stat().st_size != bytes_:
                    return f"{image['path']} has another size"
    except OSError as error:
        return f"{Path(error.filename).name}: {error.strerror}"
    except (KeyError, TypeError, ValueError):
        return f"{MANIFEST} can't be read"
    return ""


def remove_damaged(out: Path, shards: int, size: int, count: int) -> list[str]:
    """Remove those of the first ``shards`` shards that aren't whole; a line about each."""
    said = []
    for index in range(shards):
        shard = out / shard_name(index)
        if not os.path.lexists(shard):
            continue
        why = damage(out, index, size, count)
        if why:
            said.append(f"{shard.name} is damaged ({why}): it is made again")
            if shard.is_dir() and not shard.is_symlink():
                shutil.rmtree(shard)
            else:
                shard.unlink()
    return said


def part_of(out: Path, name: str) -> Path:
    """Where something for this run alone, or not yet whole, is put; ``sweep`` removes it."""
    return out / f".{name}.{os.getpid()}{_PART}"


def sweep(out: Path) -> None:
    """Remove what runs that died have left."""
    for part in out.glob(f".*{_PART}"):
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink()


def join_manifests(out: Path, shards: int) -> None:
    """The manifest of all shards, in their order; it appears when it is whole."""
    part = out / f".{MANIFEST}{_PART}"
    with part.open("wb") as file:
        for index in range(shards):
            with (out / shard_name(index) / MANIFEST).open("rb") as lines:
                shutil.copyfileobj(lines, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(out / MANIFEST)
    sync_folder(out)


def write_durably(path: Path, content: bytes) -> None:
    """``content`` as ``path``, which is replaced at once and synced."""
    part = path.with_name(f".{path.name}{_PART}")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """What was renamed in ``folder`` outlives a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
