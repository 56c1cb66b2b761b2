"""Webhooks against a real HTTP server: what counts as told, and that tokens stay secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from medq_node.errors import NoticeError
from medq_node.notify.message import Message
from medq_node.notify.targets import target
from medq_node.ports import free_port
from tests.notify.conftest import Settings
from tests.notify.receivers import Certificate, Hook, make_certificate, running_hook


def tell(settings: Settings, hook: Hook, message: Message, **more: object) -> str | None:
    return target(settings({"room": hook.settings(**more)}), "room").tell(message)


def complaint(settings: Settings, hook: Hook, message: Message, **more: object) -> str:
    with pytest.raises(NoticeError) as caught:
        tell(settings, hook, message, **more)
    said = str(caught.value)
    assert "T0KEN" not in said
    assert f"127.0.0.1:{hook.port}" in said
    return said


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_means_told(settings: Settings, notice: Message, status: int) -> None:
    with running_hook() as hook:
        hook.status = status
        assert tell(settings, hook, notice) is None
    [(path, body)] = hook.posts
    assert path == "/hooks/T0KEN-IN-PATH?key=T0KEN-IN-QUERY"
    assert body == notice.as_json()
    assert b"Content-Type: application/json" in hook.raw[0]


@pytest.mark.parametrize(
    ("status", "hint"), [(404, "still right"), (410, "still right"), (429, ""), (503, "")]
)
def test_any_other_answer_means_not_told(
    settings: Settings, notice: Message, status: int, hint: str
) -> None:
    with running_hook() as hook:
        hook.status = status
        said = complaint(settings, hook, notice)
    assert f"answered {status}" in said
    assert hint in said


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(settings: Settings, notice: Message, status: int) -> None:
    with running_hook() as hook, running_hook() as elsewhere:
        hook.status, hook.location = status, elsewhere.url
        assert "aren't followed" in complaint(settings, hook, notice)
        assert not elsewhere.posts


def test_nobody_there_is_told_by_host_alone(settings: Settings, notice: Message) -> None:
    said = complaint(settings, Hook(free_port()), notice)
    assert "refused" in said


def test_one_that_hangs_is_left_after_its_time(settings: Settings, notice: Message) -> None:
    with running_hook() as hook:
        hook.hangs.set()
        assert "no answer in time" in complaint(settings, hook, notice, timeout_s=0.2)


def test_a_server_of_something_else_is_no_webhook(settings: Settings, notice: Message) -> None:
    with running_hook() as plain:
        # TLS towards a server that speaks none.
        hook = Hook(plain.port, tls=True)
        complaint(settings, hook, notice)


def test_a_certificate_must_be_trusted_and_name_the_host(
    settings: Settings,
    notice: Message,
    certificate: Certificate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running_hook(certificate=certificate) as hook:
        assert "isn't trusted" in complaint(settings, hook, notice)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
        assert tell(settings, hook, notice) is None
    other = make_certificate(tmp_path, "DNS:elsewhere.example")
    with running_hook(certificate=other) as hook:
        monkeypatch.setenv("SSL_CERT_FILE", str(other.certificate))
        assert "isn't trusted" in complaint(settings, hook, notice)
        assert not hook.posts


def test_a_host_that_can_have_no_address_is_a_complaint(
    settings: Settings, notice: Message
) -> None:
    config = settings({"room": {"kind": "webhook", "url": f"http://{'a' * 70}.example/T0KEN"}})
    for attempt in (lambda: target(config, "room").tell(notice), target(config, "room").reach):
        with pytest.raises(NoticeError) as caught:
            attempt()
        assert "T0KEN" not in str(caught.value)
