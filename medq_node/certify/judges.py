"""Programs of others that judge our objects before they leave, where they are installed.

dciodvfy (dicom3tools) knows the modules of every IOD, PixelMed's DicomSRValidator the templates of
reports and key objects. Both quote values of the object in what they say, and those may be a
patient's: their words are compared as they are, and told only without what they quote.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import structlog

from medq_node.certify.images import places_of, sources_of
from medq_node.certify.verdicts import (
    Verdict,
    inherited,
    read_dciodvfy,
    read_pixelmed,
    without_values,
)
from medq_node.errors import MedqError
from medq_node.objects import CertifySettings, OutputKind, OutputObject
from medq_node.pixels.header import read_header
from medq_node.pixels.series import SeriesStack

log = structlog.get_logger("certify")

DCIODVFY: Final = "dciodvfy"
PIXELMED: Final = "DicomSRValidator"

_JAVA_OPTIONS: Final = " ".join(
    [f"-Djdk.xml.xpath{name}=0" for name in ("TotalOpLimit", "ExprOpLimit", "ExprGrpLimit")]
    + ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]  # starts in half the time
)
"""JDK 17's XPath limits are too low for the template rules."""

_WITH_TEMPLATE: Final = frozenset(
    {OutputKind.REPORT, OutputKind.QUALITY_ISSUE, OutputKind.KEY_OBJECT}
)
"""Kinds that follow a template: of others PixelMed knows no more than dciodvfy, or nothing."""

_LOOK_UP_S = 0.1
"""How often a judge at work is looked at: has it been called off?"""


class NoAnswer(MedqError):
    """A judge died, hung or said nothing that can be read; the message says which."""


@contextmanager
def judges_at_work(
    outputs: Sequence[OutputObject], sources: Sequence[SeriesStack], settings: CertifySettings
) -> Iterator[Callable[[], tuple[str, ...]]]:
    """The judges look at ``outputs`` while the block runs; yields what waits for their complaints.

    They are programs of their own and take seconds. A block that ends without asking has found
    what it needs: the judges are called off and nothing is told of what they said.
    """
    called_off = threading.Event()
    with ThreadPoolExecutor(1, "judges") as pool:
        complaints = pool.submit(judge_objects, outputs, sources, settings, called_off)
        try:
            yield complaints.result
        finally:
            called_off.set()


def judge_objects(
    outputs: Sequence[OutputObject],
    sources: Sequence[SeriesStack],
    settings: CertifySettings,
    called_off: threading.Event | None = None,
) -> tuple[str, ...]:
    """What the installed judges newly complain of, one sentence each; empty where nothing.

    A complaint that a judge has of the source image too is logged and isn't ours. A judge that
    gives no answer condemns nothing: it is logged and not asked again. Once ``called_off`` is set
    nobody is asked any more, and who is at work is ended.
    """
    bench = _Bench(sources, settings.timeout_s, called_off or threading.Event())
    faults: list[str] = []
    for output in _judged(outputs, settings.judged_images):
        if DCIODVFY in settings.judges:
            faults += bench.complaints(DCIODVFY, output)
        if PIXELMED in settings.judges and output.kind in _WITH_TEMPLATE:
            faults += bench.complaints(PIXELMED, output)
    return tuple(faults)


def run_judge(
    judge: str, path: Path, timeout_s: float, called_off: threading.Event | None = None
) -> Verdict:
    """What ``judge`` says of the object at ``path``; its words may quote values.

    Raises:
        NoAnswer: it can't be run, took longer than ``timeout_s`` seconds, ended without verdict, or
            was ended because ``called_off`` was set.
    """
    called_off = called_off or threading.Event()
    program = shutil.which(judge)
    if program is None:
        raise NoAnswer("it isn't installed")
    if judge == DCIODVFY:
        command = [program, "-new", str(path.absolute())]
        said = _run(command, os.environ, timeout_s, called_off)
        verdict = read_dciodvfy(said)
    else:
        options = f"{os.environ.get('JDK_JAVA_OPTIONS', '')} {_JAVA_OPTIONS}".strip()
        environment = os.environ | {"JDK_JAVA_OPTIONS": options}
        command = [program, str(path.absolute())]
        verdict = read_pixelmed(_run(command, environment, timeout_s, called_off))
    if verdict is None:
        raise NoAnswer("it ended without a verdict")
    return verdict


