"""Detectors on the syntax tree of a script: statements that read the clock, chance, the environment, an unstable order.

Each comes with the user's own line rewritten. What only measures a duration, or is only logged, is left alone.
"""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from titan.insight.determinism.contents import word_set
from titan.insight.determinism.model import CodeFinding, IssueKind, Severity
from titan.insight.determinism.source import Source, read_source

LONGEST_SOURCE: Final = 1_000_000  # characters of a script that is parsed


@dataclass(frozen=True, slots=True)
class Found:
    """A node, and what to write instead of it."""

    node: ast.expr
    kind: IssueKind
    why: str  #: as a clause behind the expression: "reads the clock"
    instead: str
    parameter: str = ""  #: that `instead` needs


Rule: TypeAlias = Callable[[Source, ast.AST], Iterator[Found]]

#: One level below what the same would be in the data: nobody saw that the value is used.
_SEVERITIES: Final[Mapping[IssueKind, Severity]] = MappingProxyType(
    {
        IssueKind.TIMESTAMP: Severity.MEDIUM,
        IssueKind.RANDOM: Severity.MEDIUM,
        IssueKind.UUID: Severity.LOW,
        IssueKind.ENVIRONMENT: Severity.LOW,
        IssueKind.EXTERNAL_STATE: Severity.LOW,
        IssueKind.ORDER: Severity.MEDIUM,
        IssueKind.SAMPLING: Severity.MEDIUM,
    }
)


def code_findings(file: str, text: str) -> Sequence[CodeFinding]:
    """Return what a script's source shows, by line; nothing of one that is too long or no Python of this version."""
    source = read_source(file, text) if len(text) <= LONGEST_SOURCE else None
    if source is None:
        return ()
    found = [
        CodeFinding(
            kind=one.kind,
            severity=_SEVERITIES[one.kind],
            expression=source.text_of(one.node),
            description=f"`{source.text_of(one.node)}` {one.why}.",
            place=source.place(one.node, one.instead, one.parameter),
        )
        for node in source.nodes
        for rule in RULES
        for one in rule(source, node)
        if not source.is_only_logged(one.node)
    ]
    return sorted(found, key=lambda finding: finding.place.line)


# --- the clock, chance, the environment: calls by their names ---

#: Name → what to write instead with the moment in `as_of`; {0} is the first argument.
_CLOCKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "datetime.datetime.now": "as_of",
        "datetime.datetime.utcnow": "as_of",
        "datetime.datetime.today": "as_of",
        "datetime.date.today": "as_of.date()",
        "time.time": "as_of.timestamp()",
        "time.time_ns": "int(as_of.timestamp() * 1e9)",
        "time.strftime": "as_of.strftime({0})",
        "time.ctime": "as_of.ctime()",
        "time.gmtime": "as_of.timetuple()",
        "time.localtime": "as_of.timetuple()",
    }
)
_ARGUMENTS_OF_CLOCKS: Final = MappingProxyType({"time.strftime": 1})  # with more, or others with one, it reads no clock
_ZONED: Final = frozenset({"datetime.datetime.now"})  # its argument is a time zone: it reads the clock all the same
_DRAWS: Final = word_set(
    "betavariate choice choices expovariate gauss getrandbits integers normal normalvariate permutation "
    "rand randbytes randint randn random randrange sample shuffle standard_normal triangular uniform"
)
_UNSEEDED: Final = frozenset({"random.Random", "numpy.random.default_rng"})
_SEEDING: Final = frozenset({"random.seed", "numpy.random.seed"})
_TOKENS: Final = frozenset({"secrets.token_hex", "secrets.token_urlsafe", "secrets.token_bytes", "os.urandom"})
_UUIDS: Final = frozenset({"uuid.uuid1", "uuid.uuid4"})
_PLACES: Final[Mapping[str, str]] = MappingProxyType(
    {"os.getpid": "pid", "socket.gethostname": "host", "platform.node": "host", "os.getcwd": "folder"}
)
_SECRETS: Final = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "URL", "TITAN", "HOME", "PATH")
_REQUESTS: Final = frozenset(
    {f"{library}.{verb}" for library in ("requests", "httpx") for verb in ("get", "post", "put", "patch", "delete")}
    | {"urllib.request.urlopen"}
)
_MODEL_CALLS: Final = ("completions.create", "messages.create", "responses.create")


