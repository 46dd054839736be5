"""Detect non-deterministic statements in a script's syntax tree: clock, random values, environment, order.

Each comes with the user's own line rewritten. What only measures a duration, or is only logged, is left alone.
"""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from textwrap import dedent, indent
from types import MappingProxyType
from typing import Final, TypeAlias

from titan.insight.determinism.model import CodeFinding, IssueKind, Place, Severity
from titan.insight.determinism.values import word_set

# --- A script's source: names as they were imported, what surrounds a node ---


Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

MODULE: Final = "<module>"
LONGEST_STATEMENT: Final = 12  # lines of a statement that are shown
#: Functions whose result is the same in whatever order the items come.
ORDER_FREE: Final = frozenset(
    f"builtins.{name}" for name in ("all", "any", "frozenset", "len", "max", "min", "set", "sorted", "sum")
)
_SET_METHODS: Final = frozenset({"union", "intersection", "difference", "symmetric_difference"})
_LOG_METHODS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
_ACTION_WORDS: Final = ("action", "tool", "traceable", "observe", "task", "step")
#: What makes a parameter known where no function is around: as an argument of the program.
_AT_TOP: Final = MappingProxyType(
    {
        "as_of": "as_of = datetime.fromisoformat(sys.argv[1])",
        "rng": "rng = random.Random(int(sys.argv[1]))",
        "seed": "seed = int(sys.argv[1])",
    }
)


