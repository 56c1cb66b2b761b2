"""Targets by name, from the configuration."""

from __future__ import annotations

from medq_node import config as settings
from medq_node.errors import NoticeError
from medq_node.notify.email import Email
from medq_node.notify.peer import Target
from medq_node.notify.webhook import Webhook


def target(config: settings.Config, name: str) -> Target:
    """Whom the configuration calls ``name``.

    Raises:
        NoticeError: there is nobody.
    """
    chosen = config.notifications.targets.get(name)
    if chosen is None:
        known = ", ".join(sorted(config.notifications.targets)) or "none"
        raise NoticeError(f"no target named {name!r} in the configuration (known: {known})")
    if isinstance(chosen, settings.WebhookTarget):
        url = chosen.url
        tls = url.scheme == "https"
        path = url.path or "/"
        return Webhook(
            tls=tls,
            host=(url.host or "").strip("[]"),
            port=url.port or (443 if tls else 80),
            resource=f"{path}?{url.query}" if url.query else path,
            timeout_s=chosen.timeout_s,
        )
    return Email(
        host=chosen.host,
        port=chosen.port,
        starttls=chosen.starttls,
        username=chosen.username,
        password=chosen.password.get_secret_value() if chosen.password else None,
        sender=chosen.sender,
        recipients=chosen.recipients,
        timeout_s=chosen.timeout_s,
    )
