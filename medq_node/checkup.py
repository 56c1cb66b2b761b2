"""``medq-node check``: would this node work? Looks, changes nothing."""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from engines.base import REGISTRY, EngineError
from medq_node.config import Config
from medq_node.errors import DeliveryError, MedqError, NoticeError, StoreError
from medq_node.orders import wanted_by_default
from medq_node.ports import check_port
from medq_node.restoring import VOCABULARY
from medq_node.store.database import open_existing, plain_store_errors
from medq_node.store.seed import current_rules
from rules.model import RuleError, check_names, load_rules


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    fine: bool
    found: str


def checkup(config: Config) -> list[Finding]:
    """Settings, rules, engine, disk, port, destinations and notifications, in that order."""
    return [
        Finding("settings", True, f"{config.node.ae_title}, topology {config.node.topology}"),
        check_rules(config),
        _engine(config),
        _disk(config),
        _port(config),
        *(_destination(config, name) for name in config.destinations),
        *(_target(config, name) for name in config.notifications.targets),
    ]


def check_rules(config: Config) -> Finding:
    """Those in the database once a node has run, else the file that will seed it."""
    url = config.database_url
    try:
        with plain_store_errors(url), open_existing(url)() as session:
            row = current_rules(session)
            text, source = row.text, f"database, version {row.version}"
    except StoreError as error:
        return Finding("rules", False, str(error))
    except MedqError:
        try:
            text, source = config.rules.seed.read_text("utf-8"), str(config.rules.seed)
        except OSError as error:
            return Finding("rules", False, f"{config.rules.seed}: {error.strerror}")
    try:
        rule_set = load_rules(text, source, VOCABULARY)
    except RuleError as error:
        return Finding("rules", False, str(error))
    problems = check_names(rule_set, REGISTRY.keys(), config.destinations.keys())
    if problems:
        return Finding("rules", False, f"{source}: " + "; ".join(problems))
    return Finding("rules", True, f"{len(rule_set.rules)} rules ({source})")


def _engine(config: Config) -> Finding:
    """Loaded and tested as a child does; with an alarm the node works, but not as it should."""
    # With all that comes with engines; a node that starts looks over its rules alone.
    from medq_node.workshop.serving import serving

    try:
        found = serving(wanted_by_default(config))
    except EngineError as error:
        return Finding("engine", False, str(error))
    if found.alarms:
        return Finding("engine", False, " ".join(filter(None, (*found.alarms, found.why))))
    engine = found.engine
    words = f"{engine.name} {engine.version}, digest {engine.digest[:12]}, self-test passed"
    return Finding("engine", True, words)


def _disk(config: Config) -> Finding:
    folder = _existing(config.node.data)
    if not os.access(folder, os.W_OK):
        return Finding("disk", False, f"{folder} can't be written: change owner, or node.data")
    free_mib = shutil.disk_usage(folder).free // 2**20
    needed_mib = config.receiver.minimum_free_mib
    words = f"{free_mib} MiB free below {config.node.data}, objects are refused below {needed_mib}"
    return Finding("disk", free_mib > needed_mib, words)


def _port(config: Config) -> Finding:
    host, port = config.receiver.host, config.receiver.port
    if _running(config):
        return Finding("port", True, f"the node is running on {host}:{port}")
    try:
        check_port(host, port, patience_s=0.0)
    except MedqError as error:
        return Finding("port", False, str(error))
    return Finding("port", True, f"{host}:{port} is free")


def _running(config: Config) -> bool:
    """Whether a node holds the lock of this data folder."""
    try:
        with (config.node.data / "node.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _destination(config: Config, name: str) -> Finding:
    from medq_node.delivery.destinations import destination

    try:
        seconds = destination(config, name).echo()
    except DeliveryError as error:
        return Finding(f"destination {name}", False, str(error))
    return Finding(f"destination {name}", True, f"answered in {1000 * seconds:.0f} ms")


def _target(config: Config, name: str) -> Finding:
    """Whether its host answers; nobody is told anything."""
    from medq_node.notify.targets import target

    chosen = target(config, name)
    try:
        seconds = chosen.reach()
    except NoticeError as error:
        return Finding(f"notification {name}", False, str(error))
    return Finding(f"notification {name}", True, f"{chosen} answers in {1000 * seconds:.0f} ms")


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)
