"""Every judge's verdict on one of every output, as a table: ``python -m tests.judging``.

Outputs are made by the workshop of generated series, and of real ones where these are at hand. A
cell says that a judge passes an output, or how many complaints it has; ``-``: not its subject.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import gdcm
import highdicom
import numpy as np
import pydicom
from pydicom.uid import generate_uid

import medq_node
from medq_node.certify.objects import check_objects
from medq_node.objects import Form, GateLimits, OutputKind, OutputObject, OutputReference
from medq_node.outputs.content import ActionTaken
from medq_node.pixels.series import SeriesStack, open_series
from medq_node.provenance import RESEARCH_LABEL
from medq_node.workshop.order import StudyOrder, StudySeries, WorkOrder
from medq_node.workshop.produce import produce
from medq_node.workshop.study_note import write_study_note
from tests.build import ct_series, mr_series, pet_series, phantom
from tests.certify.made import revised, work_order
from tests.conftest import _data_root
from tests.judges import dcentvfy_errors, dciodvfy_errors, dsrdump, pixelmed_errors
from tests.peers import Orthanc, running_orthanc, storescu

PASSES, NOT_ITS_SUBJECT, NOT_HERE = "passes", "-", "not installed"
MODALITIES = ("CT", "MR", "PT")
HEADING = """# Judges by output

