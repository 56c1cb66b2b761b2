"""A node's settings and database, and one message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from medq_node.config import Config, load_config
from medq_node.notify.message import Message
from medq_node.store.database import Sessions
from tests.notify.receivers import Certificate, make_certificate
from tests.notify.rows import message, opened, rejected

Settings = Callable[..., Config]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Function: settings with these targets, by name."""

    def make(targets: Mapping[str, Any], **notifications: Any) -> Config:
        path = tmp_path / "config.yaml"
        told = {"targets": dict(targets), **notifications}
        whole = {"node": {"data": "data"}, "notifications": told}
        path.write_text(yaml.safe_dump(whole, sort_keys=False))
        return load_config(path)

    return make


@pytest.fixture
def sessions(settings: Settings) -> Sessions:
    return opened(settings({}))


@pytest.fixture
def notice(sessions: Sessions) -> Message:
    return message(sessions, rejected(sessions, ["ct-room"])[0])


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))
