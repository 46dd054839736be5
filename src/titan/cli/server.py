"""The client of the command line: chooses the server, sends requests, turns its errors into exit codes."""

import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from titan.cli.exit_codes import CommandFailed, ExitCode, usage_error
from titan.settings import home_folder
from titan.wire.server import ProjectsAnswer
from titan_sdk.errors import InvalidInput, NotFound, ServerUnavailable, TitanError, Unavailable, UnexpectedAnswer
from titan_sdk.http import quote
from titan_sdk.http.address import Address, address_at, address_of, running_servers, token_for

if TYPE_CHECKING:
    from titan_sdk.http import Readable
    from titan_sdk.http.transport import Transport

DEFAULT_PORTS = (5000, 9090)  # the second answers too, where another program has taken the first

# The first request tries once, so that a missing server is reported at once; from then on the server is known to
# exist, and a restart while a command waits or follows is waited out. A job, which has a token, has a server.
_PATIENCE_SECONDS = 60.0
#: A JSON object as it came, for `--json`.
Document: TypeAlias = Mapping[str, object]

AnswerT = TypeVar("AnswerT")

_START_HINT = (
    "Start it with `titan up`, or name its home with TITAN_HOME, or its address with --server http://HOST:PORT."
)


class BrokenOff(CommandFailed):
    """The server stopped answering; it may be restarting."""


class Server:
    """A Titan server, and the requests to it. Every method raises CommandFailed.

    Of several addresses the first that answers is used; the first request finds it.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        environment: Mapping[str, str] = os.environ,
        *,
        project: str | None = None,
        is_named: bool = True,
    ) -> None:
        self.is_named = is_named  #: whether an option or the environment names the server
        self.project = project or environment.get("TITAN_PROJECT") or None
        self._addresses = addresses
        self._environment = environment

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self._found[0]

    @property
    def transport(self) -> "Transport":
        """The SDK's transport to this server."""
        return self._found[1]

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which a program finds this server."""
        project = {"TITAN_PROJECT": self.project} if self.project else {}
        return {"TITAN_HOST": self.address.host, "TITAN_PORT": str(self.address.port), **project}

    def in_each_project(self) -> "Iterator[Server]":
        """Yield a client of this server for each project."""
        for listed in read(self.get("api", "v1", "projects"), ProjectsAnswer).data:
            yield Server([self.address], self._environment, project=listed.name)

    def answers(self, *, to_us: bool = False) -> bool:
        """Return whether a server answers; `to_us`: and lets us in."""
        try:
            self.get("api", "health")
        except CommandFailed as failure:
            return not to_us and failure.exit_code is not ExitCode.UNREACHABLE
        return True

    def get(self, *segments: str, timeout_seconds: float | None = None, **query: str | float | None) -> Document:
        """Return the answer to GET on the path made of `segments`, each percent-encoded."""
        return self._ask("GET", segments, query=query, timeout_seconds=timeout_seconds)

    def post(
        self, *segments: str, body: object = None, timeout_seconds: float | None = None, **query: str | None
    ) -> Document:
        """Perform a POST once, also when its answer gets lost and it is repeated."""
        return self._ask("POST", segments, body=body, query=query, timeout_seconds=timeout_seconds)

    def put(self, *segments: str, body: object) -> Document:
        """Perform a PUT once."""
        return self._ask("PUT", segments, body=body)

    def delete(self, *segments: str, **query: str | None) -> Document:
        """Perform a DELETE once."""
        return self._ask("DELETE", segments, query=query)

    def upload(
        self, *segments: str, file: "Readable", size_bytes: int, timeout_seconds: float, **query: str | None
    ) -> Document:
        """Perform a POST once whose body is the content of a file, read in pieces."""
        with _translated():
            answer = self.transport.upload_from(
                *("POST", _path(segments), file), size_bytes=size_bytes, timeout_seconds=timeout_seconds, query=query
            )
        return self._object(answer)

    def download(self, *segments: str, target: Path) -> None:
        """Write the answer to a GET to `target`, which appears only once it is whole."""
        with local_file(target), _translated():
            self.transport.download(_path(segments), target)

    def stream(self, *segments: str, **query: str | float | None) -> Generator[bytes, None, None]:
        """Yield the pieces of a GET's body as they come; a stream that breaks raises BrokenOff."""
        with _translated():
            yield from self.transport.stream(_path(segments), query=query)

    def _ask(
        self,
        method: str,
        segments: Sequence[str],
        *,
        body: object = None,
        query: Mapping[str, str | float | None] | None = None,
        timeout_seconds: float | None = None,
    ) -> Document:
        with _translated():
            answer = self.transport.request_json(
                method, _path(segments), query=query, body=body, timeout_seconds=timeout_seconds
            )
        document = self._object(answer)
        self.transport.retry_for_seconds = _PATIENCE_SECONDS
        return document

    def _object(self, answer: object) -> Document:
        if not isinstance(answer, dict):
            next_step = f"Another program may listen there. {_START_HINT}"
            raise _unreachable(f"Titan server at {self.address.url}", "a JSON object", f"{answer!r:.80}", next_step)
        return answer

    @cached_property
    def _found(self) -> "tuple[Address, Transport]":
        if len(self._addresses) == 1:
            return self._addresses[0], self._transport_to(self._addresses[0])
        failures = []
        for address in self._addresses:
            found = Server([address], self._environment, project=self.project)
            try:
                found.get("api", "health")
            except CommandFailed as failure:
                if failure.exit_code is not ExitCode.UNREACHABLE:
                    raise
                failures.append(failure)
                continue
            return address, found.transport
        subject = f"Titan server at {' or '.join(address.url for address in self._addresses)}"
        raise _unreachable(subject, "an answer", failures[0].found, kind="ServerUnavailable") from failures[0]

    def _transport_to(self, address: Address) -> "Transport":
        from titan_sdk.http.transport import Transport  # http.client and ssl: help does without them

        is_job = bool(self._environment.get("TITAN_TOKEN") and self._environment.get("TITAN_JOB_ID"))
        return Transport(
            *(address.host, address.port, token_for(address, environment=self._environment)),
            project=self.project,
            retry_for_seconds=_PATIENCE_SECONDS if is_job else 0.0,
            is_tls=address.is_tls,
            ca_file=(self._environment.get("TITAN_CA_FILE") or None) if address.is_tls else None,
        )


