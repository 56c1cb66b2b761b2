"""Who is told, as settings: secrets stay secret, and mistakes name their line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medq_node.config import EmailTarget, load_config
from medq_node.errors import ConfigError
from medq_node.notify.email import Email
from medq_node.notify.targets import target
from medq_node.notify.webhook import Webhook

MAIL = "kind: email, host: mail.example, sender: medq@x.example, recipients: [a@x.example]"
LOGIN = "starttls: true, username: medq"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("MEDQ_")]:
        monkeypatch.delenv(name)


def write(folder: Path, entry: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(f"notifications:\n  targets:\n    one: {{{entry}}}\n")
    return path


def complaint(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert "S3CRET" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path.parent}/")


def test_a_password_comes_through_the_environment_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDQ_NOTIFICATIONS__TARGETS__ONE__PASSWORD", "S3CRET")
    config = load_config(write(tmp_path, f"{MAIL}, {LOGIN}"))
    chosen = config.notifications.targets["one"]
    assert isinstance(chosen, EmailTarget)
    assert chosen.password is not None
    assert chosen.password.get_secret_value() == "S3CRET"
    assert "S3CRET" not in repr(config) + str(config) + config.model_dump_json()
    email = target(config, "one")
    assert isinstance(email, Email)
    assert email.password == "S3CRET"
    assert "S3CRET" not in repr(email) + str(email)


def test_the_url_of_a_webhook_is_never_shown(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "kind: webhook, url: 'https://c.example/S3CRET?k=S3CRET'"))
    hook = target(config, "one")
    assert hook == Webhook(True, "c.example", 443, "/S3CRET?k=S3CRET", 10.0)
    assert "S3CRET" not in repr(config) + str(config) + repr(hook) + str(hook)


@pytest.mark.parametrize(
    ("url", "host", "port", "resource"),
    [
        ("http://c.example", "c.example", 80, "/"),
        ("http://c.example:8065/hooks/a", "c.example", 8065, "/hooks/a"),
        ("https://[::1]:8443/a?b=c#d", "::1", 8443, "/a?b=c"),
    ],
)
def test_a_url_is_taken_apart(
    tmp_path: Path, url: str, host: str, port: int, resource: str
) -> None:
    hook = target(load_config(write(tmp_path, f"kind: webhook, url: '{url}'")), "one")
    assert isinstance(hook, Webhook)
    assert (hook.host, hook.port, hook.resource) == (host, port, resource)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("kind: webhook, url: S3CRET", "one.url: input should be a valid URL"),
        ("kind: webhook, url: 'ftp://x/S3CRET'", "one.url: URL scheme should be"),
        ("kind: webhook, url: 'https://me:S3CRET@x/'", "one.url: a user name or password in"),
        ("kind: webhook", "one.url: is required"),
        ("kind: webhok, url: S3CRET", "no kind of target named 'webhok'; did you mean 'webhook'?"),
        ("url: S3CRET", "one.kind: is required"),
        (f"{MAIL}, {LOGIN}, password: [S3CRET]", "one.password: input should be a valid string"),
        (f"{MAIL}, {LOGIN}, pasword: S3CRET", "did you mean 'password'?"),
        (f"{MAIL}, {LOGIN}", "one: username and password go together"),
        (f"{MAIL}, starttls: true, password: S3CRET", "one: username and password go together"),
        (f"{MAIL}, username: medq, password: S3CRET", "a password needs starttls: true"),
        (MAIL.replace("[a@x.example]", "[]"), "one.recipients: at least one"),
        (MAIL.replace("[a@x.example]", "['a@x,b@y']"), "one.recipients.0: an address such"),
        (MAIL.replace("medq@x.example", "nobody"), "one.sender: an address such"),
        (f"{MAIL}, timeout_s: 3600", "one.timeout_s: "),
    ],
)
def test_a_mistake_names_its_line_and_shows_no_secret(
    tmp_path: Path, entry: str, message: str
) -> None:
    said = complaint(write(tmp_path, entry))
    assert message in said
    assert said.startswith("config.yaml:3: notifications.targets.one")
    assert "\n" not in said, "one mistake, one line"


def test_a_mistake_in_the_environment_shows_no_secret_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDQ_NOTIFICATIONS__TARGETS__ONE__URL", "S3CRET")
    said = complaint(write(tmp_path, "kind: webhook"))
    assert "MEDQ_NOTIFICATIONS__TARGETS__ONE__URL (environment)" in said
