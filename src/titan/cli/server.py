"""The server a command talks to: which one, and how its refusals become exit codes."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from titan.cli.exit_codes import CommandFailed, ExitCode, usage_error
from titan.home.identity import read_home_token
from titan.settings import home_folder
from titan.wire.access import ProjectsAnswer
from titan_sdk.errors import InvalidInput, NotFound, ServerUnavailable, TitanError, Unavailable, UnexpectedAnswer
from titan_sdk.home import running_servers
from titan_sdk.http.address import DEFAULT_HOST, NO, Address, address_at, checked_port
from titan_sdk.http.encoding import quote

if TYPE_CHECKING:
    from titan_sdk.http.exchange import Readable
    from titan_sdk.http.transport import Transport

DEFAULT_PORTS = (5000, 9090)  # the second answers too, where another program has taken the first

# The first request tries once, so that a missing server is said at once; from then on the server is known to
# exist, and a restart while a command waits or follows is waited out. A job, which has a token, has a server.
_PATIENCE_SECONDS = 60.0
#: A JSON object as it came, for `--json`.
Document: TypeAlias = Mapping[str, object]

AnswerT = TypeVar("AnswerT")

_START_HINT = (
    "Start it with `titan up`, or name its home with TITAN_HOME, or its address with --server http://HOST:PORT."
)


@dataclass(frozen=True, slots=True)
class Home:
    """What the running server of a home left there for this home's own command line."""

    addresses: tuple[Address, ...] = ()  #: none: no server runs
    token: str | None = field(default=None, repr=False)


class Server:
    """A Titan server as this person's or job's client. Every method raises CommandFailed.

    Of several addresses it is the first that answers, which the first request finds out.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        home: Home,
        environment: Mapping[str, str] = os.environ,
        *,
        project: str | None = None,
        is_named: bool = True,
    ) -> None:
        self.is_named = is_named  #: whether somebody said which one
        self.project = project or environment.get("TITAN_PROJECT") or None
        self._addresses = addresses
        self._home = home
        self._environment = environment

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self._found[0]

    @property
    def transport(self) -> "Transport":
        """What carries the requests, for those whose every answer is of use."""
        return self._found[1]

    @property
    def has_token(self) -> bool:
        """Whether a token goes with every request."""
        return bool(self.transport.token)

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find this server."""
        project = {"TITAN_PROJECT": self.project} if self.project else {}
        return {"TITAN_HOST": self.address.host, "TITAN_PORT": str(self.address.port), **project}

    def in_each_project(self) -> "Iterator[Server]":
        """Yield this server as a client of each project that there is."""
        for listed in read(self.get("api", "v1", "projects"), ProjectsAnswer).data:
            yield Server([self.address], self._home, self._environment, project=listed.name)

    def answers(self, *, to_us: bool = False) -> bool:
        """Return whether a server answers; `to_us`: and does not turn us away."""
        try:
            self.get("api", "health")
        except CommandFailed as failure:
            return not to_us and failure.exit_code is not ExitCode.UNREACHABLE
        return True

    def get(self, *segments: str, timeout_seconds: float | None = None, **query: str | float | None) -> Document:
        """Return what GET on the path made of `segments` answers; each is percent-encoded."""
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
        """Perform a POST with the content of a file, which is read in pieces; what it tells of is kept once."""
        with _translated():
            answer = self.transport.upload_from(
                *("POST", _path(segments), file), size_bytes=size_bytes, timeout_seconds=timeout_seconds, query=query
            )
        return self._object(answer)

    def download(self, *segments: str, target: Path) -> None:
        """Write what GET answers to `target`, which appears only once it is whole."""
        with local_file(target), _translated():
            self.transport.download(_path(segments), target)

    def stream(self, *segments: str, **query: str | float | None) -> Iterator[bytes]:
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
            raise CommandFailed(
                f"Titan server at {self.address.url}",
                exit_code=ExitCode.UNREACHABLE,
                expected="a JSON object",
                found=f"{answer!r:.80}",
                next_step="Another program may listen there. " + _START_HINT,
            )
        return answer

    @cached_property
    def _found(self) -> "tuple[Address, Transport]":
        if len(self._addresses) == 1:
            return self._addresses[0], self._transport_to(self._addresses[0])
        failures = []
        for address in self._addresses:
            found = Server([address], self._home, self._environment, project=self.project)
            try:
                found.get("api", "health")
            except CommandFailed as failure:
                if failure.exit_code is not ExitCode.UNREACHABLE:
                    raise
                failures.append(failure)
                continue
            return address, found.transport
        raise CommandFailed(
            f"Titan server at {' or '.join(address.url for address in self._addresses)}",
            exit_code=ExitCode.UNREACHABLE,
            expected="an answer",
            found=failures[0].found,
            next_step=_START_HINT,
            kind="ServerUnavailable",
        ) from failures[0]

    def _transport_to(self, address: Address) -> "Transport":
        """Return what carries requests, with the token to show: the home's own goes to the home's server alone."""
        from titan_sdk.http.transport import Transport  # http.client and ssl: help does without them

        given = self._environment.get("TITAN_TOKEN") or None
        is_job = given is not None and bool(self._environment.get("TITAN_JOB_ID"))
        return Transport(
            *(address.host, address.port),
            given or (self._home.token if address in self._home.addresses else None),
            project=self.project,
            retry_for_seconds=_PATIENCE_SECONDS if is_job else 0.0,  # a job has a server
            is_tls=address.is_tls,
            ca_file=(self._environment.get("TITAN_CA_FILE") or None) if address.is_tls else None,
        )


