"""Who is let in, and settings that must be refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from medq_node.errors import ConfigError
from medq_node.receiver import ReceiverSettings
from medq_node.receiver.access import Refusal, host_matches, refusal
from medq_node.receiver.contexts import TRANSFER_SYNTAXES, supported_contexts

UNKNOWN = Refusal.CALLING_AE_TITLE_NOT_RECOGNIZED


@pytest.mark.parametrize(
    ("calling", "called", "host", "expected"),
    [
        ("CT1", "MEDQ", "10.1.2.3", None),
        ("CT1", "MEDQ", "::ffff:10.1.2.3", None),
        ("CT1", "MEDQ", "10.1.2.4", UNKNOWN),
        ("CT2", "MEDQ", "192.168.7.9", None),
        ("CT2", "MEDQ", "192.169.7.9", UNKNOWN),
        ("PACS", "MEDQ_RAW", "8.8.8.8", None),
        ("pacs", "MEDQ", "8.8.8.8", UNKNOWN),
        ("ANYONE", "MEDQ", "127.0.0.1", None),
        ("CT1", "OTHER", "10.1.2.3", Refusal.CALLED_AE_TITLE_NOT_RECOGNIZED),
    ],
)
def test_callers(calling: str, called: str, host: str, expected: Refusal | None) -> None:
    settings = ReceiverSettings(
        spool=Path("unused"),
        port=104,
        called_ae_titles=("MEDQ", "MEDQ_RAW"),
        callers=(
            ("CT1", "10.1.2.3"),
            ("CT2", "192.168.0.0/16"),
            ("PACS", None),
            ("*", "localhost"),
        ),
    )
    assert refusal(settings, calling, called, host) is expected


def test_a_name_that_does_not_resolve_lets_nobody_in() -> None:
    assert not host_matches("no-such-host.invalid", "10.0.0.1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"host": "0.0.0.0"}, "list the callers"),
        ({"host": ""}, "list the callers"),
        ({"ae_title": "SEVENTEEN_LETTERS"}, "16 ASCII"),
        ({"callers": (("A\\B", None),)}, "16 ASCII"),
        ({"port": 70000}, "TCP port"),
        ({"max_pdu_bytes": 0}, "max_pdu_bytes"),
    ],
)
def test_settings_that_would_not_do_say_what_to_change(
    changes: dict[str, object], message: str
) -> None:
    values: dict[str, object] = {"spool": Path("unused"), "port": 104} | changes
    with pytest.raises(ConfigError, match=message):
        ReceiverSettings(**values)


def test_every_accepted_syntax_can_be_decoded_and_every_class_stands_once() -> None:
    from medq_node.pixels.codecs import can_decode

    for syntax in TRANSFER_SYNTAXES:
        assert can_decode(syntax), syntax
    contexts = supported_contexts(("1.3.12.2.1107.5.9.1",))
    classes = [str(context.abstract_syntax) for context in contexts]
    assert len(classes) == len(set(classes)) > 170
    assert "1.3.12.2.1107.5.9.1" in classes
    assert all(
        context.transfer_syntax == list(TRANSFER_SYNTAXES)
        for context in contexts
        if context.abstract_syntax != "1.2.840.10008.1.1"
    )
