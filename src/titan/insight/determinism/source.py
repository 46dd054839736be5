"""A script's source: names as they were imported, what surrounds a node, a statement with one expression rewritten."""

import ast
from collections.abc import Iterator, Sequence
from copy import copy
from textwrap import dedent, indent
from types import MappingProxyType
from typing import Final, TypeAlias

from titan.insight.determinism.model import Place

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
    """Return a script's source; None where it is no Python of this version."""
    try:
        return Source(file, text, ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class Source:
    """A parsed script. Only what code_findings asks of it is worked out."""

    def __init__(self, file: str, text: str, tree: ast.Module) -> None:
        self.file = file
        self.nodes: Sequence[ast.AST] = list(ast.walk(tree))
        self._lines = text.encode().splitlines(keepends=True)
        self._text = text
        self._around = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}
        self._imported = dict(pair for node in self.nodes for pair in _imports(node))
        self._called = {self.called(node) for node in self.nodes}

    # --- names ---

    def name(self, node: ast.AST) -> str:
        """Return the full name of what an expression names, as imported; else it stands below `builtins`."""
        if isinstance(node, ast.Name):
            return self._imported.get(node.id, f"builtins.{node.id}")
        if isinstance(node, ast.Attribute):
            return f"{self.name(node.value)}.{node.attr}"
        return ""

    def called(self, node: ast.AST) -> str:
        """Return the full name of the function that a node calls; empty where it calls none."""
        return self.name(node.func) if isinstance(node, ast.Call) else ""

    def calls(self, name: str) -> bool:
        """Return whether the script calls a function anywhere."""
        return name in self._called

    def text_of(self, node: ast.expr) -> str:
        """Return an expression as it stands in the source."""
        return ast.get_source_segment(self._text, node) or ast.unparse(node)

    def arguments(self, call: ast.Call) -> str:
        """Return what stands between the parentheses of a call."""
        keywords = (
            f"**{self.text_of(one.value)}" if one.arg is None else f"{one.arg}={self.text_of(one.value)}"
            for one in call.keywords
        )
        return ", ".join([*map(self.text_of, call.args), *keywords])

    # --- what surrounds a node ---

    def step(self, node: ast.AST) -> str:
        """Return what to call the step that a statement is: the variable that it sets, else the function around it."""
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
        """Return whether a time is only subtracted from another one, or another one from it."""
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
        """Return whether a node is the argument of a function that gives the same in whatever order the items come."""
        around = self._around[node]
        return self.called(around) in ORDER_FREE

    def is_discarded(self, node: ast.AST) -> bool:
        """Return whether the result of an awaited call is not used."""
        around = self._around[node]
        return isinstance(around, ast.Await) and isinstance(self._around[around], ast.Expr)

    def is_in_action(self, node: ast.AST) -> bool:
        """Return whether a function around a node has a decorator that records it."""
        functions = (one for one in self._outwards(node) if isinstance(one, Function))
        decorators = (ast.unparse(one).lower() for function in functions for one in function.decorator_list)
        return any(word in decorator for decorator in decorators for word in _ACTION_WORDS)

    def is_set(self, node: ast.AST) -> bool:
        """Return whether an expression is a set whose order may change: of numbers it is the same in every process."""
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
        """Return whether a variable holds nothing but sets, as far as its own function says."""
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
        """Return the qualified name of the function around a node, as Python has it."""
        names: list[str] = []
        for one in self._outwards(node):
            if isinstance(one, Function):
                names += ["<locals>", one.name] if names else [one.name]
            elif isinstance(one, ast.ClassDef):
                names.append(one.name)
        return ".".join(reversed(names)) if any(isinstance(one, Function) for one in self._outwards(node)) else MODULE

    # --- rewriting ---

    def place(self, node: ast.expr, instead: str, parameter: str) -> Place:
        """Return where an expression stands, and its statement with something else instead of it.

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
        """Return the lines of a statement's head or body that hold a node, before and after."""
        statement = self._statement(node)
        assert isinstance(node, ast.expr)
        first, last = self._lines_of(statement, node)
        lines = self._lines[first - 1 : last]
        start_line, end_line = node.lineno - first, (node.end_lineno or node.lineno) - first
        head, tail = lines[start_line][: node.col_offset], lines[end_line][node.end_col_offset :]
        changed = [*lines[:start_line], head + instead.encode() + tail, *lines[end_line + 1 :]]
        return _shown(lines), _shown(changed)

    def _lines_of(self, statement: ast.stmt, node: ast.expr) -> tuple[int, int]:
        """Return the first and last line that are shown: the node's where its statement is long or holds others."""
        last = statement.end_lineno or statement.lineno
        if hasattr(statement, "body") or last - statement.lineno >= LONGEST_STATEMENT:
            return node.lineno, node.end_lineno or node.lineno
        return statement.lineno, last


def _imports(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield (name in the script, full name) of what a node imports."""
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
    """Return a statement in its function, which gets a parameter; at the top, below a line that reads an argument."""
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
