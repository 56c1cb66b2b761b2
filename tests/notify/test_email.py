"""E-mail against a real SMTP server (aiosmtpd)."""

from __future__ import annotations

import smtplib

import pytest

from medq_node.errors import NoticeError
from medq_node.notify.message import Message
from medq_node.notify.targets import target
from medq_node.ports import free_port
from tests.notify.conftest import Settings
from tests.notify.receivers import Certificate, Mailbox, running_hook, running_mail_server

LOGIN = {"starttls": True, "username": "medq", "password": "PASSW0RD"}


def tell(settings: Settings, box: Mailbox, message: Message, **more: object) -> str | None:
    return target(settings({"physicist": box.settings(**more)}), "physicist").tell(message)


def complaint(settings: Settings, box: Mailbox, message: Message, **more: object) -> str:
    with pytest.raises(NoticeError) as caught:
        tell(settings, box, message, **more)
    assert "PASSW0RD" not in str(caught.value)
    assert "WR0NG" not in str(caught.value)
    return str(caught.value)


def test_a_mail_says_all_that_the_message_says(settings: Settings, notice: Message) -> None:
    with running_mail_server() as box:
        assert tell(settings, box, notice, recipients=["a@x.example", "b@x.example"]) is None
    [envelope], [mail] = box.envelopes, box.mails
    assert envelope.rcpt_tos == ["a@x.example", "b@x.example"]
    assert mail["Subject"] == "MedQ RESEARCH: verdict reject, CT series from CT1"
    assert mail["From"] == "medq@hospital.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().splitlines() == notice.text.splitlines()


def test_a_repeated_mail_is_known_by_its_message_id(settings: Settings, notice: Message) -> None:
    with running_mail_server() as box:
        tell(settings, box, notice)
        tell(settings, box, notice)
    first, second = box.mails
    assert first["Message-ID"] == second["Message-ID"] == f"<{notice.id}@hospital.example>"
    assert bytes(first) == bytes(second)


def test_starttls_and_login_against_a_trusted_certificate(
    settings: Settings,
    notice: Message,
    certificate: Certificate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    with running_mail_server(certificate, login=True) as box:
        tell(settings, box, notice, **LOGIN)
        assert len(box.mails) == 1
        assert "check username" in complaint(
            settings, box, notice, **{**LOGIN, "password": "WR0NG"}
        )
    assert box.logins[0] == ("medq", "PASSW0RD")


def test_a_password_is_not_sent_to_a_server_that_nobody_vouches_for(
    settings: Settings, notice: Message, certificate: Certificate
) -> None:
    with running_mail_server(certificate, login=True) as box:
        assert "isn't trusted" in complaint(settings, box, notice, **LOGIN)
    assert not box.logins


def test_without_starttls_on_offer_nothing_is_said_in_clear(
    settings: Settings, notice: Message
) -> None:
    with running_mail_server() as box:
        assert "offers no STARTTLS" in complaint(settings, box, notice, starttls=True)
    assert not box.envelopes


def test_a_server_that_insists_on_starttls_is_told_as_a_refusal(
    settings: Settings, notice: Message, certificate: Certificate
) -> None:
    with running_mail_server(certificate) as box:
        assert "530" in complaint(settings, box, notice)


def test_those_who_can_be_told_are_told_once(settings: Settings, notice: Message) -> None:
    people = ["gone@x.example", "here@x.example"]
    with running_mail_server() as box:
        box.refuses.add("gone@x.example")
        remark = tell(settings, box, notice, recipients=people)
        assert "refused 1 of the recipients" in (remark or "")
        assert "refused every recipient" in complaint(
            settings, box, notice, recipients=["gone@x.example"]
        )
    assert [e.rcpt_tos for e in box.envelopes] == [["here@x.example"]]


def test_a_good_bye_that_goes_wrong_does_not_make_it_untold(
    settings: Settings, notice: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang_up(self: smtplib.SMTP) -> None:
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")

    monkeypatch.setattr(smtplib.SMTP, "quit", hang_up)
    with running_mail_server() as box:
        assert tell(settings, box, notice) is None
    assert len(box.mails) == 1


def test_nobody_there_or_no_mail_server_is_a_complaint(settings: Settings, notice: Message) -> None:
    assert "refused" in complaint(settings, Mailbox(free_port()), notice)
    with running_hook() as hook:  # it waits for a request and greets nobody
        complaint(settings, Mailbox(hook.port), notice, timeout_s=0.2)
