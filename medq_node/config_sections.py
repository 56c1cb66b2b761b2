"""The sections of config.yaml: every setting with its unit, default and limits."""

from __future__ import annotations

import importlib.resources
import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from engines.base import REGISTRY, RUNTIMES
from medq_node.config_problems import unknown_word
from medq_node.objects import Form


def _is_ae_title(title: str) -> str:
    """PS3.5 6.2, VR AE: 1 to 16 characters, no backslash, no control character."""
    if not 1 <= len(title) <= 16 or title != title.strip():
        raise ValueError("an AE title has 1 to 16 characters and no space at its ends")
    if any(not " " <= c <= "~" or c == "\\" for c in title):
        raise ValueError("an AE title holds plain ASCII characters and no backslash")
    return title


def _is_uid(uid: str) -> str:
    """PS3.5 9.1: components of digits without leading zeros, at most 64 characters."""
    parts = uid.split(".")
    if len(uid) > 64 or not all(
        p.isascii() and p.isdigit() and (p == "0" or p[0] != "0") for p in parts
    ):
        raise ValueError("a UID is at most 64 digits and dots, such as 1.2.840.10008.5.1.4.1.1.2")
    return uid


def _is_destination_name(name: str) -> str:
    """Lower case, because names of environment variables carry no case."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", name):
        raise ValueError(f"the name {name!r} needs lower-case letters, digits, - and _ only")
    return name


def _is_runtime(name: str) -> str:
    if name not in RUNTIMES:
        raise ValueError(unknown_word("runtime", name, RUNTIMES))
    return name


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_database_url(url: str) -> str:
    """Not by SQLAlchemy: the receiver reads settings too and loads no database.

    The message quotes nothing, since the URL may hold a password.
    """
    file = re.fullmatch(r"sqlite(\+pysqlite)?:///(?!:memory:).+", url)
    server = re.fullmatch(
        r"postgresql(\+\w+)?://([^@]*@)?(\[[^]]+\]|[^@:/?#]*)(:\d{1,5})?(/[^?]*)?(\?.*)?", url
    )
    if not (file or server):
        raise ValueError(
            "should be a URL such as sqlite:////var/lib/medq/medq.sqlite or "
            "postgresql://USER:PASSWORD@HOST:5432/NAME"
        )
    return url


def no_boolean(value: object) -> object:
    """Refuse true and false where a number is meant: Python takes them for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")  # noqa: TRY004 - for pydantic
    return value


AETitle = Annotated[str, AfterValidator(_is_ae_title)]
SOPClassUID = Annotated[str, AfterValidator(_is_uid)]


def _is_form(word: object) -> object:
    if isinstance(word, str) and word not in tuple(Form):
        raise ValueError(unknown_word("form", word, tuple(Form)))
    return word


def _in_order(forms: tuple[Form, ...]) -> tuple[Form, ...]:
    """Each once; none at all would hide what is refused."""
    if not forms:
        raise ValueError(f"needs at least one of {', '.join(Form)}")
    return tuple(form for form in Form if form in forms)


DatabaseUrl = Annotated[str, AfterValidator(_is_database_url)]
DestinationName = Annotated[str, AfterValidator(_is_destination_name)]
Forms = Annotated[tuple[Annotated[Form, BeforeValidator(_is_form)], ...], AfterValidator(_in_order)]
Host = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^\S+$")]
Port = Annotated[int, BeforeValidator(no_boolean), Field(ge=1, le=65535)]
Count = Annotated[int, BeforeValidator(no_boolean), Field(ge=1, le=10_000)]
Seconds = Annotated[
    float, BeforeValidator(no_boolean), Field(gt=0, le=7 * 86400, allow_inf_nan=False)
]
Limit = Annotated[float, BeforeValidator(no_boolean), Field(ge=0, allow_inf_nan=False)]
PduBytes = Annotated[int, BeforeValidator(no_boolean), Field(ge=4096, le=16_777_216)]