def installed_judges() -> tuple[str, ...]:
    """Those of the judges that can be asked on this machine."""
    return tuple(judge for judge in (DCIODVFY, PIXELMED) if shutil.which(judge))


@dataclass(slots=True)
class _Bench:
    """The judges that still answer."""

    sources: Sequence[SeriesStack]
    timeout_s: float
    called_off: threading.Event
    _silent: set[str] = field(default_factory=set)

    def complaints(self, judge: str, output: OutputObject) -> list[str]:
        """Sentences on what is new in ``output``, each once."""
        if shutil.which(judge) is None:
            return []
        verdict = self._ask(judge, output.path, output.sop_instance_uid)
        if verdict is None or not verdict.errors:
            return []
        new = list(verdict.errors)
        if judge == DCIODVFY:
            known, uids = self._errors_of_source(output), _uids(self.sources)
            new = [line for line in new if not inherited(line, known, uids)]
        if len(new) < len(verdict.errors):
            log.info(
                "complaints are inherited from the source",
                judge=judge,
                sop_instance_uid=output.sop_instance_uid,
                complaints=sorted({without_values(e) for e in verdict.errors if e not in new}),
            )
        counted = Counter(without_values(line) for line in new)
        return [
            f"Object {output.sop_instance_uid}: {judge} complains: {words}"
            + (f" ({count} times)." if count > 1 else ".")
            for words, count in counted.items()
        ]

    def _ask(self, judge: str, path: Path, sop_instance_uid: str) -> Verdict | None:
        if judge in self._silent or self.called_off.is_set():
            return None
        try:
            return run_judge(judge, path, self.timeout_s, self.called_off)
        except NoAnswer as problem:
            if self.called_off.is_set():
                return None
            self._silent.add(judge)
            log.warning(
                "judge gave no answer",
                judge=judge,
                sop_instance_uid=sop_instance_uid,
                why=str(problem),
            )
            return None

    def _errors_of_source(self, output: OutputObject) -> frozenset[str]:
        """Of the image that ``output`` was made of; of a document, of each series' first image."""
        instances = [source.instances[0] for source in self.sources]
        if output.kind is OutputKind.RESTORED:
            found = sources_of(read_header(output.path)[0], places_of(self.sources))[0]
            instances = [found[0].instances[found[1]]] if found else []
        errors: set[str] = set()
        for instance in instances:
            verdict = self._ask(DCIODVFY, instance.path, instance.sop_instance_uid)
            errors |= set(verdict.errors) if verdict else set()
        return frozenset(errors)


def _uids(sources: Sequence[SeriesStack]) -> frozenset[str]:
    return frozenset(
        uid
        for source in sources
        for i in source.instances
        for uid in (
            i.study_instance_uid,
            i.series_instance_uid,
            i.sop_instance_uid,
            i.frame_of_reference_uid,
        )
    )


def spread(total: int, wanted: int) -> list[int]:
    """At most ``wanted`` of ``total`` places, evenly spread; two and more hold first and last."""
    if wanted == 1 and total:
        return [total // 2]
    return sorted({round(place) for place in np.linspace(0, total - 1, min(wanted, total))})


def _judged(outputs: Sequence[OutputObject], images: int) -> list[OutputObject]:
    """Every document, and of the restored images those that stand for all."""
    restored = [output for output in outputs if output.kind is OutputKind.RESTORED]
    documents = [output for output in outputs if output.kind is not OutputKind.RESTORED]
    return [restored[index] for index in spread(len(restored), images)] + documents


def _run(
    command: Sequence[str],
    environment: Mapping[str, str],
    timeout_s: float,
    called_off: threading.Event,
) -> list[str]:
    """Lines that a program writes, whatever its exit code.

    It gets a session of its own: what a script has started has to end with it.
    """
    try:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as problem:
        raise NoAnswer(f"it can't be run: {problem.strerror}") from problem
    with process:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                said, _ = process.communicate(timeout=min(_LOOK_UP_S, timeout_s))
            except subprocess.TimeoutExpired as working:
                late = time.monotonic() >= deadline
                if late or called_off.is_set():
                    os.killpg(process.pid, signal.SIGKILL)
                    why = f"it took longer than {timeout_s:g} s and was killed"
                    raise NoAnswer(why if late else "it was called off") from working
            else:
                return said.splitlines()
