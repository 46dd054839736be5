"""Checks of the server: address, token, version, clock, certificate, workers, queue, recordings."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from titan import __version__
from titan.cli.doctor import Finding, fail, ok, warn
from titan.cli.exit_codes import CommandFailed, ExitCode
from titan.cli.server import DEFAULT_PORTS, Server, read
from titan.cli.views.formats import count, duration, moment
from titan.model.jobs import NO_KEY, WaitsFor
from titan.wire.protocol import WorkersAnswer
from titan.wire.runs import BrokenEntry, ChainAnswer, RegistryAnswer
from titan.wire.server import HealthAnswer
from titan.wire.work import QueueAnswer, QueueGroupView
from titan_sdk.http.address import Address

SKEW: Final = timedelta(seconds=5)  # half a lease: more makes times in logs and journal hard to compare
EXPIRES_SOON: Final = timedelta(days=21)  # certbot renews 30 days before the end
NAMED_JOBS: Final = 3  # of those that cannot start
NEWEST: Final = 20  # runs: a tape of 10,000 entries takes about 1.5 s
VERIFY_SECONDS: Final = 120.0


def check_ports() -> Iterator[Finding]:
    """Check that the default ports are free, where no server runs."""
    for port in DEFAULT_PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                text = f"port {port} cannot be taken: {error.strerror}"
                yield warn("ports", text, "Start with other ones: titan up --port 5001 --sdk-port 9091")
                continue
        yield ok("ports", f"port {port} is free")


def check_no_server() -> Iterator[Finding]:
    """Report that no server was found."""
    yield warn("server", "no server runs on this home; checks that need one were skipped", "Start it with `titan up`.")


def check_server(server: Server) -> Iterator[Finding]:
    """Check the server's answer, token, version and clock."""
    started = datetime.now(UTC)
    try:
        health = read(server.get("api", "health", timeout_seconds=5.0), HealthAnswer)
    except CommandFailed as failure:
        yield from _no_answer(server.address, failure)
        return
    now = datetime.now(UTC)
    since = moment(health.started_at, now=now)
    yield ok("server", f"answers at {server.address.url} in {duration(now - started)}, up since {since}")
    yield ok("token", "accepted" if server.transport.token else "none sent; the server needs none")
    if health.version == __version__:
        yield ok("version", f"{__version__}, here and on the server")
    else:
        text = f"the server is {health.version}, this program {__version__}"
        yield warn("version", text, "Use the same version: restart the server, or install its version here.")
    if health.now is not None:
        yield _clock(health.now - (started + (now - started) / 2))


def check_certificate(address: Address, ca_file: str | None) -> Iterator[Finding]:
    """Check the certificate of a server with TLS."""
    if not address.is_tls:
        return
    try:
        context = ssl.create_default_context(cafile=ca_file)
        with (
            socket.create_connection((address.host, address.port), timeout=5.0) as plain,
            context.wrap_socket(plain, server_hostname=address.host) as encrypted,
        ):
            certificate = encrypted.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        step = "Set TITAN_CA_FILE to the certificate that signed it, use the name in it, or renew it."
        yield fail("TLS", f"not trusted: {error.verify_message}", step)
        return
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    left = ends - datetime.now(UTC)
    if left < EXPIRES_SOON:
        yield warn("TLS", f"the certificate expires on {ends:%Y-%m-%d}", "Renew it, and restart the server.")
    else:
        yield ok("TLS", f"trusted, until {ends:%Y-%m-%d}")


def check_workers(server: Server) -> Iterator[Finding]:
    """Check that workers are connected, and that each waiting job has a worker that can take it."""
    workers = read(server.get("api", "workers"), WorkersAnswer).workers
    connected = [worker for worker in workers if worker.state == "connected"]
    if not connected:
        step = f"Add one: titan workers join {server.address.url} --offer GENERAL:4"
        yield warn("workers", "none is connected, so jobs wait", step)
    for worker in connected:
        slots = ", ".join(f"{label}:{slots}" for label, slots in worker.offers.items())
        yield ok("workers", f"{worker.name} on {worker.host} offers {slots}")
    queues = [read(each.get("api", "queue", limit=NAMED_JOBS), QueueAnswer) for each in server.in_each_project()]
    unroutable = [group for queue in queues for group in queue.groups if group.waits_for is WaitsFor.UNROUTABLE]
    for group in unroutable:
        label, jobs = group.requirement, count(group.count, "job")
        why = next((job.reason for job in group.jobs if job.reason), f"no worker offers {label}")
        text = f"{why}, and {jobs} cannot start without: {_some(group)}"
        yield warn("queue", text, f"Start a worker with --offer {label}:1, or cancel the jobs.")
    locked = {job.name for queue in queues for group in queue.groups for job in group.jobs if job.reason == NO_KEY}
    if locked:
        text = f"the server lacks the key of the env= of {', '.join(sorted(locked))}: these jobs wait"
        yield fail(
            "secret key", text, "Start it with the former TITAN_SECRET_KEY, or the former file secret-key in its home."
        )
    if not unroutable:
        yield ok("queue", "no job waits for a label that no worker offers")


def _no_answer(address: Address, failure: CommandFailed) -> Iterator[Finding]:
    if failure.exit_code is not ExitCode.UNREACHABLE:
        yield ok("server", f"answers at {address.url}")
        yield fail("token", failure.found, failure.next_step)
    else:
        yield fail("server", f"no answer at {address.url}: {failure.found}", failure.next_step)


def _some(group: QueueGroupView) -> str:
    return ", ".join(job.name for job in group.jobs) + (" …" if group.count > len(group.jobs) else "")


def _clock(skew: timedelta) -> Finding:
    if abs(skew) <= SKEW:
        return ok("clock", f"differs by {duration(abs(skew))} from the server's")
    which = "ahead of" if skew > timedelta() else "behind"
    text = f"the server's clock is {duration(abs(skew))} {which} this machine's"
    return warn("clock", text, "Synchronise both by NTP, then restart the server: it uses the clock as of its start.")


def check_tapes(server: Server) -> Iterator[Finding]:
    """Verify the tapes of each project's newest runs."""
    runs, entries, broken = 0, 0, 0
    for inside in server.in_each_project():
        for run in read(inside.get("api", "v1", "runs", window="all", origin="all", limit=NEWEST), RegistryAnswer).data:
            answer = inside.get("api", "v1", "runs", run.run_id, "chain", timeout_seconds=VERIFY_SECONDS)
            chain = read(answer, ChainAnswer)
            runs += 1
            entries += chain.entries
            if chain.broken is not None:
                broken += 1
                yield _broken(run.run_id, chain.broken)
    if not runs:
        yield ok("tapes", "no runs recorded yet")
    elif not broken:
        what = "entry" if entries == 1 else "entries"
        yield ok("tapes", f"the recordings of the {count(runs, 'newest run')} are unchanged ({entries:,} {what})")


def _broken(run_id: str, broken: BrokenEntry) -> Finding:
    whose = f" (action {broken.action_id})" if broken.action_id is not None else ""
    text = f"run {run_id} was changed outside the server: at entry {broken.entry}{whose}, {broken.found}"
    return fail("tapes", text, "Find out who changed the database, and restore a backup.")
