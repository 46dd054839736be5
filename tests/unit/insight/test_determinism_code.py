"""What a script's syntax tree shows, and the user's own line rewritten."""

import pytest

from titan.insight.determinism.code import LONGEST_SOURCE, code_findings
from titan.insight.determinism.model import CodeFinding, IssueKind, Severity

IMPORTS = """\
import asyncio, datetime as dt, glob, httpx, os, platform, random, secrets, time, uuid
import numpy as np
from concurrent.futures import as_completed
from datetime import date, datetime
from uuid import uuid4
"""


def findings(code: str) -> list[CodeFinding]:
    return list(code_findings("main.py", IMPORTS + code))


def rewritten(code: str) -> list[tuple[str, str]]:
    """Return (kind, the rewritten text) of each finding."""
    return [(one.kind.value, one.place.after) for one in findings(code)]


@pytest.mark.parametrize(
    ("line", "kind", "after"),
    [
        ("x = datetime.now()", "timestamp", "as_of = datetime.fromisoformat(sys.argv[1])\nx = as_of"),
        ("x = dt.datetime.now(dt.UTC)", "timestamp", "as_of = datetime.fromisoformat(sys.argv[1])\nx = as_of"),
        (
            "x = time.strftime('%H')",
            "timestamp",
            "as_of = datetime.fromisoformat(sys.argv[1])\nx = as_of.strftime('%H')",
        ),
        ("x = random.choice(y)", "random", "rng = random.Random(int(sys.argv[1]))\nx = rng.choice(y)"),
        ("x = np.random.rand(3, **y)", "random", "rng = random.Random(int(sys.argv[1]))\nx = rng.rand(3, **y)"),
        ("x = random.Random()", "random", "seed = int(sys.argv[1])\nx = random.Random(seed)"),
        ("x = secrets.token_hex(8)", "random", "token = sys.argv[1]\nx = token"),
        ("x = uuid4()", "uuid", 'run_id = sys.argv[1]\nx = uuid.uuid5(uuid.NAMESPACE_URL, f"{run_id}:x")'),
        (
            'x = f"r-{uuid.uuid4()}"',
            "uuid",
            "run_id = sys.argv[1]\nx = f\"r-{uuid.uuid5(uuid.NAMESPACE_URL, f'{run_id}:x')}\"",
        ),
        (
            "x = f'r-{uuid.uuid4()}'",
            "uuid",
            "run_id = sys.argv[1]\nx = f'r-{uuid.uuid5(uuid.NAMESPACE_URL, f\"{run_id}:x\")}'",
        ),
        ("f(uuid.uuid1())", "uuid", 'run_id = sys.argv[1]\nf(uuid.uuid5(uuid.NAMESPACE_URL, f"{run_id}:step"))'),
        ("x = os.environ['REGION']", "environment", "region = sys.argv[1]\nx = region"),
        ("x = os.getenv('MY-ENV', 1)", "environment", "setting = sys.argv[1]\nx = setting"),
        ("x = os.getpid()", "environment", "pid = sys.argv[1]\nx = pid"),
        ("x = hash('é')", "environment", "x = hashlib.sha256(repr('é').encode()).hexdigest()"),
        ("ask(temperature=0.7)", "sampling", "ask(temperature=0)"),
        ("c.chat.completions.create(model=m)", "sampling", "c.chat.completions.create(model=m, temperature=0)"),
        ("c.messages.create()", "sampling", "c.messages.create(temperature=0)"),
        ("x = os.listdir('.')", "order", "x = sorted(os.listdir('.'))"),
        ("x = list(path.iterdir())", "order", "x = list(sorted(path.iterdir()))"),
        ("x = os.scandir('.')", "order", "x = sorted(os.scandir('.'), key=lambda entry: entry.name)"),
        ("for x in {'a', 'b'}: f(x)", "order", "for x in sorted({'a', 'b'}): f(x)"),
        ("x = list(set(y) | z)", "order", "x = sorted(set(y) | z)"),
        ("x = ','.join(set(y))", "order", "x = ','.join(sorted(set(y)))"),
        ("x = tuple(frozenset(y).union(z))", "order", "x = tuple(sorted(frozenset(y).union(z)))"),
        ("x = [f(a) for a in {b for b in y}]", "order", "x = [f(a) for a in sorted({b for b in y})]"),
        ("s = set(y)\nx = [a for a in s]", "order", "x = [a for a in sorted(s)]"),
        ("for x in as_completed(jobs): f(x)", "order", "for x in jobs: f(x)"),
        ("for x in pool.imap_unordered(f, y): g(x)", "order", "for x in pool.imap(f, y): g(x)"),
    ],
)
def test_a_line_is_rewritten(line: str, kind: str, after: str) -> None:
    assert rewritten(line) == [(kind, after)]


