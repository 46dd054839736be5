"""Follows the journal: posts events of configured kinds to each address, in order, and logs those for operators.

A note in the store, written after each delivery, says which entry an address was sent last. So a restart loses nothing
and repeats at most the delivery that was under way; its id lets the receiver notice. An address that does not answer
delays no other.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import httpx

from titan import __version__
from titan.model.errors import InvalidInput
from titan.model.events import JournalEntry
from titan.model.projects import DEFAULT_PROJECT, name_of_project, organisation_of
from titan.orchestrator.bus import JOURNAL, Bus, BusClosed, Watch
from titan.ports.jobs_store import Commit, Reader, Store, Transaction
from titan.ports.runtime import Clock
from titan.rules.notification_rules import JUDGES, Facts, Notice, NoticeKind, notice_of, text_of

logger = logging.getLogger(__name__)

BATCH: Final = 500
CHARGE_SECONDS: Final = 1.0  # how soon the server that takes charge begins to notify
SAVE_EVERY: Final = 5000  # entries passed over without a delivery; a restart reads so many again at most
GATHER_SECONDS: Final = 0.2  # commits that follow each other closely are read in one go
QUIET_SECONDS: Final = 3600.0
ANSWER_SECONDS: Final = 10.0
FIRST_PAUSE_SECONDS: Final = 1.0  # before the second try; doubles
LONGEST_PAUSE_SECONDS: Final = 300.0
GIVE_UP_AFTER: Final = timedelta(days=1)
RETRIED: Final = frozenset({408, 425, 429})  # refusals that are retried, as 500 and above
SLACK_HOST: Final = "hooks.slack.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where notifications are posted. Its path may be a secret, as Slack's is, and it may hold a password."""

    url: str
    is_slack: bool

    @property
    def shown(self) -> str:
        """The part that may be logged."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def note(self) -> str:
        """The name of the note with the last entry that this address was sent."""
        return "notified:" + hashlib.sha256(self.url.encode()).hexdigest()[:32]


def read_addresses(text: str) -> tuple[Address, ...]:
    """Return the addresses of TITAN_NOTIFY: URLs with commas between, or an empty text.

    Raises:
        InvalidInput: one of them is no URL of http or https.
    """
    return tuple(_read_address(part.strip()) for part in text.split(",") if part.strip())


def _read_address(text: str) -> Address:
    url = text.removeprefix("slack+")
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isascii()
    except ValueError:
        is_usable = False
    if not is_usable or any(character.isspace() for character in url):
        raise InvalidInput(
            "setting TITAN_NOTIFY",
            expected="URLs with commas between, as https://example.com/hook or slack+https://…",
            found="one that is none" if "@" in text else ascii(text[:30]),
            next_step="Correct it in the environment.",
        )
    return Address(url=url, is_slack=text != url or parts.hostname == SLACK_HOST)


class Notifier:
    """Posts notifications to addresses for as long as the server lives."""

    def __init__(
        self,
        store: Store,
        *,
        bus: Bus,
        clock: Clock,
        own_url: str,
        texts: Mapping[NoticeKind, str],
        secret: str = "",
    ) -> None:
        """`own_url` is what links begin with; `secret` signs each notification."""
        self._store = store
        self._bus = bus
        self._clock = clock
        self._own_url = own_url
        self._texts = texts
        self._secret = secret

    async def keep(self, addresses: Sequence[Address]) -> None:
        """Send each address what happens from now on, and what it was not sent while no server ran."""
        async with http_client() as client, asyncio.TaskGroup() as group:
            for address in addresses:
                group.create_task(self._serve(address, client))

    async def _serve(self, address: Address, client: httpx.AsyncClient) -> None:
        while True:
            if not self._store.is_in_charge:
                await asyncio.sleep(CHARGE_SECONDS)
                continue
            try:
                with self._bus.watch([JOURNAL]) as watch:
                    await self._follow(address, client, watch)
            except BusClosed:
                return
            except Exception:
                logger.exception("notifications to %s: trying again in a minute", address.shown)
                await asyncio.sleep(60)

    async def _follow(self, address: Address, client: httpx.AsyncClient, watch: Watch) -> None:
        """Send what happens while this server is in charge; another one continues where it stopped."""
        seq = saved = await self._begin(address)
        while self._store.is_in_charge:
            entries = await asyncio.to_thread(self._store.read, partial(self._after, seq=seq))
            for entry in entries:
                if await self._notify(address, client, entry):
                    saved = await self._save(address, entry.seq)
                seq = entry.seq
            if seq - saved >= SAVE_EVERY:
                saved = await self._save(address, seq)
            if len(entries) < BATCH:
                await watch.wait(QUIET_SECONDS)
                await asyncio.sleep(GATHER_SECONDS)

    async def _begin(self, address: Address) -> int:
        """Return the last entry that the address was sent; a new address is sent no earlier ones."""
        note, last = await self._store.look(lambda reader: (reader.note(address.note), reader.last_seq()))
        return int(note) if note is not None else await self._save(address, last)

    def _after(self, reader: Reader, seq: int) -> list[JournalEntry]:
        return reader.journal(None, after_seq=seq, limit=BATCH)

    async def _save(self, address: Address, seq: int) -> int:
        def note(tx: Transaction) -> None:
            tx.put_note(address.note, str(seq))

        await asyncio.wrap_future(self._store.transact(note))
        return seq

    async def _notify(self, address: Address, client: httpx.AsyncClient, entry: JournalEntry) -> bool:
        """Deliver the notification of an entry, however long it takes; return False when the entry has none."""
        if entry.kind not in JUDGES:
            return False
        home_id, facts = await self._store.look(lambda reader: (reader.home_id(), facts_of(reader, entry)))
        notice = notice_of(entry, facts, now=self._clock.now())
        if notice is None:
            return False
        identifier = f"{home_id[:12]}-{entry.seq}"
        body = self._body(address, notice, identifier)
        headers = _headers(body, identifier, self._secret)
        await self._deliver(address, notice, lambda: post(client, address.url, body, headers))
        return True

    def _body(self, address: Address, notice: Notice, identifier: str) -> bytes:
        subject, link = notice.entry.subject, self._own_url + page_of(notice)
        template = self._texts[notice.kind]
        if address.is_slack:
            return json.dumps({"text": text_of(template, notice, link=link, escape=_for_slack)}).encode()
        document = {
            "id": identifier,
            "kind": notice.kind.value,
            "at": notice.entry.at.isoformat(),
            "text": text_of(template, notice, link=link),
            "organisation": organisation_of(subject.project_id or DEFAULT_PROJECT),
            "project": None if subject.project_id is None else name_of_project(subject.project_id),
            "agent_run_id": subject.run_id,
            "dag_id": subject.dag_id,
            "job_id": subject.job_id,
            "link": link,
            **{name: value for name, value in notice.fields.items() if value},
        }
        return json.dumps(document).encode()

    async def _deliver(
        self, address: Address, notice: Notice, post: Callable[[], Awaitable[tuple[str | None, bool]]]
    ) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            failure, is_retried = await post()
            if failure is None:
                return
            if not is_retried or self._clock.now() - notice.entry.at > GIVE_UP_AFTER:
                logger.error(
                    "%s refused the notification %s, which is dropped: %s", address.shown, notice.kind, failure
                )
                return
            logger.warning("%s refused the notification %s: %s", address.shown, notice.kind, failure)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def facts_of(reader: Reader, entry: JournalEntry) -> Facts:
    """Return the current state of the run, DAG and job that an entry names."""
    subject = entry.subject
    owner, run_id = subject.project_id, subject.run_id
    run = reader.run_control(owner, run_id) if owner is not None and run_id is not None else None
    return Facts(
        run=run,
        last_stage=reader.last_stage(run.project_id, run.id) if run else None,
        dag=reader.dag(subject.dag_id) if subject.dag_id else None,
        job=reader.job(subject.job_id) if subject.job_id else None,
    )


def page_of(notice: Notice) -> str:
    """Return the path of the console's page about a notification.

    A gate is approved on the page of its DAG, above the graph and beside the files to review.
    """
    subject = notice.entry.subject
    project = name_of_project(subject.project_id or DEFAULT_PROJECT)
    within = "" if project == DEFAULT_PROJECT else f"/p/{quote(project, safe='')}"
    if notice.kind is NoticeKind.RUN_FAILED:
        return f"{within}/runs/{quote(subject.run_id or '', safe='')}"
    path = f"{within}/dags/DAG-{quote(notice.fields['dag'], safe='')}"
    ids = {"id": subject.dag_id, "job": subject.job_id if notice.kind is NoticeKind.JOB_UNROUTABLE else None}
    return f"{path}?{urlencode({name: value for name, value in ids.items() if value})}"


def http_client() -> httpx.AsyncClient:
    """Return what posts: without redirects and proxies; a name and a password in a URL become Basic authorization."""
    tls, limits = ssl.create_default_context(), httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(timeout=ANSWER_SECONDS, verify=tls, trust_env=False, limits=limits)


async def post(
    client: httpx.AsyncClient,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    within_seconds: float = ANSWER_SECONDS,
) -> tuple[str | None, bool]:
    """Post once; return what failed, and whether another try may succeed."""
    try:
        async with (
            asyncio.timeout(within_seconds),  # a head may come a byte at a time
            client.stream("POST", url, content=body, headers=headers) as answer,  # whose body nobody reads
        ):
            status = answer.status_code
    except TimeoutError:
        return f"no answer within {within_seconds:g} s", True
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"{type(error).__name__}: {error}", True
    if 200 <= status < 300:
        return None, False
    return f"HTTP {status}", status >= 500 or status in RETRIED


def _headers(body: bytes, identifier: str, secret: str) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"titan/{__version__}",
        "Titan-Notification-Id": identifier,
    }
    if secret:
        headers["Titan-Signature"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return headers


def _for_slack(text: str) -> str:
    """Escape the three characters that Slack reads as its own; see its page on formatting text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# --- The log ---

