"""The path of a span through our modules is counted on a real server."""

from __future__ import annotations

import re
import subprocess
import sys

from benchmarks.span_path import in_all
from tests.support.sources import ROOT

MOST_MODULES = 43  # a module more on the path of every span: move it off the path, or join it to its stage


def test_the_modules_that_a_span_runs_through_are_listed_and_counted() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.span_path"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    *modules, count = done.stdout.splitlines()
    assert re.match(rf"{len(modules)} modules of ours", count)
    assert len(modules) == len(set(modules))
    assert len(modules) <= MOST_MODULES, modules
    threads = ("titan.server.routes", "titan.ingest", "titan.store")  # the event loop's, and the writer's
    assert all(any(module.strip().startswith(name) for module in modules) for name in threads)


def test_a_module_that_ran_in_one_round_alone_is_not_counted() -> None:
    assert in_all([["a", "timer", "b"], ["b", "a"], ["a", "other", "b"]]) == ["a", "b"]
