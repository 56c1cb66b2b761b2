"""Sections of config.yaml that decide what may come in, what may leave, and who is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    HttpUrl,
    SecretStr,
    field_validator,
    model_validator,
)

from medq_node.config_problems import unknown_word
from medq_node.config_sections import (
    AETitle,
    Count,
    DestinationName,
    Host,
    Port,
    Seconds,
    Section,
    no_boolean,
)

Brings = Literal["anything", "originals", "nothing"]
"""What a caller may bring: any object, original images only, or nothing to work on."""

IDENTITY_KEYWORDS = ("PatientID", "IssuerOfPatientID", "AccessionNumber")


class FirewallSettings(Section):
    """What keeps our own work, and what others make of it, from becoming our input."""

    from_destinations: Brings = "originals"
    """For callers whose AE title is also that of a destination, such as a PACS that routes."""
    callers: Mapping[AETitle, Brings] = {}
    """AE title of a caller -> what it may bring, whatever ``from_destinations`` says."""
    results_per_study: Count = 200
    """So many revisions of one study are worked on, and no more: the last net."""


class IdentitySettings(Section):
    """What has to be the same in all series of a study; else the series waits for a person."""

    hold_when_differing: tuple[str, ...] = IDENTITY_KEYWORDS

    @field_validator("hold_when_differing")
    @classmethod
    def _are_keywords(cls, keywords: tuple[str, ...]) -> tuple[str, ...]:
        others = [keyword for keyword in keywords if keyword not in IDENTITY_KEYWORDS]
        if not others:
            return keywords
        # Slow to import: only for settings that name some.
        from pydicom.datadict import dictionary_VR, tag_for_keyword

        for keyword in others:
            tag = tag_for_keyword(keyword)
            if tag is None:
                raise ValueError(
                    unknown_word("DICOM keyword", keyword, (*IDENTITY_KEYWORDS, "StudyID"))
                )
            if dictionary_VR(tag) in ("SQ", "UN", "OB", "OW"):
                raise ValueError(f"{keyword} holds no single value that could be compared")
        return keywords


class CertifySection(Section):
    """How outputs are judged before they leave."""

    judges: tuple[Literal["dciodvfy", "DicomSRValidator"], ...] = ("dciodvfy", "DicomSRValidator")
    judged_images: Annotated[int, BeforeValidator(no_boolean), Field(ge=0, le=100_000)] = 3
    judge_timeout_s: Seconds = 60.0


_MAIL_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+")


def _is_mail_address(address: str) -> str:
    """RFC 5321 4.1.2, without quoted names and address literals."""
    if len(address) > 254 or not _MAIL_ADDRESS.fullmatch(address):
        raise ValueError("an address such as physics@hospital.example is needed")
    return address


MailAddress = Annotated[str, AfterValidator(_is_mail_address)]
NoticeTimeout = Annotated[Seconds, Field(le=60)]
"""A peer that hangs keeps other notices to it waiting, and a stop of the node."""


class WebhookTarget(Section):
    """A URL that is told by POST of a JSON object. The URL is a secret: it may hold a token."""

    kind: Literal["webhook"]
    url: Annotated[HttpUrl, Field(repr=False)]
    timeout_s: NoticeTimeout = 10.0

    @field_validator("url")
    @classmethod
    def _holds_no_login(cls, url: HttpUrl) -> HttpUrl:
        if url.username or url.password:
            raise ValueError("a user name or password in the URL isn't used: use a token URL")
        return url


class EmailTarget(Section):
    """People who are told by e-mail, through an SMTP server."""

    kind: Literal["email"]
    host: Host
    port: Port = 25
    starttls: bool = False
    """Whether to insist on TLS, with a certificate that this machine trusts, by STARTTLS."""
    username: Annotated[str, Field(min_length=1, max_length=254)] | None = None
    password: SecretStr | None = None
    sender: MailAddress
    recipients: tuple[MailAddress, ...]
    timeout_s: NoticeTimeout = 10.0

    @field_validator("recipients")
    @classmethod
    def _is_for_somebody(cls, recipients: tuple[str, ...]) -> tuple[str, ...]:
        if not recipients:
            raise ValueError("at least one address is needed")
        return recipients

    @model_validator(mode="after")
    def _login_is_whole_and_covered(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.username is not None and not self.starttls:
            raise ValueError("a password needs starttls: true, or it travels in clear")
        return self


Hours = Annotated[float, BeforeValidator(no_boolean), Field(ge=0, le=876_000, allow_inf_nan=False)]
"""Up to a hundred years."""

NotificationTarget = Annotated[WebhookTarget | EmailTarget, Field(discriminator="kind")]


class NotificationSettings(Section):
    """Who is told when the verdict on a series is reject, while the patient may still be there."""

    targets: Mapping[DestinationName, NotificationTarget] = {}
    give_up_after_s: Seconds = 3600.0
    """A notice older than this helps nobody any more: it is not tried again."""
    newest_scan_within_h: Hours = 24.0
    """Of an older scan nobody is told: the patient is long gone. Headers hold dates, so that at
    24 h a scan dated yesterday counts as fresh."""
