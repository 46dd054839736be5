"""Settings of every run: the same random examples, how many processes, and what to leave out on this machine."""

import gc
import os
import shutil
from collections.abc import Generator
from typing import Final

import pytest
from hypothesis import settings
from xdist.workermanage import WorkerController

from tests.support.another_user import NEED as ANOTHER_USER
from tests.support.another_user import python_of_everybody

# A loaded machine must not fail a property: no deadline. print_blob: a failure shows how to repeat it.
settings.register_profile(
    "reproducible", derandomize=True, max_examples=40, deadline=None, print_blob=True, database=None
)
settings.register_profile("exploring", max_examples=500, deadline=None, print_blob=True, database=None)

PROCESSES_PER_CORE: Final = 2  # a test mostly waits, for processes that it started
SLOW_TEST_SECONDS: Final = 900  # the slowest takes 100 s on an idle machine

#: The package of apt with a program, where it has another name.
PACKAGES: Final = {"bwrap": "bubblewrap"}

MISSING: Final = pytest.StashKey[dict[str, int]]()  # program → how many tests need it in vain
LEAVE_NONE_OUT: Final = "--leave-none-out"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option with which `.ci/run` makes a failure of each test that would be left out."""
    parser.addoption(LEAVE_NONE_OUT, action="store_true", help="fail each test that would be left out or skipped")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the profile: a seed on the command line (a number or `random`) explores other examples."""
    explores = config.getoption("--hypothesis-seed", default=None) is not None
    settings.load_profile("exploring" if explores else "reproducible")
    config.stash[MISSING] = {}


def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes share the tests of `-n auto`."""
    return PROCESSES_PER_CORE * len(os.sched_getaffinity(0))


@pytest.hookimpl(trylast=True)  # after `-k` and `-m`: only tests that were asked for can be missed
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests marked `needs(PROGRAM, …)` where there is no such program; the last line says so.

    With `--leave-none-out` they stay, and fail. Slow tests get more time than the others. The simulations come first:
    they take longest, and would be waited for alone at the end.
    """
    items.sort(key=lambda item: "simulation" not in item.path.parts)
    for item in list(items):
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.needs("chromium"))
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_TEST_SECONDS))
        missing = _missing(item)
        if missing and not config.getoption(LEAVE_NONE_OUT):
            items.remove(item)
            config.hook.pytest_deselected(items=[item])
        for program in missing:
            config.stash[MISSING][program] = config.stash[MISSING].get(program, 0) + 1
    if hasattr(config, "workeroutput"):  # one of the processes of `-n`, each of which collects every test
        config.workeroutput["missing"] = config.stash[MISSING]


@pytest.hookimpl(tryfirst=True)  # before its fixtures
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test that `--leave-none-out` did not leave out."""
    if missing := _missing(item):
        pytest.fail(f"expected {' and '.join(missing)} on this machine; found none", pytrace=False)


def pytest_testnodedown(node: WorkerController) -> None:
    """Take over from a process of `-n` what it found missing."""
    told = getattr(node, "workeroutput", {})  # one that crashed told nothing
    node.config.stash[MISSING].update(told.get("missing", {}))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave the garbage collector off while tests are collected, which takes a third less time then: they all stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Pass where every selected test was left out for a missing program; an empty selection still fails.

    With `--leave-none-out` a skipped test fails the run.
    """
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption(LEAVE_NONE_OUT) and terminal is not None and terminal.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and session.config.stash[MISSING]:
        session.exitstatus = pytest.ExitCode.OK


def pytest_unconfigure(config: pytest.Config) -> None:
    """Print as the last line, after pytest's own, which tests were left out and how to run them."""
    missing, terminal = config.stash.get(MISSING, {}), config.pluginmanager.get_plugin("terminalreporter")
    if missing and isinstance(terminal, pytest.TerminalReporter):
        left_out = ", ".join(f"{count} test(s) that need {need}" for need, count in missing.items())
        packages = sorted(PACKAGES.get(need, need) for need in missing if need != ANOTHER_USER)
        how = f" To run them: apt-get install {' '.join(packages)}" if packages else ""
        word = "Failed" if config.getoption(LEAVE_NONE_OUT) else "Left out"
        terminal.write_line(f"{word}: {left_out}.{how}", yellow=True)


def _missing(item: pytest.Item) -> list[str]:
    wanted = [str(program) for mark in item.iter_markers("needs") for program in mark.args]
    return [need for need in wanted if not _is_here(need)]


def _is_here(need: str) -> bool:
    if need == ANOTHER_USER:
        return python_of_everybody() is not None
    programs = ("chromium-headless-shell", need) if need == "chromium" else (need,)
    return any(shutil.which(program) for program in programs)
