from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import RE_VALID_UID

from medq_node.objects import OutputIdentity, OutputKind
from medq_node.outputs.uids import derived_uid
from medq_node.provenance import IMPLEMENTATION_CLASS_UID

texts = st.text(max_size=80)
identities = st.builds(
    OutputIdentity,
    node_uid=texts,
    revision=st.integers(1, 10**6),
    engine_name=texts,
    engine_version=texts,
    engine_digest=texts,
    action=texts,
    created_at=texts,
    station_name=texts,
)
kinds = st.sampled_from(OutputKind)


def is_valid(uid: str) -> bool:
    return len(uid) <= 64 and re.match(RE_VALID_UID, uid) is not None


@given(identities, texts, kinds, texts)
def test_a_second_try_names_the_same_object(
    identity: OutputIdentity, source: str, kind: OutputKind, part: str
) -> None:
    uid = derived_uid(identity, source, kind, part)
    assert is_valid(uid)
    assert uid == derived_uid(replace(identity), source, kind, part)


@given(identities, texts, kinds, texts)
def test_whatever_changes_the_result_changes_the_uid(
    identity: OutputIdentity, source: str, kind: OutputKind, part: str
) -> None:
    uid = derived_uid(identity, source, kind, part)
    changed = [
        replace(identity, node_uid=identity.node_uid + "1"),
        replace(identity, revision=identity.revision + 1),
        replace(identity, engine_name=identity.engine_name + "x"),
        replace(identity, engine_version=identity.engine_version + "x"),
        replace(identity, engine_digest=identity.engine_digest + "x"),
        replace(identity, action=identity.action + "x"),
    ]
    others = {derived_uid(other, source, kind, part) for other in changed}
    others |= {derived_uid(identity, source + "1", kind, part)}
    others |= {derived_uid(identity, source, kind, part + "x")}
    others |= {derived_uid(identity, source, other, part) for other in OutputKind if other != kind}
    assert uid not in others
    assert len(others) == len(changed) + 2 + len(OutputKind) - 1


@given(identities, texts, kinds, texts)
def test_a_renamed_station_or_a_later_try_does_not(
    identity: OutputIdentity, source: str, kind: OutputKind, part: str
) -> None:
    later = replace(identity, created_at="x", station_name="y", institution_name="z")
    assert derived_uid(later, source, kind, part) == derived_uid(identity, source, kind, part)


@given(identities, st.lists(texts, min_size=2, max_size=2))
def test_fields_do_not_run_into_each_other(identity: OutputIdentity, parts: list[str]) -> None:
    glued = replace(identity, engine_name=parts[0] + parts[1], engine_version="")
    apart = replace(identity, engine_name=parts[0], engine_version=parts[1])
    same = derived_uid(glued, "1", OutputKind.REPORT, "") == derived_uid(
        apart, "1", OutputKind.REPORT, ""
    )
    assert same == (parts[1] == "")


def test_known_uids_stay_what_they_are_across_releases(identity: OutputIdentity) -> None:
    """A change here makes every site send everything twice: it needs a migration."""
    assert IMPLEMENTATION_CLASS_UID == "2.25.219557960559321866068358000351755802313"
    assert (
        derived_uid(identity, "1.2.3", OutputKind.RESTORED, "instance")
        == "2.25.130672805567865095334984757792256423976"
    )
