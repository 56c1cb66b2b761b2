"""From folders of DICOM files to arrays and words, for work that knows no DICOM.

Usage: ``python -m medq_node.pixels.arrays FOLDER -o OUT [--salt FILE] [--keep-names]``

Every series becomes one ``.npz``: ``values`` float32 and ``valid`` bool, (slices, rows, columns),
as ``medq_node.pixels.series`` reads them, and ``info``, a JSON text. Nothing in it names a person:
a patient is a salted digest, folders are numbered unless their names are asked for, and a kernel's
name that holds the patient's is left out. The salt is thrown away unless a file keeps it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import secrets
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from medq_node.errors import Unprocessable
from medq_node.pixels.header import number, read_header, text
from medq_node.pixels.series import SeriesStack, open_series

FACTS: dict[str, str] = {
    "kvp": "KVP",
    "slice_thickness_mm": "SliceThickness",
    "exposure_mas": "Exposure",
    "tube_current_ma": "XRayTubeCurrent",
    "reconstruction_diameter_mm": "ReconstructionDiameter",
    "field_strength_t": "MagneticFieldStrength",
    "echo_time_ms": "EchoTime",
    "repetition_time_ms": "RepetitionTime",
    "inversion_time_ms": "InversionTime",
}
"""Numbers of the acquisition that physics needs and that identify nobody -> DICOM keyword."""
_LONGEST_TEXT = 16
_LEAST_NAME = 3
"""Shorter parts of a name are found in any word."""


def find_series(folder: Path) -> tuple[dict[tuple[str, str], list[Path]], dict[str, int]]:
    """The DICOM files under ``folder`` by group and series, and how many others each group has.

    A group is a folder directly under ``folder``, or ``folder`` itself.
    """
    series: dict[tuple[str, str], list[Path]] = {}
    others: dict[str, int] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        parts = path.relative_to(folder).parts
        group = parts[0] if len(parts) > 1 else folder.resolve().name
        try:
            uid = text(read_header(path)[0], "SeriesInstanceUID")
        except Unprocessable:
            others[group] = others.get(group, 0) + 1
            continue
        series.setdefault((group, uid), []).append(path)
    return series, others


def patient_key(patient_id: str, salt: bytes) -> str:
    """A salted digest of Patient ID, however it is spelt: the same person, but nobody knows who.

    The issuer is left out, as some systems drop it. Images without an ID can't be told apart, so
    they are one patient.
    """
    said = patient_id.strip().casefold()
    return hashlib.blake2b(said.encode(), key=salt, digest_size=8).hexdigest()


def patient_of(paths: Sequence[Path], salt: bytes) -> str:
    """The key of the one patient that the images are of.

    Raises:
        Unprocessable: they are of several.
    """
    keys = {patient_key(text(read_header(path)[0], "PatientID"), salt) for path in paths}
    if len(keys) > 1:
        raise Unprocessable(f"its images are of {len(keys)} patients")
    return keys.pop()


def _acquired(paths: Sequence[Path]) -> SeriesStack:
    """The one stack of a series, of images that were measured in a known unit.

    Raises:
        Unprocessable: there are several stacks, or the images are of another kind.
    """
    stack = open_series(paths)
    if stack.never_restored:
        raise Unprocessable(stack.never_restored)
    return stack


def names_somebody(words: str, header: Dataset) -> bool:
    """Whether ``words`` hold a part of the patient's name, ID or date of birth, however spelt."""
    told = " ".join(
        text(header, keyword)
        for keyword in ("PatientName", "PatientID", "OtherPatientIDs", "PatientBirthDate")
    )
    parts = [part for part in re.split(r"[^a-z0-9]+", _plain(told)) if len(part) >= _LEAST_NAME]
    said = re.sub(r"[^a-z0-9]+", "", _plain(words))
    return any(part in said for part in parts)


def _plain(words: str) -> str:
    """Lower case without accents; umlauts as they are written where there are none."""
    for letter, pair in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("å", "aa"), ("ø", "oe")):
        words = words.casefold().replace(letter, pair)
    parts = unicodedata.normalize("NFKD", words)
    return "".join(c for c in parts if not unicodedata.combining(c))