def read(document: object, answer_type: type[AnswerT]) -> AnswerT:
    """Return an answer as a value."""
    try:
        return msgspec.json.decode(msgspec.json.encode(document), type=answer_type)  # `convert` has no Raw
    except msgspec.ValidationError as error:
        expected, next_step = f"a {answer_type.__name__} of this version", "`titan doctor` compares both versions."
        raise _unreachable("the server's answer", expected, str(error), next_step) from error


def connect(url: str | None, environment: Mapping[str, str] = os.environ, *, project: str | None = None) -> Server:
    """Return the server that `--server`, TITAN_HOST and TITAN_PORT, or the defaults choose."""
    is_named = url is not None or names_a_server(environment)
    return Server(choose_addresses(url, environment), environment, project=project, is_named=is_named)


def names_a_server(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the environment names the server to use."""
    return bool(environment.get("TITAN_HOST") or environment.get("TITAN_PORT"))


def server_of(home: Path) -> Server | None:
    """Return the server that runs on a home; None where none does."""
    addresses = home_addresses(home)[:1]
    server = Server(addresses, {**os.environ, "TITAN_HOME": str(home)})
    return server if addresses and server.answers() else None


def choose_addresses(url: str | None, environment: Mapping[str, str]) -> list[Address]:
    """Return the address to use, or those to try in turn.

    Without an option or a variable these are the address of the server that runs on TITAN_HOME, which may have
    taken other ports than the usual two, and then the usual two.
    """
    if url is not None:
        return [parse_address(url, option="--server")]
    host, port = environment.get("TITAN_HOST") or "", environment.get("TITAN_PORT")
    try:
        named = address_of(environment=environment)
    except InvalidInput as error:
        name = "TITAN_PORT" if error.subject == "TITAN_PORT" else "TITAN_HOST"
        raise _no_address(f"{name}={environment.get(name)!r}", error.found) from error
    if port or "://" in host or (host and named.port not in DEFAULT_PORTS):
        return [named]
    usual = [Address(named.host, default, is_tls=named.is_tls) for default in DEFAULT_PORTS]
    running = [] if host else home_addresses(home_folder(environment))[:1]
    return list(dict.fromkeys([*running, *usual]))


def parse_address(url: str, *, option: str) -> Address:
    """Return the address in `http://host:port`, `https://host:port`, `host:port` or `host`.

    Without a port that is 443 for https, else 5000.
    """
    try:
        return address_at(url, default_port=DEFAULT_PORTS[0])
    except InvalidInput as error:
        raise _no_address(f"{option} {url!r}", error.found) from error


def home_addresses(home: Path) -> list[Address]:
    """Return the addresses that the last server of a home left there; its process may be in a container."""
    found: list[Address] = []
    for url in dict.fromkeys(running_servers({"TITAN_HOME": str(home)}, is_seen=False)):
        with suppress(InvalidInput):
            found.append(address_at(url, default_port=DEFAULT_PORTS[0]))
    return found


@contextmanager
def local_file(path: Path) -> Iterator[None]:
    """Turn an OSError into a usage error that names the file."""
    try:
        yield
    except OSError as error:
        raise usage_error(f"file {str(path)!r}", "a place that can be written", error.strerror or str(error)) from error


def check_free(target: Path, *, is_forced: bool) -> None:
    """Refuse to overwrite a file without `--force`."""
    if target.exists() and not is_forced:
        next_step = "Choose another with --output FILE, or overwrite it with --force."
        raise usage_error(f"file {str(target)!r}", "a name that nothing has yet", "something of that name", next_step)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the SDK's errors into this command's: the message stays, the exit code is chosen here."""
    try:
        yield
    except (ServerUnavailable, UnexpectedAnswer) as error:
        raise BrokenOff(
            *(error.subject, error.expected, error.found, _START_HINT),
            exit_code=ExitCode.UNREACHABLE,
            kind=type(error).__name__,
        ) from error
    except TitanError as error:
        raise CommandFailed(
            *(error.subject, error.expected, error.found, error.next_step),
            exit_code=_exit_code_of(error),
            kind=type(error).__name__,
            message=str(error),
        ) from error


def _exit_code_of(error: TitanError) -> ExitCode:
    match error:
        case NotFound():
            return ExitCode.NOT_FOUND
        case Unavailable():
            return ExitCode.UNREACHABLE
        case _:
            return ExitCode.REFUSED


def _unreachable(
    subject: str, expected: str, found: str, next_step: str = _START_HINT, *, kind: str = "CommandFailed"
) -> CommandFailed:
    return CommandFailed(subject, expected, found, next_step, exit_code=ExitCode.UNREACHABLE, kind=kind)


def _path(segments: Sequence[str]) -> str:
    if not all(segments):
        raise usage_error("a name or id", "at least one character", "an empty text")
    return "/" + "/".join(quote(segment) for segment in segments)


def _no_address(subject: str, found: str) -> CommandFailed:
    return usage_error(subject, "an address such as http://127.0.0.1:5000", found, "A port alone is TITAN_PORT=5000.")
