"""``medq-node check`` says whether those who would be told can be reached, and tells nobody."""

from __future__ import annotations

from medq_node.checkup import checkup
from medq_node.ports import free_port
from tests.notify.conftest import Settings
from tests.notify.receivers import Hook, running_hook, running_mail_server


def test_each_target_has_a_line_and_is_told_nothing(settings: Settings) -> None:
    gone = Hook(free_port())
    with running_hook() as hook, running_mail_server() as box:
        config = settings(
            {"room": hook.settings(), "physicist": box.settings(), "gone": gone.settings()}
        )
        found = {f.what: f for f in checkup(config) if f.what.startswith("notification")}
    assert [what.removeprefix("notification ") for what in found] == ["room", "physicist", "gone"]
    assert [finding.fine for finding in found.values()] == [True, True, False]
    assert f"127.0.0.1:{gone.port}" in found["notification gone"].found
    assert "T0KEN" not in str(found)
    assert not hook.raw
    assert not box.envelopes