def read_source(file: str, text: str) -> "Source | None":
    """Return a parsed script, None where it is no Python of this version."""
    try:
        return Source(file, text, ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class Source:
    """A parsed script."""

    def __init__(self, file: str, text: str, tree: ast.Module) -> None:
        self.file = file
        self.nodes: Sequence[ast.AST] = list(ast.walk(tree))
        self._lines = text.encode().splitlines(keepends=True)
        self._around = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}
        self._imported = dict(pair for node in self.nodes for pair in _imports(node))
        self._called = {self.called(node) for node in self.nodes}

    # --- names ---

    def name(self, node: ast.AST) -> str:
        """Return the full name of an expression, as imported, else below `builtins`."""
        if isinstance(node, ast.Name):
            return self._imported.get(node.id, f"builtins.{node.id}")
        if isinstance(node, ast.Attribute):
            return f"{self.name(node.value)}.{node.attr}"
        return ""

    def called(self, node: ast.AST) -> str:
        """Return the full name of the function that a node calls, "" where it calls none."""
        return self.name(node.func) if isinstance(node, ast.Call) else ""

    def calls(self, name: str) -> bool:
        """Return whether the script calls a function anywhere."""
        return name in self._called

    def text_of(self, node: ast.expr) -> str:
        """Return the source of an expression."""
        lines = self._lines[node.lineno - 1 : node.end_lineno]  # ast.get_source_segment splits all lines each time
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return b"".join(lines).decode(errors="replace")

    def arguments(self, call: ast.Call) -> str:
        """Return the source of a call's arguments."""
        keywords = (
            f"**{self.text_of(one.value)}" if one.arg is None else f"{one.arg}={self.text_of(one.value)}"
            for one in call.keywords
        )
        return ", ".join([*map(self.text_of, call.args), *keywords])

    # --- what surrounds a node ---

    def step(self, node: ast.AST) -> str:
        """Return a name for a statement: the variable that it sets, else the function around it."""
        statement = self._statement(node)
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            return statement.targets[0].id
        function = self._function(node)
        return "step" if function is None else function.name

    def is_only_logged(self, node: ast.AST) -> bool:
        """Return whether an expression is an argument of print or of a logger."""
        calls = (one for one in self._outwards(node) if isinstance(one, ast.Call))
        return any(
            self.called(call) == "builtins.print"
            or (
                isinstance(call.func, ast.Attribute)
                and call.func.attr in _LOG_METHODS
                and self.name(call.func.value).rpartition(".")[2].startswith(("log", "_log"))
            )
            for call in calls
        )

    def is_duration(self, node: ast.AST) -> bool:
        """Return whether a time is only used in a difference of times."""
        around = self._around[node]
        if _is_difference(around):
            return True
        if not isinstance(around, ast.Assign) or not isinstance(around.targets[0], ast.Name):
            return False
        uses = [
            one
            for one in ast.walk(self._scope(node))
            if isinstance(one, ast.Name) and one.id == around.targets[0].id and isinstance(one.ctx, ast.Load)
        ]
        return bool(uses) and all(_is_difference(self._around[one]) for one in uses)

    def is_order_free(self, node: ast.AST) -> bool:
        """Return whether a node is the argument of a function whose result does not depend on order."""
        around = self._around[node]
        return self.called(around) in ORDER_FREE

    def is_discarded(self, node: ast.AST) -> bool:
        """Return whether the result of an awaited call is not used."""
        around = self._around[node]
        return isinstance(around, ast.Await) and isinstance(self._around[around], ast.Expr)

    def is_in_double_quotes(self, node: ast.AST) -> bool:
        """Return whether an expression is within an f-string in double quotes."""
        texts = (one for one in self._outwards(node) if isinstance(one, ast.JoinedStr))
        return any(self.text_of(text).lstrip("fFrR").startswith('"') for text in texts)

    def is_in_action(self, node: ast.AST) -> bool:
        """Return whether a function around a node has a decorator that records it."""
        functions = (one for one in self._outwards(node) if isinstance(one, Function))
        decorators = (ast.unparse(one).lower() for function in functions for one in function.decorator_list)
        return any(word in decorator for decorator in decorators for word in _ACTION_WORDS)

    def is_set(self, node: ast.AST) -> bool:
        """Return whether an expression is a set whose order may change; that of numbers does not."""
        if isinstance(node, ast.Set):
            return not all(isinstance(one, ast.Constant) and isinstance(one.value, int | float) for one in node.elts)
        if isinstance(node, ast.BinOp):
            is_operator = isinstance(node.op, ast.BitOr | ast.BitAnd | ast.BitXor | ast.Sub)
            return is_operator and (self.is_set(node.left) or self.is_set(node.right))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return node.func.attr in _SET_METHODS and self.is_set(node.func.value)
        if isinstance(node, ast.Name):
            return self._holds_sets(node)
        return isinstance(node, ast.SetComp) or self.called(node) in ("builtins.set", "builtins.frozenset")

    def _holds_sets(self, name: ast.Name) -> bool:
        """Return whether a variable holds only sets, as far as its function shows."""
        stores = [
            one
            for one in ast.walk(self._scope(name))
            if isinstance(one, ast.Name) and one.id == name.id and isinstance(one.ctx, ast.Store)
        ]
        values = [self._around[one] for one in stores]
        return bool(values) and all(
            isinstance(value, ast.Assign) and not isinstance(value.value, ast.Name) and self.is_set(value.value)
            for value in values
        )

    def _outwards(self, node: ast.AST) -> Iterator[ast.AST]:
        inner = self._around.get(node)
        while inner is not None:
            yield inner
            inner = self._around.get(inner)

    def _statement(self, node: ast.AST) -> ast.stmt:
        return next(one for one in self._outwards(node) if isinstance(one, ast.stmt))

    def _function(self, node: ast.AST) -> Function | None:
        return next((one for one in self._outwards(node) if isinstance(one, Function)), None)

    def _scope(self, node: ast.AST) -> ast.AST:
        return self._function(node) or self.nodes[0]

    def _qualified(self, node: ast.AST) -> str:
        """Return Python's qualified name of the function around a node."""
        names: list[str] = []
        for one in self._outwards(node):
            if isinstance(one, Function):
                names += ["<locals>", one.name] if names else [one.name]
            elif isinstance(one, ast.ClassDef):
                names.append(one.name)
        return ".".join(reversed(names)) if any(isinstance(one, Function) for one in self._outwards(node)) else MODULE

    # --- rewriting ---

    def place(self, node: ast.expr, instead: str, parameter: str) -> Place:
        """Return the place of an expression, and its statement with a replacement for it.

        `parameter` is one that the function around it gets, "@action" a decorator for that function, and "await" has
        the whole awaited expression replaced; empty is none.
        """
        replaced = self._around[node] if parameter == "await" else node
        before, after = self._rewritten(replaced, instead)
        function = self._function(node)
        if parameter == "@action":
            head = "def call():" if function is None else _head(function)
            before, after = f"{head}\n{indent(before, '    ')}", f"@action\n{head}\n{indent(after, '    ')}"
        elif parameter.isidentifier() and parameter != "await":
            before, after = _with_parameter(function, parameter, before, after)
        return Place(file=self.file, line=node.lineno, function=self._qualified(node), before=before, after=after)

    def _rewritten(self, node: ast.AST, instead: str) -> tuple[str, str]:
        """Return the lines of a statement around a node, before and after the replacement."""
        statement = self._statement(node)
        assert isinstance(node, ast.expr)
        first, last = self._lines_of(statement, node)
        lines = self._lines[first - 1 : last]
        start_line, end_line = node.lineno - first, (node.end_lineno or node.lineno) - first
        head, tail = lines[start_line][: node.col_offset], lines[end_line][node.end_col_offset :]
        changed = [*lines[:start_line], head + instead.encode() + tail, *lines[end_line + 1 :]]
        return _shown(lines), _shown(changed)

    def _lines_of(self, statement: ast.stmt, node: ast.expr) -> tuple[int, int]:
        """Return the first and last line to show: the node's where its statement is long or compound."""
        last = statement.end_lineno or statement.lineno
        if hasattr(statement, "body") or last - statement.lineno >= LONGEST_STATEMENT:
            return node.lineno, node.end_lineno or node.lineno
        return statement.lineno, last


