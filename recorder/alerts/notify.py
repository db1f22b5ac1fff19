"""Tells of alerts through apprise, to whatever people read; its only importer."""

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from hmac import new as keyed
from pathlib import Path
from typing import Any

from recorder import database, page_links, redact
from recorder.alerts import messages
from recorder.alerts.messages import Message
from recorder.errors import BadSettingsError, MissingExtraError, NotSentError
from recorder.quiet import quiet

ADDRESSES = "BUILDREC_NOTIFY"
"""The environment variable that holds addresses, separated by spaces."""
PAGES = "BUILDREC_URL"
"""The environment variable that holds the address of the publication."""
PATIENCE = 30.0
"""Seconds that all messages of a run may take together; the rest goes out with the next run."""


def addresses(asked: Iterable[str], environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The addresses to tell: those `asked` for, and those of the environment, each once."""
    return tuple(dict.fromkeys((*asked, *environ.get(ADDRESSES, "").split())))


def pages(asked: str | None = None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The address of the publication to link to; raises BadValueError where it is none."""
    base = asked or environ.get(PAGES)
    return page_links.checked(base) if base else None


def notify(
    path: Path, to: Iterable[str], links: str | None = None, patience: float = PATIENCE
) -> int:  # fmt: skip
    """Tell each address of what has opened or ended in the database; gives how many messages.

    One message a group of alerts, once to each address: it is marked as sent before it goes out,
    and the mark taken back when it fails. Raises MissingExtraError, BadSettingsError for what is
    no address, and NotSentError when all was tried and something did not go out. No error, and no
    log, tells an address.
    """
    channels = list(to)
    if not channels:
        return 0
    with database.connect_to_read(path):  # which makes no file where there is none
        key = redact.load_key()
    deadline = time.monotonic() + patience
    sent = failed = 0
    with quiet("apprise"), _terminated_as_by_hand():
        services = [_service(address, place) for place, address in enumerate(channels, start=1)]
        for address, service in zip(channels, services, strict=True):
            channel = keyed(key, address.encode(errors="replace"), sha256).hexdigest()[:16]
            with database.connect(path) as connection:
                claimed = messages.claim(connection, channel, links)
            unsent = list(claimed)
            try:
                for message in claimed:
                    if _send(service, message, deadline):
                        unsent.remove(message)
            finally:  # whoever interrupts a slow service has lost no message by it
                if unsent:
                    with database.connect(path) as connection:
                        messages.release(connection, channel, unsent)
            sent += len(claimed) - len(unsent)
            failed += len(unsent)
    if failed:
        raise NotSentError(
            f"{failed} of {sent + failed} messages did not go out",
            "see that the services answer; the next run tries again",
        )
    return sent


@contextmanager
def _terminated_as_by_hand() -> Iterator[None]:
    """Let SIGTERM, which a cancelled CI job gets, raise as Ctrl-C does."""
    usual = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if usual:
        signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        if usual:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _service(address: str, place: int) -> Any:
    try:
        import apprise
    except ImportError:
        raise MissingExtraError(
            "messages need apprise", "run `pip install 'buildrec[notify]'`"
        ) from None
    asset = apprise.AppriseAsset(app_id="buildrec", app_desc="buildrec")
    service = apprise.Apprise(asset=asset)
    if not service.add(address):
        raise BadSettingsError(
            f"address {place} to notify is none that apprise knows",
            "see github.com/caronc/apprise for how each service's is written",
        )
    return service


def _send(service: Any, message: Message, deadline: float) -> bool:
    """Whether a message went out before the deadline."""
    from apprise import NotifyFormat, NotifyType

    went: list[bool] = []

    def send() -> None:
        kind = NotifyType.WARNING if message.state == "open" else NotifyType.SUCCESS
        went.append(bool(service.notify(body=message.body, title=message.title, notify_type=kind,
                                        body_format=NotifyFormat.TEXT)))  # fmt: skip

    left = deadline - time.monotonic()
    if left <= 0:
        return False
    # A thread that nobody waits for at the end, as a service may keep us waiting for ever.
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    thread.join(left)
    return went == [True]