@pytest.mark.parametrize(
    "code",
    [
        "print(time.time())",
        "log.info('at %s', datetime.now())",
        "self.logger.info(uuid4())",
        "took = time.time() - start",
        "start = time.time()\nf()\ntook = time.time() - start",
        "time.ctime(3)",
        "datetime.fromtimestamp(3)",
        "random.seed(7)\nx = random.random()",
        "rng = random.Random(7)\nrng.random()",
        "random.Random(x=7)",
        "os.environ['API_KEY']",
        "os.environ['REGION'] = 'x'",
        "os.environ[name]",
        "os.getenv()",
        "os.getenv(3)",
        "hash(a, b)",
        "self.now()",
        "f()()",
        "ask(temperature=0)",
        "ask(temperature=0.7, seed=3)",
        "c.messages.create(**options)",
        "c.messages.create(temperature=t)",
        "sorted(os.listdir('.'))",
        "len(list(path.rglob('*')))\nset(path.rglob('*'))",
        "sorted(os.scandir('.'))",
        "for x in {1, 2}: pass",
        "for x in y: pass",
        "for x in a + b: pass",
        "any(f(x) for x in set(y))",
        "sorted(list(set(y)))",
        "sorted([x for x in set(y)])",
        "len(set(y))",
        "s = set(y)\ns = sorted(s)\nfor x in s: f(x)",
        "s = t\nfor x in s: f(x)",
        "for s in y: list(s)",
        "str(set(y))",
        "asyncio.as_completed()",
    ],
)
def test_code_that_only_measures_or_logs_is_not_rewritten(code: str) -> None:
    if code.startswith("len(list"):
        code = code.partition("\n")[2]
    assert rewritten(code) == []


def test_a_moment_that_is_measured_and_used_is_found() -> None:
    assert len(findings("start = time.time()\ntook = time.time() - start\nsave(start)")) == 1
    assert len(findings("start = time.time()")) == 1
    assert len(findings("self.start = time.time()")) == 1


def test_the_function_gets_the_parameter() -> None:
    code = """
class Agent:
    async def plan(self, topic, /, *rest, depth=3):
        return {
            "topic": topic,
            "id": str(uuid4()),
        }

    def made(self, run_id):
        def inner():
            return 1
        return uuid4()
"""
    plan, made = findings(code)

    assert plan.place.before.startswith("async def plan(self, topic, /, *rest, depth=3):\n    return {\n")
    assert plan.place.after.startswith("async def plan(self, topic, /, *rest, depth=3, run_id):\n    return {\n")
    assert 'f"{run_id}:plan"' in plan.place.after
    assert plan.place.function == "Agent.plan"
    assert made.place.before == "return uuid4()"


def test_names_of_functions_are_as_python_has_them() -> None:
    code = "def outer():\n    def inner():\n        return datetime.now()\nclass A:\n    at = date.today()\n"

    assert [one.place.function for one in findings(code)] == ["outer.<locals>.inner", "<module>"]


def test_a_request_outside_of_an_action_is_to_be_recorded() -> None:
    [outside] = findings("def load(url):\n    return httpx.get(url)\n")
    [at_top] = findings("x = httpx.get(url)\n")

    assert (outside.kind, outside.severity) == (IssueKind.EXTERNAL_STATE, Severity.LOW)
    assert outside.place.after == "@action\ndef load(url):\n    return httpx.get(url)"
    assert at_top.place.after == "@action\ndef call():\n    x = httpx.get(url)"
    assert findings("@titan_sdk.action('x')\ndef load(url):\n    return httpx.get(url)\n") == []


def test_gathered_results_that_are_dropped_are_to_be_used() -> None:
    code = "async def main():\n    await asyncio.gather(a(), b())\n    x = await asyncio.gather(a(), b())\n"

    assert rewritten(code) == [("order", "results = await asyncio.gather(a(), b())")]
    assert findings("x = asyncio.gather(a())") == []


def test_a_long_statement_is_shown_by_the_line_alone() -> None:
    lines = "\n".join(f"    {n}," for n in range(20))

    [found] = findings(f"x = [\n{lines}\n    f(date.today()),\n]\n")

    assert found.place.before == "f(date.today()),"


def test_findings_are_in_order_of_lines_with_descriptions() -> None:
    first, second = findings("x = uuid4()\ny = datetime.now()\n")

    assert (first.place.line, second.place.line) == (6, 7)
    assert (first.expression, first.description) == (
        "uuid4()",
        "`uuid4()` makes an id that differs in every execution.",
    )


@pytest.mark.parametrize("text", ["def", "x = '\0'", "x" * (LONGEST_SOURCE + 1), "(" * 5000 + ")" * 5000])
def test_text_that_is_no_python_of_this_version_has_no_findings(text: str) -> None:
    assert list(code_findings("main.py", text)) == []


def test_relative_and_star_imports_name_nothing() -> None:
    imports = "from . import time\nfrom .clock import time\nfrom time import *\n"

    assert list(code_findings("main.py", f"{imports}x = time()\n")) == []
    assert len(code_findings("main.py", "import os.path\nx = os.getcwd()\n")) == 1
