"""config.yaml: what is shipped works, the environment wins, and every mistake names its line."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from medq_node.config import (
    Config,
    DicomDestination,
    FolderDestination,
    GateSettings,
    NodeSettings,
    load_config,
)
from medq_node.errors import ConfigError
from medq_node.objects import GateLimits
from medq_node.receiver.settings import ReceiverSettings

SHIPPED = Path(__file__).resolve().parent.parent / "config.yaml"
Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.upper().startswith("MEDQ_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def file(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return file


def complaint(path: Path | None) -> list[str]:
    """The lines of the complaint, without the folder."""
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    folder = "" if path is None else f"{path.parent}/"
    return [line.removeprefix(folder) for line in str(caught.value).splitlines()]


# ---- What is shipped ----


def test_the_shipped_file_is_the_defaults_and_a_pacs() -> None:
    shipped = load_config(SHIPPED)
    assert shipped.destinations == {
        "pacs": DicomDestination(kind="dicom", ae_title="ORTHANC", host="127.0.0.1", port=4242)
    }
    default = Config()
    for name in Config.model_fields:
        if name not in ("destinations", "node"):
            assert getattr(shipped, name) == getattr(default, name), name
    assert shipped.node == default.node.model_copy(update={"data": SHIPPED.parent / "data"})


def test_the_shipped_file_explains_every_setting_by_a_comment() -> None:
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    for section, field in Config.model_fields.items():
        assert f"{section}:" in lines
        model = DicomDestination if section == "destinations" else field.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        for name in model.model_fields:
            written = rf"\s+(# )?{name}:.*"
            places = [i for i, line in enumerate(lines) if re.fullmatch(written, line)]
            assert any(lines[i - 1].strip().startswith("# ") for i in places), f"{section}.{name}"


def test_the_gate_is_configured_by_its_own_limits_and_defaults() -> None:
    assert Config().gate.model_dump() == dataclasses.asdict(GateLimits())
    limits = Config(gate=GateSettings(bias_hu=0.5)).gate_limits
    assert limits.bias_hu == 0.5


def test_no_pdu_length_is_taken_that_the_receiver_refuses(write: Write, tmp_path: Path) -> None:
    config = load_config(write("receiver: {max_pdu_bytes: 1048576}"))
    settings = ReceiverSettings(tmp_path, 0, max_pdu_bytes=config.receiver.max_pdu_bytes)
    assert settings.max_pdu_bytes == 1048576
    assert complaint(write("receiver: {max_pdu_bytes: 1048577}"))[0].startswith("config.yaml:1")


def test_a_study_id_that_scanners_number_on_their_own_holds_nothing_unless_told(
    write: Write,
) -> None:
    """Two scanners of one study seldom agree on it (PS3.3 C.7.2.1: user or equipment generated)."""
    assert "StudyID" not in Config().identity.hold_when_differing
    told = load_config(write("identity: {hold_when_differing: [StudyID]}"))
    assert told.identity.hold_when_differing == ("StudyID",)


def test_databases_lie_in_the_data_folder_unless_told_otherwise(write: Write) -> None:
    config = load_config(
        write("node: {data: kept}\ndatabase: {workflow_url: 'postgresql://h/w'}\n")
    )
    folder = write("").parent / "kept"
    assert config.database_url == f"sqlite:///{folder}/medq.sqlite"
    assert config.workflow_database_url == "postgresql://h/w"


def test_relative_paths_start_at_the_file_and_absolute_ones_stay(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(
        "node: {data: ./kept}\nrules: {seed: mine.yaml}\n"
        "destinations:\n  a: {kind: folder, path: out}\n  b: {kind: folder, path: /srv/out}\n"
    )
    monkeypatch.chdir("/")
    config = load_config(path)
    assert config.node.data == tmp_path / "kept"
    assert config.rules.seed == tmp_path / "mine.yaml"
    assert config.destinations["a"] == FolderDestination(kind="folder", path=tmp_path / "out")
    assert config.destinations["b"] == FolderDestination(kind="folder", path=Path("/srv/out"))


def test_the_rules_that_come_with_the_node_are_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config(None).rules.seed.read_text("utf-8").startswith("# Rules")
    assert load_config(None).node.data == tmp_path / "data"


@pytest.mark.parametrize("text", ["", "# nothing\n", "receiver:\n", "\ufeffreceiver: {}\n"])
def test_what_is_left_out_has_its_default(write: Write, text: str) -> None:
    assert load_config(write(text)).receiver == Config().receiver


def test_settings_are_frozen() -> None:
    config = Config(node=NodeSettings(ae_title="A"))
    with pytest.raises(ValidationError):
        config.node.ae_title = "B"  # type: ignore[misc]  # that it is refused is the point
    with pytest.raises(ValidationError):
        config.node = NodeSettings()  # type: ignore[misc]  # the same


# ---- The environment ----


def test_the_environment_beats_the_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("receiver: {port: 104, processes: 4}\nlog: {level: debug}\n")
    monkeypatch.setenv("MEDQ_RECEIVER__PORT", "11113")
    monkeypatch.setenv("MEDQ_LOG__LEVEL", "error")
    config = load_config(path)
    assert (config.receiver.port, config.receiver.processes, config.log.level) == (
        11113,
        4,
        "error",
    )


def test_lists_and_destinations_come_from_the_environment_too(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("destinations:\n  pacs: {kind: dicom, ae_title: P, host: pacs, port: 104}\n")
    monkeypatch.setenv("MEDQ_RECEIVER__HOST", "0.0.0.0")
    monkeypatch.setenv("MEDQ_RECEIVER__CALLERS", '[{"ae_title": "CT1", "host": "10.0.0.5"}]')
    monkeypatch.setenv("MEDQ_DESTINATIONS__PACS__PORT", "11104")
    config = load_config(path)
    assert config.receiver.callers[0].ae_title == "CT1"
    pacs = config.destinations["pacs"]
    assert isinstance(pacs, DicomDestination)
    assert (pacs.host, pacs.port) == ("pacs", 11104)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        (
            "MEDQ_RECEIVER__PORT",
            "99999",
            "receiver.port: input should be less than or equal to 65535",
        ),
        (
            "MEDQ_RECEIVER__PROT",
            "104",
            "receiver.prot: no setting named 'prot'; did you mean 'port'?",
        ),
        ("MEDQ_RECIEVER__PORT", "104", "no section named 'reciever'; did you mean 'receiver'?"),
        ("MEDQ_RECEIVER__CALLERS", "CT1", "receiver.callers: is not valid JSON"),
        (
            "MEDQ_RECEIVER",
            '{"port": 0}',
            "receiver.port: input should be greater than or equal to 1",
        ),
        ("MEDQ_DESTINATIONS__NEW__PORT", "1", "destinations.new.kind: is required"),
        ("MEDQ_RECEIVER__HOST", "0.0.0.0", "receiver.host: 0.0.0.0 is reached from other machines"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    write: Write, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    lines = complaint(write("receiver:\n  port: 104\n"))
    assert len(lines) == 1
    assert lines[0].startswith(variable.removesuffix("__PORT"))
    assert "(environment): " in lines[0]
    assert told in lines[0]


def test_a_mistake_without_a_file_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDQ_NODE__TOPOLOGY", "inline")
    assert complaint(None)[0].startswith("no config file: inline.forward_to: ")


def test_other_variables_of_ours_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDQ_TEST_DATA", "/somewhere")
    load_config(None)


# ---- Mistakes in the file ----

PACS = "destinations:\n  pacs: {kind: dicom, ae_title: P, host: h, port: 104}\n"
MISTAKES = [
    (
        "node:\n  ae_title: A\nreceiver:\n  port: 99999\n",
        "config.yaml:4: receiver.port: input should be less than or equal to 65535 (found 99999)",
    ),
    (
        "receiver:\n  prot: 1\n",
        "config.yaml:2: receiver.prot: no setting named 'prot'; did you mean",
    ),
    (
        "reciever:\n  port: 1\n",
        "config.yaml:1: reciever: no section named 'reciever'; did you mean",
    ),
    ("\n\nquux: 1\n", "config.yaml:3: quux: no section named 'quux'; known: "),
    ("_env_prefix: X\n", "config.yaml:1: _env_prefix: no section named '_env_prefix'"),
    ("receiver:\n  port: 1\n  port: 2\n", "config.yaml:3: 'port' is already written on line 2"),
    ("receiver:\n  port: yes\n", "config.yaml:2: receiver.port: input should be a valid integer"),
    ("receiver:\n  port: true\n", "config.yaml:2: receiver.port: a number is needed"),
    ("receiver:\n  timeout_s: -1\n", "config.yaml:2: receiver.timeout_s: input should be greater"),
    (
        "receiver:\n  timeout_s: .inf\n",
        "config.yaml:2: receiver.timeout_s: input should be a valid",
    ),
    ("receiver:\n  host: 0.0.0.0\n", "callers: [{ae_title: CT1}]"),
    (
        "receiver:\n  host: '::'\n",
        "config.yaml:2: receiver.host: :: is reached from other machines",
    ),
    ("receiver:\n  host: node.hospital.org\n", "receiver.callers is empty"),
    (
        "receiver:\n  callers:\n    - ae_titel: A\n      ae_title: A\n",
        "config.yaml:3: receiver.callers",
    ),
    ("receiver:\n  callers:\n    - {ae_title: A}\n    - {ae_title: ' '}\n", "config.yaml:4: "),
    (
        "receiver:\n  private_sop_classes: [1.02.3]\n",
        "config.yaml:2: receiver.private_sop_classes.0",
    ),
    ("inline: {forward_to: pacs}\n", "forward_to: should be a list such as [A, B] (found 'pacs')"),
    ("receiver: 3\n", "config.yaml:1: receiver: should be a group of settings"),
    ("receiver:\n  port: [1\n", "config.yaml:3: not valid YAML"),
    ("receiver:\n\tport: 1\n", "config.yaml:2: not valid YAML"),
    ("- receiver\n", "config.yaml:1: expected sections"),
    ("node: &n {ae_title: A}\n", "config.yaml:1: anchors and aliases"),
    (
        "node: {ae_title: SEVENTEEN_LETTERS}\n",
        "config.yaml:1: node.ae_title: an AE title has 1 to 16",
    ),
    ("node: {ae_title: 'A\\B'}\n", "config.yaml:1: node.ae_title: an AE title holds plain"),
    (
        "engine: {default: clasical}\n",
        "config.yaml:1: engine.default: no engine named 'clasical'; did",
    ),
    (
        "intake:\n  quiet_minimum_s: 9\n  quiet_maximum_s: 3\n",
        "config.yaml:3: intake.quiet_maximum_s: ",
    ),
    (
        "destinations:\n  p:\n    kind: dicm\n",
        "config.yaml:3: destinations.p.kind: no kind of dest",
    ),
    ("destinations:\n  p:\n    path: x\n", "config.yaml:2: destinations.p.kind: is required"),
    ("destinations:\n  p:\n    kind: folder\n", "config.yaml:2: destinations.p.path: is required"),
    (
        "destinations:\n  p:\n    kind: folder\n    path: x\n    prt: 1\n",
        "config.yaml:5: destinations.p",
    ),
    (
        "destinations:\n  p:\n    kind: folder\n    path: x\n    forms: [sr, pfd]\n",
        "config.yaml:5: destinations.p.forms.1: no form named 'pfd'; did you mean 'pdf'?",
    ),
    (
        "destinations:\n  p:\n    kind: folder\n    path: x\n    forms: []\n",
        "config.yaml:5: destinations.p.forms: needs at least one of sr, text, page, pdf, key",
    ),
    (
        "destinations:\n  p:\n    kind: folder\n    path: x\n    forms: pdf\n",
        "forms: should be a list such as [A, B] (found 'pdf')",
    ),
    (
        "destinations:\n  PACS: {kind: folder, path: x}\n",
        "config.yaml:2: destinations.PACS: the name",
    ),
    (
        "node:\n  topology: inline\n",
        "inline.forward_to: topology inline needs at least one destinat",
    ),
    (
        PACS + "node: {topology: inline}\ninline:\n  forward_to:\n    - pacs\n    - pasc\n",
        "config.yaml:7: inline.forward_to.1: no destination named 'pasc'; did you mean 'pacs'?",
    ),
]


@pytest.mark.parametrize(("text", "told"), MISTAKES)
def test_a_mistake_names_its_line_and_the_fix(write: Write, text: str, told: str) -> None:
    lines = complaint(write(text))
    assert len(lines) == 1
    assert re.match(r"config\.yaml:\d+: ", lines[0])
    assert told in lines[0]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(write: Write) -> None:
    lines = complaint(write("log: {level: loud}\nnode:\n  dta: x\nreceiver:\n  port: 0\nquux: 1\n"))
    assert [line.split(":")[1] for line in lines] == ["1", "3", "5", "6"]


def test_a_password_in_a_url_is_never_shown(write: Write) -> None:
    path = write("database:\n  url: ['postgresql://medq:hunter2@h/db']\n")
    assert "hunter2" not in "".join(complaint(path))
    assert "hunter2" not in repr(
        load_config(write("database: {url: 'postgresql://m:hunter2@h/d'}\n"))
    )


def test_a_missing_file_is_told_with_the_fix(tmp_path: Path) -> None:
    assert "no such file; name another with --config" in complaint(tmp_path / "config.yaml")[0]


def test_what_is_no_text_file_is_told(tmp_path: Path) -> None:
    binary = tmp_path / "config.yaml"
    binary.write_bytes(b"node: \xff\xfe")
    assert "UTF-8" in complaint(binary)[0]
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "can't be read" in complaint(folder)[0]


# ---- Whatever is written ----

_SECTIONS = [*Config.model_fields, "reciever", "_x"]
_KEYS = ["ae_title", "host", "port", "callers", "kind", "path", "forward_to", "default", "level"]
_leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
_trees = st.recursive(
    _leaves | st.sampled_from(["dicom", "folder", "inline", "0.0.0.0", "pacs"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.dictionaries(st.sampled_from(_SECTIONS), _trees))
def test_whatever_the_file_says_it_is_settings_or_a_told_mistake(
    write: Write, data: dict[str, object]
) -> None:
    text = yaml.safe_dump(data, allow_unicode=True)
    try:
        load_config(write(text))
    except ConfigError as error:
        for line in str(error).splitlines():
            match = re.match(r".*config\.yaml:(\d+): ", line)
            assert match is not None, line
            assert 1 <= int(match[1]) <= len(text.splitlines()) + 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(port=st.integers(-10, 70_000), before=st.integers(0, 5), comments=st.integers(0, 5))
def test_the_line_is_right_wherever_the_setting_stands(
    write: Write, port: int, before: int, comments: int
) -> None:
    text = "\n" * before + "receiver:\n" + "  # a comment\n" * comments + f"  port: {port}\n"
    try:
        assert load_config(write(text)).receiver.port == port
        assert 1 <= port <= 65535
    except ConfigError as error:
        assert not 1 <= port <= 65535
        assert f"config.yaml:{before + comments + 2}: receiver.port: " in str(error)


def test_one_word_for_compression_is_a_list_of_one(tmp_path: Path) -> None:
    place = "{kind: dicom, ae_title: A, host: h, port: 104, compress: %s}"
    for written, meant in (
        ("null", ()),
        ("jpeg-ls", ("jpeg-ls",)),
        ("[rle, jpeg-2000]", ("rle", "jpeg-2000")),
    ):
        file = tmp_path / "config.yaml"
        file.write_text(f"destinations:\n  pacs: {place % written}\n")
        assert load_config(file).destinations["pacs"].compress == meant
    file.write_text(f"destinations:\n  pacs: {place % 'jpeg'}\n")
    with pytest.raises(ConfigError, match="compress"):
        load_config(file)
