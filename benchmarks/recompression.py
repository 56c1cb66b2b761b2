"""What it costs to send an image in another transfer syntax, and what it saves.

Usage: ``python benchmarks/recompression.py [FOLDER ...] [--slices N]`` where each FOLDER holds
uncompressed images of one series; always first the noisy CT phantom of the demo, 512 x 512 in 16
bits. Prints per syntax, in the median of the slices: CPU ms to compress a file with all that
delivery does (encode, write, decode again, compare), CPU ms of the encoder alone, CPU ms to decode
the file into Explicit VR Little Endian, and how many times smaller the pixel data is. One core.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import pydicom
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medq_node.delivery.frames import opened
from medq_node.delivery.offers import COMPRESSIONS
from medq_node.delivery.recompress import encoded_frames, recompress
from medq_node.demo.sample import make_sample
from medq_node.errors import Unprocessable


def milliseconds(work: Callable[[], object]) -> float:
    """Processor time of ``work``; other work on the machine hardly changes it."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def one_syntax(files: Sequence[Path], syntax: UID, scratch: Path) -> str:
    """A row of the table."""
    there, back = scratch / "there.dcm", scratch / "back.dcm"
    whole, encode, decode, native, coded = [], [], [], 0, 0
    for file in files:
        whole.append(milliseconds(lambda f=file: recompress(f, there, syntax)))
        with opened(file) as stored:
            lengths: list[int] = []
            encode.append(
                milliseconds(
                    lambda s=stored, n=lengths: n.extend(map(len, encoded_frames(s, syntax)))
                )
            )
            native, coded = native + stored.length, coded + sum(lengths)
        decode.append(milliseconds(lambda: recompress(there, back, ExplicitVRLittleEndian)))
    return (
        f"| {syntax.name} | {median(whole):.1f} | {median(encode):.1f} | {median(decode):.1f} "
        f"| {native / coded:.2f} |"
    )


def series(name: str, files: Sequence[Path], scratch: Path) -> None:
    """The table of one series."""
    first = pydicom.dcmread(files[0], stop_before_pixels=True)
    print(
        f"\n{name}: {len(files)} x {first.Rows} x {first.Columns}, {first.BitsStored} bits stored"
    )
    print("| syntax | compress ms | of it encode | decode | ratio |\n|---|---|---|---|---|")
    for syntax in COMPRESSIONS.values():
        try:
            print(one_syntax(files, syntax, scratch))
        except Unprocessable as error:
            print(f"| {syntax.name} | {error} | | | |")
    target = scratch / "implicit.dcm"
    plain = [milliseconds(lambda f=f: recompress(f, target, ImplicitVRLittleEndian)) for f in files]
    print(f"| {ImplicitVRLittleEndian.name} | {median(plain):.1f} | | | 1 |")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--slices", type=int, default=16, help="of each series, evenly spread")
    given = parser.parse_args()
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        (scratch / "phantom").mkdir()
        make_sample(scratch / "phantom")
        for folder in (scratch / "phantom", *given.folders):
            files = sorted(p for p in folder.rglob("*") if p.is_file())
            step = max(len(files) // given.slices, 1)
            series(folder.name, files[::step][: given.slices], scratch)


if __name__ == "__main__":
    main()
