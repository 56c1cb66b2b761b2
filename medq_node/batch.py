"""``medq-node run``: the same pipeline on a folder, without a network."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import yaml

from medq_node.config import Config, FolderDestination
from medq_node.errors import MedqError
from medq_node.intake.completion import Completion
from medq_node.intake.grouping import Intake
from medq_node.intake.quiet import QuietTime
from medq_node.intake.service import incoming_files
from medq_node.layout import Layout
from medq_node.status import NodeStatus, node_status, settled
from medq_node.store.database import migrate, open_database
from medq_node.store.seed import seed
from medq_node.store.tables import utc_now
from medq_node.worker import working

_DESTINATION = "out"
_POLL_S = 0.2


def run_folder(
    config: Config,
    folder: Path,
    out: Path,
    engine: str | None,
    restore: str,
    progress: Callable[[NodeStatus, Layout], None],
) -> NodeStatus:
    """Assess and restore every series below ``folder``; results lie below ``out``.

    ``restore`` is ``when_needed``, ``always`` or ``never``. A short-lived node with its own
    database does the work; ``folder`` is only read.

    Raises:
        MedqError: nothing to do, or ``out`` can't be written.
    """
    files = sorted(p for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else [folder]
    if not files or not files[0].exists():
        raise MedqError(f"no files in {folder}")
    with _workspace(out) as data:
        layout = Layout(data)
        layout.make()
        batch = config.model_copy(
            update={
                "node": config.node.model_copy(update={"data": data, "topology": "tap"}),
                "database": type(config.database)(),
                "destinations": {_DESTINATION: FolderDestination(kind="folder", path=out)},
            }
        )
        migrate(batch.database_url)
        sessions = open_database(batch.database_url)
        with sessions.begin() as session:
            seed(session, _rules(engine, restore), "command line")
        for number, file in enumerate(files):
            shutil.copyfile(file, layout.incoming / f"{number:08d}.dcm")
        intake = Intake(sessions, layout)
        intake.group(incoming_files(layout))
        later = utc_now() + timedelta(days=1)
        Completion(sessions, layout, QuietTime(0.0, 0.0, 1.0), utc_now()).close_quiet(later)
        with working(batch, sessions) as start_waiting:
            while True:
                start_waiting()
                status = node_status(sessions, layout, limit=10_000)
                progress(status, layout)
                if settled(status):
                    break
                time.sleep(_POLL_S)
        for series in status.series:
            if series.page is not None:
                target = layout.output_folder(series.series_instance_uid, series.revision).name
                shutil.copyfile(series.page, out / target / series.page.name)
        return status


def _rules(engine: str | None, restore: str) -> str:
    """One rule that says what the command line says."""
    then: dict[str, object] = {"action": "restore", "restore": restore}
    if restore == "never":
        then = {"action": "assess"}
    then["destinations"] = [_DESTINATION]
    if engine is not None:
        then["engine"] = engine
    return yaml.safe_dump({"rules": [{"name": "command line", "then": then}]}, sort_keys=False)


@contextmanager
def _workspace(out: Path) -> Iterator[Path]:
    """A folder for the short-lived node, on the file system of ``out``."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".medq-", dir=out)).resolve()
    except OSError as error:
        raise MedqError(f"can't write to {out}: {error.strerror}") from error
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