def read(document: object, answer_type: type[AnswerT]) -> AnswerT:
    """Return an answer as a value."""
    try:
        return msgspec.json.decode(msgspec.json.encode(document), type=answer_type)  # `convert` has no Raw
    except msgspec.ValidationError as error:
        raise CommandFailed(
            "the server's answer",
            exit_code=ExitCode.UNREACHABLE,
            expected=f"a {answer_type.__name__} of this version",
            found=str(error),
            next_step="`titan doctor` compares both versions.",
        ) from error


class BrokenOff(CommandFailed):
    """The server stopped answering; it may be restarting."""


def connect(url: str | None, environment: Mapping[str, str] = os.environ, *, project: str | None = None) -> Server:
    """Return the server that `--server`, TITAN_HOST and TITAN_PORT, or the defaults choose."""
    return Server(
        choose_addresses(url, environment),
        left_in(home_folder(environment)),
        environment,
        project=project,
        is_named=url is not None or names_a_server(environment),
    )


def names_a_server(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the environment says which server to use."""
    return bool(environment.get("TITAN_HOST") or environment.get("TITAN_PORT"))


def servers_of(home: Path, environment: Mapping[str, str] = os.environ) -> list[Server]:
    """Return the server that left word in a home, if one did; it may have been killed since."""
    left = left_in(home)
    return [Server([address], left, environment) for address in left.addresses[:1]]


def choose_addresses(url: str | None, environment: Mapping[str, str]) -> list[Address]:
    """Return the address to use, or those to try in turn.

    Where nothing is said, these are the address that the server of TITAN_HOME left there, for it may have
    taken other ports than the usual two, and then the usual two.
    """
    if url is not None:
        return [parse_address(url, option="--server")]
    host, port = environment.get("TITAN_HOST"), environment.get("TITAN_PORT")
    is_url = bool(host) and "://" in str(host)
    is_tls = not is_url and environment.get("TITAN_TLS", "").lower() not in NO
    named = (
        parse_address(host, option="TITAN_HOST") if is_url and host else Address(host or DEFAULT_HOST, 0, is_tls=is_tls)
    )
    if is_url or port:
        return [Address(named.host, _port(port) if port else named.port, is_tls=named.is_tls)]
    usual = [Address(named.host, default, is_tls=is_tls) for default in DEFAULT_PORTS]
    left = () if host else left_in(home_folder(environment)).addresses[:1]
    return list(dict.fromkeys([*left, *usual]))


def parse_address(url: str, *, option: str) -> Address:
    """Return the address in `http://host:port`, `https://host:port`, `host:port` or `host`.

    Without a port that is 443 for https, else 5000.
    """
    try:
        return address_at(url, default_port=DEFAULT_PORTS[0])
    except InvalidInput as error:
        raise _no_address(f"{option} {url!r}", error.found) from error


@contextmanager
def local_file(path: Path) -> Iterator[None]:
    """Say which file could not be written."""
    try:
        yield
    except OSError as error:
        raise usage_error(f"file {str(path)!r}", "a place that can be written", error.strerror or str(error)) from error


def check_free(target: Path, *, is_forced: bool) -> None:
    """Do nothing when a file may be written there."""
    if target.exists() and not is_forced:
        raise usage_error(
            f"file {str(target)!r}",
            "a name that nothing has yet",
            "something of that name",
            "Choose another with --output FILE, or overwrite it with --force.",
        )


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the SDK's errors into this command's: the message stays, the exit code is chosen here."""
    try:
        yield
    except (ServerUnavailable, UnexpectedAnswer) as error:
        raise BrokenOff(
            error.subject,
            exit_code=ExitCode.UNREACHABLE,
            expected=error.expected,
            found=error.found,
            next_step=_START_HINT,
            kind=type(error).__name__,
        ) from error
    except TitanError as error:
        raise CommandFailed(
            error.subject,
            exit_code=_exit_code_of(error),
            expected=error.expected,
            found=error.found,
            next_step=error.next_step,
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


def left_in(home: Path) -> Home:
    """Return what `server.json`, which a running server keeps in its home, says, and the home's token."""
    try:
        left = json.loads((home / "server.json").read_bytes())
        urls = left.get("urls") or [left["url"]]
        addresses = tuple(parse_address(url, option="server.json") for url in urls)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, CommandFailed):
        return Home()  # no server of this home, or one that was killed while it wrote
    # Of a server that was killed the address stays: whoever listens there by now is shown no token.
    is_running = bool(running_servers({"TITAN_HOME": str(home)}))
    return Home(addresses, read_home_token(home) if is_running else None)


def _path(segments: Sequence[str]) -> str:
    if not all(segments):
        raise usage_error("a name or id", "at least one character", "an empty text")
    return "/" + "/".join(quote(segment) for segment in segments)


def _port(text: str) -> int:
    try:
        return checked_port(text, subject="TITAN_PORT")
    except InvalidInput as error:
        raise _no_address(f"TITAN_PORT={text!r}", error.found) from error


def _no_address(subject: str, found: str) -> CommandFailed:
    return usage_error(subject, "an address such as http://127.0.0.1:5000", found, "A port alone is TITAN_PORT=5000.")