def _clock(source: Source, node: ast.AST) -> Iterator[Found]:
    name = source.called(node)
    if not isinstance(node, ast.Call) or name not in _CLOCKS or source.is_duration(node):
        return
    if name in _ZONED or len(node.args) == _ARGUMENTS_OF_CLOCKS.get(name, 0):
        arguments = [source.text_of(argument) for argument in node.args]
        yield Found(node, IssueKind.TIMESTAMP, "reads the clock", _CLOCKS[name].format(*arguments), "as_of")


def _chance(source: Source, node: ast.AST) -> Iterator[Found]:
    name = source.called(node)
    if not isinstance(node, ast.Call) or any(map(source.calls, _SEEDING)):
        return
    library, _, function = name.rpartition(".")
    if library in ("random", "numpy.random") and function in _DRAWS:
        yield Found(node, IssueKind.RANDOM, "draws a random value", f"rng.{function}({source.arguments(node)})", "rng")
    elif name in _UNSEEDED and not node.args and not node.keywords:
        instead = f"{source.text_of(node.func)}(seed)"
        yield Found(node, IssueKind.RANDOM, "makes a generator without a seed", instead, "seed")
    elif name in _TOKENS:
        yield Found(node, IssueKind.RANDOM, "draws a random token", "token", "token")


def _uuid(source: Source, node: ast.AST) -> Iterator[Found]:
    if isinstance(node, ast.Call) and source.called(node) in _UUIDS:
        module = source.text_of(node.func).rpartition(".")[0] or "uuid"
        instead = f'{module}.uuid5({module}.NAMESPACE_URL, f"{{run_id}}:{source.step(node)}")'
        yield Found(node, IssueKind.UUID, "makes an id that differs in every execution", instead, "run_id")


def _environment(source: Source, node: ast.AST) -> Iterator[Found]:
    name, variable = source.called(node), _variable(source, node)
    if variable and not any(word in variable.upper() for word in _SECRETS) and isinstance(node, ast.expr):
        parameter = variable.lower() if variable.isidentifier() else "setting"
        yield Found(node, IssueKind.ENVIRONMENT, "reads the environment", parameter, parameter)
    elif isinstance(node, ast.Call) and name in _PLACES:
        yield Found(node, IssueKind.ENVIRONMENT, "depends on where the program runs", _PLACES[name], _PLACES[name])
    elif isinstance(node, ast.Call) and name == "builtins.hash" and len(node.args) == 1:
        instead = f"hashlib.sha256(repr({source.arguments(node)}).encode()).hexdigest()"
        yield Found(node, IssueKind.ENVIRONMENT, "of a text changes with Python's hash seed", instead)