What each judge says of one of every output: `medq-node` is our own certifying; Orthanc stores the
object and gives back the same data set; `-` is not its subject. Written by `make judges`."""

TREES = (OutputKind.REPORT, OutputKind.TEXT, OutputKind.QUALITY_ISSUE, OutputKind.KEY_OBJECT)
FORMS = {
    OutputKind.TEXT: "text report on a series",
    OutputKind.PAGE: "page on a series",
    OutputKind.PDF: "PDF on a series",
    OutputKind.QUALITY_ISSUE: "key object on the worst images",
}

REAL = {
    "CT": "ct_lidc0314_chest_1mm",
    "MR": "mr_brain_t2_trio",
    "PT": "pet_crop_sts_004",
    "study": ("ct_lungdx_A0001_kernel_B", "ct_lungdx_A0001_kernel_L"),
}
"""Series under dev/; the last two are of one study."""


@dataclass(frozen=True)
class Row:
    """Objects of one kind, and what they were made of."""

    name: str
    outputs: tuple[OutputObject, ...]
    sources: tuple[SeriesStack, ...]
    superseded: tuple[OutputReference, ...] = ()
    known: tuple[OutputObject, ...] = ()

    @property
    def paths(self) -> list[Path]:
        return [output.path for output in self.outputs]

    @property
    def has_tree(self) -> bool:
        """Whether it is a document of content items."""
        return self.outputs[0].kind in TREES


def generated(folder: Path) -> dict[str, list[Path]]:
    """Files of a noisy CT, an MR and a PET series, and of two CT series of one study."""
    study = generate_uid(prefix="2.25.")
    noise = np.random.default_rng(5).normal(0, 40, (4, 96, 96))
    body = phantom(4, 96, 96) * 1040 + 24 + noise
    noisy = np.clip(body, 0, 4095).round().astype(np.int16)
    return {
        "CT": ct_series(folder / "CT", pixels=noisy),
        "MR": mr_series(folder / "MR", slices=4, rows=96, columns=96),
        "PT": pet_series(folder / "PT", slices=4, rows=96, columns=96),
        "study 1": ct_series(folder / "study 1", pixels=noisy, StudyInstanceUID=study),
        "study 2": ct_series(folder / "study 2", slices=3, StudyInstanceUID=study),
    }


def real(root: Path) -> dict[str, list[Path]]:
    """The same of real series."""
    names = {m: REAL[m] for m in MODALITIES}
    names |= {f"study {i}": name for i, name in enumerate(REAL["study"], start=1)}
    return {
        key: sorted((root / "dev" / name).glob("*.dcm"))
        or sorted(p for p in (root / "dev" / name).iterdir() if p.is_file())
        for key, name in names.items()
    }


def rows(files: dict[str, list[Path]], folder: Path) -> Iterator[Row]:
    """One row for each kind of output."""
    for modality in MODALITIES:
        first = work_order(files[modality], folder / modality / "r1")
        order = revised(first, folder / modality / "r2")
        source = (open_series(files[modality]),)
        outputs = produce(order).outputs
        of = {k: tuple(o for o in outputs if o.kind is k) for k in OutputKind}
        restored = of[OutputKind.RESTORED]
        yield Row(f"restored {modality}", restored, source)
        if modality == "CT":
            report, key_object = of[OutputKind.REPORT], of[OutputKind.KEY_OBJECT]
            yield Row("report on a series", report, source, order.superseded, restored)
            yield _refused(first, folder / "refused")
            yield _on_a_study([files["study 1"], files["study 2"]], folder / "study")
            for kind, name in FORMS.items():
                if of[kind]:  # no key object where nothing is wrong
                    yield Row(name, of[kind], source, order.superseded, restored)
            yield Row("key object on replaced outputs", key_object, source, order.superseded)


def _refused(order: WorkOrder, folder: Path) -> Row:
    """No change is small enough for these limits."""
    strict = GateLimits(edge_noise_levels=0.0, local_change_share=0.0, local_change_hu=0.0)
    result = produce(replace(order, folder=folder, limits=strict, forms=(Form.SR,)))
    assert result.taken is ActionTaken.REFUSED
    return Row("report of a refused restoration", result.outputs, (open_series(order.paths),))


def _on_a_study(files: Sequence[list[Path]], folder: Path) -> Row:
    orders = [
        replace(work_order(paths, folder / f"series {i}"), report=False)
        for i, paths in enumerate(files)
    ]
    restored = [output for order in orders for output in produce(order).outputs]
    outputs = write_study_note(
        StudyOrder(
            series=tuple(
                StudySeries(
                    i, i, o.paths, o.folder, o.revision, o.restore, o.created_at, len(o.paths)
                )
                for i, o in enumerate(orders)
            ),
            folder=folder / "note",
            node_uid=orders[0].node_uid,
            station_name=orders[0].station_name,
            institution_name=orders[0].institution_name,
            number=1,
            created_at=orders[0].created_at,
            judging=orders[0].judging,
        )
    )
    sources = tuple(open_series(paths) for paths in files)
    return Row("report on a study", outputs, sources, known=tuple(restored))


def _own(row: Row) -> int:
    return len(
        check_objects(
            row.outputs, row.sources, RESEARCH_LABEL, superseded=row.superseded, known=row.known
        )
    )


def _dcentvfy(row: Row) -> int:
    """Among themselves and with the originals: one patient, one study, one series."""
    originals = [i.path for source in row.sources for i in source.instances]
    return len(dcentvfy_errors([*row.paths, *originals]))


def _dsrdump(row: Row) -> int:
    return sum(not dsrdump(path) for path in row.paths)


def _gdcm(row: Row) -> int:
    """Objects that it can't read, and images of which it reads other pixel values than pydicom."""
    return sum(not _gdcm_agrees(path) for path in row.paths)


def _gdcm_agrees(path: Path) -> bool:
    dataset = pydicom.dcmread(path)
    if "PixelData" not in dataset:
        reader = gdcm.Reader()
        reader.SetFileName(str(path))
        return bool(reader.Read())
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        return False
    # GDCM gives bytes as text, with what isn't Unicode as surrogates.
    values = reader.GetImage().GetBuffer().encode("utf-8", "surrogateescape")
    expected = dataset.pixel_array
    return bool(np.array_equal(np.frombuffer(values, expected.dtype), expected.ravel()))


