"""``medq-node run``: the same pipeline on a folder, without a network."""

from __future__ import annotations

import shutil
import signal
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
_REMOVE_S = 10.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_folder(
    config: Config,
    folder: Path,
    out: Path,
    engine: str | None,
    restore: str,
    progress: Callable[[NodeStatus, Layout], None],
    stopped: Callable[[], None],
) -> NodeStatus:
    """Assess and restore every series below ``folder``; results lie below ``out``.

    ``restore`` is ``when_needed``, ``always`` or ``never``. A short-lived node with its own
    database does the work; ``folder`` is only read. ``stopped`` ends this process: it is called
    after Ctrl-C, when the work in flight is gone.

    Raises:
        MedqError: nothing to do, or ``out`` can't be written.
    """
    files = sorted(p for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else [folder]
    if not files:
        raise MedqError(f"no files in {folder}")
    with _workspace(out) as data:
        layout = Layout(data)
        layout.make()
        batch = batch_config(config, data, out)
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
        _refuse_old_results(node_status(sessions, layout, limit=None), out, layout)
        # Threads and children that start now inherit deaf ears: this thread alone hears Ctrl-C.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        with working(batch, sessions) as work:
            try:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
                while True:
                    work.start_waiting()
                    status = node_status(sessions, layout, limit=None)
                    progress(status, layout)
                    if settled(status):
                        break
                    time.sleep(_POLL_S)
            except KeyboardInterrupt:
                # Nobody resumes a batch: nothing to drain, and nothing may stay behind.
                work.abandon()
                _remove(data)
                stopped()
        for series in status.series:
            target = out / layout.output_folder(series.series_instance_uid, series.revision).name
            if series.page is not None and target.is_dir():
                shutil.copyfile(series.page, target / series.page.name)
        return status


def batch_config(config: Config, data: Path, out: Path) -> Config:
    """The settings of the short-lived node in ``data``, whose results lie below ``out``."""
    return config.model_copy(
        update={
            "node": config.node.model_copy(update={"data": data, "topology": "tap"}),
            "database": type(config.database)(),
            # What was compiled stays when the short-lived node goes.
            "engine": config.engine.model_copy(update={"compiled": config.engine_options.compiled}),
            "destinations": {_DESTINATION: FolderDestination(kind="folder", path=out)},
            # Whoever runs a command sees its result; nobody else is told.
            "notifications": type(config.notifications)(),
            # Whoever names a folder has chosen what is in it, and nobody could release it later.
            "identity": config.identity.model_copy(update={"hold_when_differing": ()}),
            # Whatever is to be said is told at the end, alarms with it.
            "log": config.log.model_copy(update={"level": "critical"}),
            "firewall": config.firewall.model_copy(update={"results_per_study": 10_000}),
            "delivery": config.delivery.model_copy(
                update={"retry_initial_s": 1.0, "retry_attempts": 3}
            ),
        }
    )


def _refuse_old_results(status: NodeStatus, out: Path, layout: Layout) -> None:
    """Another run makes other UIDs: its images must not be mixed with those of an earlier one."""
    for series in status.series:
        name = layout.output_folder(series.series_instance_uid, series.revision).name
        if (out / name).exists():
            raise MedqError(
                f"{out / name} holds the results of an earlier run: remove it, or choose another "
                "folder with --out"
            )


def _rules(engine: str | None, restore: str) -> str:
    """One rule that says what the command line says."""
    then: dict[str, object] = {"action": "restore", "restore": restore}
    if restore == "never":
        then = {"action": "assess"}
    then["destinations"] = [_DESTINATION]
    if engine is not None:
        then["engine"] = engine
    return yaml.safe_dump({"rules": [{"name": "command line", "then": then}]}, sort_keys=False)


def _remove(data: Path) -> None:
    """Remove a folder in which threads, or judges that lost their parent, may still write."""
    deadline = time.monotonic() + _REMOVE_S
    while data.exists() and time.monotonic() < deadline:
        shutil.rmtree(data, ignore_errors=True)


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