def _variable(source: Source, node: ast.AST) -> str:
    """Return the name of the environment variable that an expression reads; empty where it reads none."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and source.name(node.value) == "os.environ":
        name: ast.expr | None = node.slice
    elif isinstance(node, ast.Call) and source.called(node) in ("os.getenv", "os.environ.get"):
        name = node.args[0] if node.args else None
    else:
        return ""
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else ""


def _request(source: Source, node: ast.AST) -> Iterator[Found]:
    if isinstance(node, ast.Call) and source.called(node) in _REQUESTS and not source.is_in_action(node):
        what = "asks a service outside of a recorded action: its answer is not recorded"
        yield Found(node, IssueKind.EXTERNAL_STATE, what, source.text_of(node), "@action")


def _sampling(source: Source, node: ast.AST) -> Iterator[Found]:
    if not isinstance(node, ast.Call) or any(keyword.arg in ("seed", None) for keyword in node.keywords):
        return
    given = next((keyword.value for keyword in node.keywords if keyword.arg == "temperature"), None)
    if isinstance(given, ast.Constant) and isinstance(given.value, int | float) and given.value:
        yield Found(given, IssueKind.SAMPLING, "as temperature has the model answer differently each time", "0")
    elif given is None and source.text_of(node.func).endswith(_MODEL_CALLS):
        arguments = ", ".join(filter(None, (source.arguments(node), "temperature=0")))
        what = "asks a model without a temperature and a seed"
        yield Found(node, IssueKind.SAMPLING, what, f"{source.text_of(node.func)}({arguments})")


# --- order ---

_LISTINGS: Final = frozenset({"os.listdir", "glob.glob", "glob.iglob"})
_LISTING_METHODS: Final = frozenset({"iterdir", "rglob"})
_AS_COMPLETED: Final = frozenset({"asyncio.as_completed", "concurrent.futures.as_completed"})


def _listing(source: Source, node: ast.AST) -> Iterator[Found]:
    if not isinstance(node, ast.Call):
        return
    name = source.called(node)
    is_method = isinstance(node.func, ast.Attribute) and node.func.attr in _LISTING_METHODS
    if (name in _LISTINGS or is_method) and not source.is_order_free(node):
        what = "lists files in the order of the file system"
        yield Found(node, IssueKind.ORDER, what, f"sorted({source.text_of(node)})")
    elif name == "os.scandir" and not source.is_order_free(node):
        instead = f"sorted({source.text_of(node)}, key=lambda entry: entry.name)"
        yield Found(node, IssueKind.ORDER, "lists files in the order of the file system", instead)


def _set_order(source: Source, node: ast.AST) -> Iterator[Found]:
    for items in _iterated(source, node):
        if source.is_set(items):
            what = "has the items of a set, whose order changes with Python's hash seed"
            whole = node if isinstance(node, ast.Call) and source.called(node) == "builtins.list" else items
            yield Found(whole, IssueKind.ORDER, what, f"sorted({source.text_of(items)})")


def _iterated(source: Source, node: ast.AST) -> Iterator[ast.expr]:
    """Yield what a node goes through in an order that its result depends on."""
    if isinstance(node, ast.For | ast.AsyncFor):
        yield node.iter
    elif isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp) and not source.is_order_free(node):
        yield from (part.iter for part in node.generators)
    elif isinstance(node, ast.Call) and node.args and not source.is_order_free(node):
        is_join = isinstance(node.func, ast.Attribute) and node.func.attr == "join"
        if is_join or source.called(node) in ("builtins.list", "builtins.tuple", "builtins.enumerate", "builtins.iter"):
            yield node.args[0]


def _completion(source: Source, node: ast.AST) -> Iterator[Found]:
    if not isinstance(node, ast.Call) or not node.args:
        return
    name = source.called(node)
    if name in _AS_COMPLETED:
        what = "gives results in the order in which tasks end"
        yield Found(node, IssueKind.ORDER, what, source.text_of(node.args[0]))
    elif isinstance(node.func, ast.Attribute) and node.func.attr == "imap_unordered":
        instead = f"{source.text_of(node.func.value)}.imap({source.arguments(node)})"
        yield Found(node, IssueKind.ORDER, "gives results in the order in which tasks end", instead)
    elif name == "asyncio.gather" and source.is_discarded(node):
        what = "drops the results, so that only the order in which tasks end shows what they did"
        yield Found(node, IssueKind.ORDER, what, f"results = await {source.text_of(node)}", "await")


RULES: Final[Sequence[Rule]] = (
    _clock,
    _chance,
    _uuid,
    _environment,
    _request,
    _sampling,
    _listing,
    _set_order,
    _completion,
)