def _orthanc(row: Row, pacs: Orthanc) -> int:
    """Objects that don't come back as the data set that was stored."""
    if storescu(pacs.dicom_port, row.paths, called=pacs.ae_title).returncode != 0:
        return len(row.paths)
    held = [pydicom.dcmread(io.BytesIO(pacs.file(i))) for i in pacs.get("/instances")]
    by_uid = {ds.SOPInstanceUID: ds for ds in held}
    sent = [pydicom.dcmread(path) for path in row.paths]
    return sum(by_uid.get(ds.SOPInstanceUID) != ds for ds in sent)


def verdicts(row: Row, pacs: Orthanc | None) -> dict[str, str]:
    """Judge -> its cell."""
    documents: dict[str, Callable[[Row], int]] = {
        "dsrdump": _dsrdump,
        "DicomSRValidator": lambda r: sum(len(pixelmed_errors(path)) for path in r.paths),
    }
    judges: dict[str, Callable[[Row], int]] = {
        "medq-node": _own,
        "dciodvfy": lambda r: sum(len(dciodvfy_errors(path)) for path in r.paths),
        "dcentvfy": _dcentvfy,
        **documents,
        "GDCM": _gdcm,
    }
    cells = {}
    for name, complaints in judges.items():
        if name in documents and not row.has_tree:
            cells[name] = NOT_ITS_SUBJECT
        elif name not in ("medq-node", "GDCM") and shutil.which(name) is None:
            cells[name] = NOT_HERE
        else:
            cells[name] = _cell(complaints(row))
    cells["Orthanc"] = _cell(_orthanc(row, pacs)) if pacs else NOT_HERE
    return cells


def _cell(complaints: int) -> str:
    return PASSES if complaints == 0 else str(complaints)


def table(groups: dict[str, Sequence[tuple[str, dict[str, str]]]]) -> str:
    """Markdown: rows are outputs, columns judges."""
    judges = next(iter(next(iter(groups.values()))))[1].keys()
    lines = [f"| output | {' | '.join(judges)} |", f"|---|{'---|' * len(judges)}"]
    for made_of, group in groups.items():
        lines += [f"| {name}, {made_of} | {' | '.join(cells.values())} |" for name, cells in group]
    return "\n".join(lines)


def versions() -> str:
    """The judges by name and version, as Debian's packages say."""
    packages = ("dicom3tools", "dcmtk", "pixelmed-apps", "orthanc")
    named = [f"medq-node {medq_node.__version__}", f"GDCM {gdcm.Version.GetVersion()}"]
    named += [f"pydicom {pydicom.__version__}", f"highdicom {highdicom.__version__}"]
    if shutil.which("dpkg-query"):
        for package in packages:
            query = ["dpkg-query", "-W", "-f", "${Version}", package]
            said = subprocess.run(query, capture_output=True, text=True, check=False)
            named.append(f"{package} {said.stdout or 'not installed'}")
    return ", ".join(named)


def main() -> int:
    """Print the table; 1 where a judge complains."""
    groups: dict[str, list[tuple[str, dict[str, str]]]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        has_orthanc = shutil.which("Orthanc", path="/usr/bin:/usr/sbin:/usr/local/sbin")
        pacs = stack.enter_context(running_orthanc(folder / "pacs")) if has_orthanc else None
        sets = {"generated": generated(folder / "in")}
        if root := _data_root():
            sets["real"] = real(root)
        for made_of, files in sets.items():
            groups[made_of] = []
            for row in rows(files, folder / made_of):
                groups[made_of].append((row.name, verdicts(row, pacs)))
                print(made_of, *groups[made_of][-1], file=sys.stderr)
    print(f"{HEADING}\n\n{table(groups)}\n\n{versions()}")
    cells = {cell for group in groups.values() for _, row in group for cell in row.values()}
    return 0 if cells <= {PASSES, NOT_ITS_SUBJECT, NOT_HERE} else 1


if __name__ == "__main__":
    sys.exit(main())