def info_of(stack: SeriesStack, name: str, group: str, patient: str) -> dict[str, object]:
    """What arrays need beside their pixels, as plain words and numbers."""
    info, header = stack.info, stack.header(0)
    facts: dict[str, object] = {
        word: value
        for word, keyword in FACTS.items()
        if (value := number(header, keyword)) is not None
    }
    written = text(header, "ConvolutionKernel")
    kernel = re.sub(r"[^A-Za-z0-9 _.+-]", "", written)[:_LONGEST_TEXT]
    if kernel and not names_somebody(written, header):
        facts["kernel"] = kernel
    return {
        "name": name,
        "group": group,
        "patient": patient,
        "modality": str(info.modality),
        "region": info.region,
        "unit": info.unit,
        "spacing_mm": list(info.spacing_mm),
        "saturation": list(info.saturation),
        "acquisition": facts,
    }


def write_arrays(folder: Path, out: Path, salt: bytes, keep_names: bool = False) -> Iterator[str]:
    """Write every readable series under ``folder`` to ``out``; yields one line per step.

    Lines name groups and counts, and for what is refused the reason. A group is called
    ``group01`` and so on, or as its folder where ``keep_names`` says that these name nobody.
    """
    series, others = find_series(folder)
    out.mkdir(parents=True, exist_ok=True)
    groups = {group: k for k, group in enumerate(dict.fromkeys(g for g, _ in series), start=1)}
    counters: dict[str, int] = {}
    written = 0
    for k, ((group, _), paths) in enumerate(series.items(), start=1):
        kept = re.sub(r"[^A-Za-z0-9_.]+", "_", group).strip("_")
        shown = kept if keep_names and kept else f"group{groups[group]:02d}"
        try:
            patient = patient_of(paths, salt)
            stack = _acquired(paths)
            slab = stack.slab(0, stack.info.slices)
        except Unprocessable as error:
            yield f"[{k}/{len(series)}] {shown}: refused, {len(paths)} files: {error}"
            continue
        counters[shown] = counters.get(shown, 0) + 1
        name = f"{shown}-{counters[shown]:03d}"
        info = info_of(stack, name, shown, patient)
        np.savez_compressed(
            out / f"{name}.npz", values=slab.values, valid=slab.valid, info=json.dumps(info)
        )
        written += 1
        shape = " x ".join(str(n) for n in slab.values.shape)
        yield f"[{k}/{len(series)}] {name}: {stack.info.modality} {stack.info.region} {shape}"
    if others:
        yield f"{sum(others.values())} other files are no DICOM files"
    yield f"{written} of {len(series)} series written to {out}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 where at least one series was written, 2 for what can't be begun."""
    parser = argparse.ArgumentParser(
        prog="python -m medq_node.pixels.arrays",
        description="Turn folders of DICOM series into arrays without patient data.",
    )
    parser.add_argument("folder", type=Path, help="folder of DICOM files, one per series or not")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the .npz files")
    parser.add_argument(
        "--salt",
        type=Path,
        help="file with a secret of at least 16 bytes, so that patients keep their digests",
    )
    parser.add_argument(
        "--keep-names",
        action="store_true",
        help="name arrays after their folders, which must not name patients; else numbers",
    )
    given = parser.parse_args(arguments)
    if not given.folder.is_dir():
        parser.error(f"{given.folder} is no folder")
    if any(given.out.glob("*.npz")):
        parser.error(
            f"{given.out} has arrays already, whose patients have other digests: remove it"
        )
    salt = secrets.token_bytes(32)
    if given.salt is not None:
        if not given.salt.is_file() or given.salt.stat().st_size < 16:
            parser.error(f"{given.salt} is no file of at least 16 bytes")
        salt = hashlib.sha256(given.salt.read_bytes()).digest()
    line = ""
    for line in write_arrays(given.folder, given.out, salt, given.keep_names):
        sys.stdout.write(line + "\n")
    return 1 if line.startswith("0 of ") else 0


if __name__ == "__main__":
    raise SystemExit(main())