class Section(BaseModel):
    """A section of config.yaml: frozen, and a key that it doesn't know is a problem."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class NodeSettings(Section):
    """Who the node is, and where it keeps what it holds."""

    ae_title: AETitle = "MEDQ"
    data: Path = Path("data")
    """Folder of all that the node stores; relative to the folder of config.yaml."""
    topology: Literal["tap", "inline"] = "tap"
    institution_name: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class DatabaseSettings(Section):
    """SQLAlchemy URLs; ``None`` is a SQLite file in ``node.data``."""

    url: DatabaseUrl | None = Field(default=None, repr=False)
    workflow_url: DatabaseUrl | None = Field(default=None, repr=False)


class Caller(Section):
    """An application entity that may connect; ``host`` narrows it to one address."""

    ae_title: AETitle
    host: Host | None = None


class ReceiverSettings(Section):
    """Storage SCP: where it listens, and whom it lets in."""

    callers: tuple[Caller, ...] = ()
    """Empty: anyone who can reach ``host``."""
    host: Host = "127.0.0.1"
    port: Port = 11112
    processes: Annotated[Count, Field(le=64)] = 2
    called_ae_titles: tuple[AETitle, ...] = ()
    """Empty: any called AE title is answered."""
    private_sop_classes: tuple[SOPClassUID, ...] = ()
    max_pdu_bytes: Annotated[PduBytes, Field(le=1_048_576)] = 131072
    minimum_free_mib: Annotated[int, BeforeValidator(no_boolean), Field(ge=0)] = 1024
    maximum_associations: Count = 64
    timeout_s: Seconds = 60.0

    @field_validator("host")
    @classmethod
    def _open_port_needs_callers(cls, host: str, info: ValidationInfo) -> str:
        if not info.data.get("callers", True) and not _is_loopback(host):
            raise ValueError(
                f"{host} is reached from other machines but receiver.callers is empty, so anyone "
                "could store; list who may, e.g. callers: [{ae_title: CT1}], or use 127.0.0.1"
            )
        return host


class IntakeSettings(Section):
    """When a series counts as complete: quiet for ``quiet_factor`` times its usual pause."""

    quiet_minimum_s: Seconds = 5.0
    quiet_maximum_s: Seconds = 120.0
    quiet_factor: Annotated[float, BeforeValidator(no_boolean), Field(ge=1, le=1000)] = 4.0
    poll_s: Seconds = 0.2
    study_quiet_s: Seconds = 120.0
    """A note on a whole study is written when no image of it has come for so long."""

    @field_validator("quiet_maximum_s")
    @classmethod
    def _above_minimum(cls, maximum: float, info: ValidationInfo) -> float:
        if maximum < info.data.get("quiet_minimum_s", maximum):
            raise ValueError("must not be less than intake.quiet_minimum_s")
        return maximum


class PipelineSettings(Section):
    """How series are worked on."""

    workers: Annotated[Count, Field(le=64)] = 1
    step_timeout_s: Seconds = 300.0
    slab_slices: Annotated[Count, Field(le=1024)] = 16
    attempts: Annotated[Count, Field(le=100)] = 3
    retry_s: Seconds = 5.0


class EngineSettings(Section):
    """The engine for rules that name none, what stands in for it, and what engines run on."""

    default: str = "medq-uni"
    fallback: str | None = "classical"
    """Works where the engine asked for can't be had or keeps failing; ``None``: nothing does."""
    runtime: Annotated[str, AfterValidator(_is_runtime)] = "auto"
    devices: tuple[Annotated[int, BeforeValidator(no_boolean), Field(ge=0, le=63)], ...] = ()
    """GPUs by number; each of ``pipeline.workers`` gets one, in turn. Empty: the first."""
    threads: Annotated[Count, Field(le=256)] | None = None
    """Cores of each worker; ``None`` shares all of them out."""
    weights: Path | None = None
    """Relative to the folder of config.yaml; ``None``: those that came with the engine."""
    compiled: Path | None = None
    """Folder of what is compiled for this machine's GPU; ``None`` is ``compiled`` in node.data."""

    @field_validator("default", "fallback")
    @classmethod
    def _is_registered(cls, name: str | None) -> str | None:
        if name is not None and name not in REGISTRY:
            raise ValueError(unknown_word("engine", name, REGISTRY))
        return name


class GateSettings(Section):
    """Limits of the do-no-harm gate; what each measures stands at ``GateLimits``."""

    bias_hu: Limit = 1.0
    bias_noise_levels: Limit = 0.05
    bias_percent: Limit = 1.0
    bias_percent_pet_flat: Limit = 5.0
    bias_area_mm2: Limit = 400.0
    edge_noise_levels: Limit = 2.0
    structure_noise_levels: Limit = 1.2
    local_change_share: Limit = 0.4
    local_change_share_pet: Limit = 1.0
    organ_change_share_pet: Limit = 0.18
    local_change_hu: Limit = 25.0
    range_margin_percent: Limit = 1.0


def _listed(value: object) -> object:
    """One word is a list of one, nothing an empty one."""
    return () if value is None else (value,) if isinstance(value, str) else value


Compression = Literal["jpeg-ls", "jpeg-2000", "rle"]
Compressions = Annotated[tuple[Compression, ...], BeforeValidator(_listed)]


class DicomDestination(Section):
    """A Storage SCP that we send to over DIMSE."""

    kind: Literal["dicom"]
    ae_title: AETitle
    host: Host
    port: Port
    timeout_s: Seconds = 60.0
    max_pdu_bytes: PduBytes = 131072
    retire_superseded: bool = False
    """Whether a key object (113001) retires our own outputs that a new revision supersedes."""
    compress: Compressions = ()
    """How our images go, without loss, best first; empty, or where none is taken: as they are."""
    forms: Forms = (Form.SR,)
    """Forms of the quality note that go there."""


class FolderDestination(Section):
    """A folder that we write files into; relative to the folder of config.yaml."""

    kind: Literal["folder"]
    path: Path
    retire_superseded: bool = False
    compress: Compressions = ()
    forms: Forms = (Form.SR,)


Destination = Annotated[DicomDestination | FolderDestination, Field(discriminator="kind")]


class DeliverySettings(Section):
    """How deliveries are repeated: the pause doubles from the first to the longest."""

    retry_initial_s: Seconds = 5.0
    retry_maximum_s: Seconds = 600.0
    retry_attempts: Annotated[int, BeforeValidator(no_boolean), Field(ge=1)] | None = None
    """Tries while a destination can't be reached; ``None`` is for ever."""
    refusal_attempts: Count = 5
    """Tries when a destination answers but refuses the object."""

    @field_validator("retry_maximum_s")
    @classmethod
    def _above_initial(cls, maximum: float, info: ValidationInfo) -> float:
        if maximum < info.data.get("retry_initial_s", maximum):
            raise ValueError("must not be less than delivery.retry_initial_s")
        return maximum


class InlineSettings(Section):
    """Inline only: where the unchanged originals go, before anything else."""

    forward_to: tuple[str, ...] = ()


class RulesSettings(Section):
    """The routing rules that an empty database starts with."""

    seed: Path = Path(str(importlib.resources.files("rules") / "starter.yaml"))


class RetentionSettings(Section):
    """How long files stay after every delivery of their series is confirmed."""

    keep_done_h: Limit = 24.0


class LogSettings(Section):
    """How the node logs; ``auto`` is for people on a terminal and JSON elsewhere."""

    format: Literal["auto", "console", "json"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"
