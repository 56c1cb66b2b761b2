"""``dataset.json``: the arguments of a data set, what made it, and in the end what it holds.

It stands in the folder before the first pair does. A run with other arguments, other images or
other code or versions of what computes would give other pairs, and is refused.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from engines.description import Degradation, Severity
from engines.medq_uni.pair import Source
from engines.medq_uni.pairs.code import code_digest
from engines.medq_uni.pairs.manifest import DATASET_VERSION, OURS
from engines.medq_uni.pairs.shards import MANIFEST, write_durably
from engines.medq_uni.phantom_sources import PHANTOM

RECORD = "dataset.json"
_LOCK = ".lock"
_COMPUTING = ("numpy", "scipy", "finufft", "scikit-image")


class OtherDataset(ValueError):
    """The folder holds a data set of other arguments, or something else, or is being written."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """All that decides what pairs there are. ``images`` is a digest of the real slices."""

    count: int
    shard: int
    seed: int
    tasks: tuple[str, ...]
    benchmark: bool
    held_out: float
    split_seed: int
    without: tuple[str, ...]
    images: str


def digest(sources: Sequence[Source]) -> str:
    """SHA-256 of all slices and what is known of them; empty where there are none."""
    if not sources:
        return ""
    found = hashlib.sha256()
    for source in sources:
        about = (source.name, source.patient, source.modality.value, source.region, source.unit,
                 source.contrast, source.pixel_mm, source.slice_mm, source.noise,
                 source.values.shape)  # fmt: skip
        found.update(repr(about).encode())
        found.update(source.values.tobytes())
    return found.hexdigest()


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Make ``out`` where it isn't, and keep others from writing into it meanwhile.

    Raises:
        OtherDataset: another process does.
        OSError: it can't be made or written.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / _LOCK).open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OtherDataset(f"{out} is being written by another process") from error
        yield


def begin(out: Path, arguments: Arguments) -> None:
    """Write ``dataset.json``, or make sure that the one in ``out`` says the same.

    Raises:
        OtherDataset: it doesn't, or the folder holds something else; it says what differs.
        OSError: it can't be written.
    """
    wanted = _begun(arguments)
    path = out / RECORD
    if not path.exists():
        others = [p.name for p in out.iterdir() if p.name != _LOCK and p.suffix != ".part"]
        if others:
            raise OtherDataset(f"{out} holds something else ({min(others)}): name an empty folder")
        write_durably(path, _text(wanted))
        return
    try:
        found = json.loads(path.read_bytes())
        for part in ("arguments", "made_with"):
            for name, value in wanted[part].items():
                if found[part][name] != value:
                    raise OtherDataset(
                        f"{out} holds a data set of {name} {found[part][name]}, not {value}: "
                        "name another folder"
                    )
    except (KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise OtherDataset(f"{path} is no record of a data set: name another folder") from error


def finish(out: Path, arguments: Arguments) -> dict[str, Any]:
    """Add to ``dataset.json`` what the whole manifest holds, and give it.

    Raises:
        ValueError: the manifest hasn't all pairs.
        OSError: an image isn't there, or the record can't be written.
    """
    with (out / MANIFEST).open(encoding="utf-8") as lines:
        held = _held(out, lines)
    if held["pairs"] != arguments.count:
        raise ValueError(f"{out / MANIFEST} has {held['pairs']} pairs of {arguments.count}")
    write_durably(out / RECORD, _text({**_begun(arguments), "holds": held}))
    return held


_COUNTED = ("main_task_type", "degrade_type", "task", "modality", "region", "contrast", "origin",
            "variant", "asked")  # fmt: skip


def _held(out: Path, lines: Iterable[str]) -> dict[str, Any]:
    """Counts of pairs, of severities as planned and as they became, and of real images."""
    pairs, bytes_, counts = 0, 0, {key: Counter[str]() for key in _COUNTED}
    planned, worst, found = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    real: dict[str, list[tuple[str, str]]] = {}
    for line in lines:
        entry = json.loads(line)
        ours = entry[OURS]
        pairs += 1
        for image in (entry["input_img"][0], entry["output_img"][0]):
            bytes_ += (out / image["path"]).stat().st_size
        for key, counter in counts.items():
            counter[str(entry.get(key, ours.get(key)))] += 1
        planned[ours["severity"]] += 1
        done = [(one["degradation"], one["severity"]) for one in ours["findings"]]
        found.update(done)
        words = [Severity.NONE, *(Severity(severity) for _, severity in done)]
        worst[max(words, key=lambda severity: severity.rank)] += 1
        if ours["origin"] != PHANTOM:
            group = f"{ours['modality']} {ours['region']} {ours['contrast']}".strip()
            real.setdefault(group, []).append((ours["source"], ours["patient"]))
    return {
        "pairs": pairs,
        "image_bytes": bytes_,
        **{key: dict(sorted(counter.items())) for key, counter in counts.items()},
        "severity_as_planned": _ranked(planned),
        "worst_severity_in_the_image": _ranked(worst),
        "severity_in_the_image": {
            kind.value: _ranked({word: n for (name, word), n in found.items() if name == kind})
            for kind in Degradation
            if any(name == kind for name, _ in found)
        },
        "real": {
            group: {
                "pairs": len(some),
                "slices": len({source for source, _ in some}),
                "patients": len({patient for _, patient in some}),
            }
            for group, some in sorted(real.items())
        },
    }


def _ranked(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts in the order of severities."""
    return {word.value: counts[word] for word in Severity if word in counts}


def _begun(arguments: Arguments) -> dict[str, Any]:
    # As JSON gives it back: tuples become lists.
    plain = json.loads(json.dumps(asdict(arguments)))
    python = ".".join(platform.python_version_tuple()[:2])
    made_with: dict[str, int | str] = {"dataset_version": DATASET_VERSION, "python": python}
    made_with["code"] = code_digest()
    for package in _COMPUTING:
        try:
            made_with[package] = version(package)
        except PackageNotFoundError:
            made_with[package] = "unknown"
    return {"arguments": plain, "made_with": made_with}


def _text(record: dict[str, Any]) -> bytes:
    return (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()