def _imports(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield (name in the script, full name) of each import of a node."""
    if isinstance(node, ast.Import):
        for one in node.names:
            yield (one.asname, one.name) if one.asname else (one.name.partition(".")[0],) * 2
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for one in node.names:
            yield one.asname or one.name, f"{node.module}.{one.name}"


def _is_difference(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)


def _shown(lines: Sequence[bytes]) -> str:
    return dedent(b"".join(lines).decode(errors="replace")).rstrip()


def _with_parameter(function: Function | None, parameter: str, before: str, after: str) -> tuple[str, str]:
    """Return a statement in its function with a new parameter; at module level, with a line that reads an argument."""
    if function is None:
        return before, f"{_AT_TOP.get(parameter, f'{parameter} = sys.argv[1]')}\n{after}"
    arguments = function.args
    if parameter in (one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)):
        return before, after
    more = copy(function)
    more.args = copy(arguments)
    more.args.kwonlyargs = [*arguments.kwonlyargs, ast.arg(parameter)]
    more.args.kw_defaults = [*arguments.kw_defaults, None]
    return f"{_head(function)}\n{indent(before, '    ')}", f"{_head(more)}\n{indent(after, '    ')}"


def _head(function: Function) -> str:
    """Return a function's first line, without decorators."""
    alone = copy(function)
    alone.body, alone.decorator_list = [ast.Pass()], []
    return ast.unparse(alone).partition("\n    pass")[0]


LONGEST_KEPT: Final = 65_536  # characters of a script whose findings are kept
LONGEST_SOURCE: Final = 1_000_000  # characters of a script that is parsed


@dataclass(frozen=True, slots=True)
class Found:
    """A node and its replacement."""

    node: ast.expr
    kind: IssueKind
    why: str  #: a clause that follows the expression: "reads the clock"
    instead: str
    parameter: str = ""  #: that `instead` needs


Rule: TypeAlias = Callable[[Source, ast.AST], Iterator[Found]]

#: One level below the same finding in data, since it is not known that the value is used.
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
    """Return the findings in a script by line; none for one that is too long or no Python of this version."""
    if len(text) > LONGEST_SOURCE:
        return ()
    return _found_before(file, text) if len(text) <= LONGEST_KEPT else _found(file, text)


@lru_cache(maxsize=512)
def _found_before(file: str, text: str) -> Sequence[CodeFinding]:
    """Return cached findings: a program's runs have the same modules."""
    return _found(file, text)


def _found(file: str, text: str) -> Sequence[CodeFinding]:
    source = read_source(file, text)
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
    return tuple(sorted(found, key=lambda finding: finding.place.line))


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
        quote = (
            "'" if source.is_in_double_quotes(node) else '"'
        )  # until Python 3.12, an f-string cannot contain its own quotes
        instead = f"{module}.uuid5({module}.NAMESPACE_URL, f{quote}{{run_id}}:{source.step(node)}{quote})"
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
    """Return the name of the environment variable that an expression reads, "" where it reads none."""
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
    """Yield the iterables of a node whose order matters for its result."""
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