#: Kind of a journal entry → its level and sentence; `{name}` is a field of the entry.
LINES: Final = {
    "JobFailed": (logging.WARNING, "job {job_id} failed: {reason}"),
    "GateOpened": (logging.INFO, "gate {job_id} waits for approval"),
    "DagEnded": (logging.INFO, "dag {name} ended: {status}"),
    "RunEnded": (logging.INFO, "run {run_id} ended: {outcome}"),
    "RunFellSilent": (logging.INFO, "run {run_id} counts as ended: its orchestrator said nothing more ({status})"),
    "JobUnroutable": (logging.WARNING, "job {job_id} waits: no connected worker offers {label}"),
    "WorkerJoined": (logging.INFO, "worker {name} joined"),
    "WorkerDraining": (logging.INFO, "worker {name} is draining"),
    "WorkerResumed": (logging.INFO, "worker {name} takes work again"),
    "WorkerLost": (logging.WARNING, "worker {name} ({worker_id}) was lost"),
    "WorkerLeft": (logging.INFO, "worker {name} left"),
}


def log_events(loop: asyncio.AbstractEventLoop, commit: Commit) -> None:
    """Log the events of a commit, on the event loop: a slow stderr must not hold up the store's writer, which calls."""
    entries = [entry for entry in commit.entries if entry.kind in LINES]
    if entries and not loop.is_closed():
        loop.call_soon_threadsafe(_write, entries)


def _write(entries: list[JournalEntry]) -> None:
    for entry in entries:
        level, sentence = LINES[entry.kind]
        subject, data = entry.subject, json.loads(entry.data)
        ids = {"job_id": subject.job_id, "dag_id": subject.dag_id, "run_id": subject.run_id}
        logger.log(
            level,
            "%s",
            sentence.format_map({**data, **ids}),
            extra={**ids, "worker_id": data.get("worker_id"), "lease_id": data.get("lease_id")},
        )
