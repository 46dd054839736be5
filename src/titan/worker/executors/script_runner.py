"""Runs a Python script inside this interpreter as `python -u script args` would run it in a new one.

Starting Python takes some 100 ms, forking one that is already started takes 1 ms; this module is what makes the second
look like the first: the names a script finds, the traceback it leaves, its exit code, and what happens at its end.
"""

from __future__ import annotations

import _thread
import atexit
import builtins
import ctypes
import gc
import io
import os
import signal
import sys
import weakref
from _io import _BufferedIOBase
from importlib.machinery import ExtensionFileLoader, SourceFileLoader
from types import ModuleType

TYPE_CHECKING = False  # as in messages.py
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import NoReturn

_FLUSH_FAILED_EXIT_CODE = 120  # Python's own, when its standard output cannot be written at the end
_INTERRUPTED_EXIT_CODE = 128 + signal.SIGINT  # where the signal itself is blocked
_BUFFERS = (io.BufferedWriter, io.BufferedRandom)

# The compiled modules of the standard library that need Python's own end: databases write some of their data when they
# are closed; ncurses, readline and Tcl have exit handlers and buffers in C; an interpreter in this one ends with it.
# The others keep Python objects, and what the kernel closes.
_NEEDS_PYTHONS_END = frozenset(
    ("_curses", "_dbm", "_gdbm", "_interpreters", "_sqlite3", "_tkinter", "_xxsubinterpreters", "readline")
)


class LoadedModules:
    """The modules that are loaded when this is created; later ones are a script's."""

    def __init__(self) -> None:
        self._names = frozenset(sys.modules)
        self._last = next(reversed(sys.modules))

    def added_since(self) -> list[str]:
        """Return the names of newer modules, newest first. Looks at no older one, for a look is a write."""
        added = []
        for name in reversed(sys.modules):
            if name == self._last:
                break
            if name not in self._names:
                added.append(name)
        return added


def run_script(path: str, args: Sequence[str], loaded_before: LoadedModules, *, appears_as: str) -> NoReturn:
    """Run the script at `path` as __main__, as if it lay at `appears_as`; then end this process with its exit code.

    Call it in a forked child of a process with one thread. Nothing of the caller's runs afterwards.
    """
    gc.enable()
    exit_code = _run_main(_become_main(appears_as, args), path)
    _end_process(exit_code, loaded_before)


def rehearse(path: str, loaded_before: LoadedModules) -> None:
    """Run the harmless script at `path` here, then restore the state of before.

    What Python writes when code runs for the first times (specialised bytecode, caches, tables of the C library) is
    then shared by every fork, instead of copied in each.
    """
    kept = sys.argv, sys.orig_argv, sys.path[:], sys.modules["__main__"]
    exit_code = _run_main(_become_main(path, ()), path)
    _wind_up(exit_code)
    _drop_what_the_script_made(loaded_before)
    sys.argv, sys.orig_argv, sys.path[:], sys.modules["__main__"] = kept


def _become_main(path: str, args: Sequence[str]) -> ModuleType:
    """Set what a script sees of its own start, and return the module it will run in."""
    sys.argv = [path, *args]
    sys.orig_argv = [sys.executable, "-u", *sys.argv]
    sys.path.insert(0, os.path.dirname(path))
    main_module = ModuleType("__main__")
    main_module.__dict__.update(
        __file__=path,
        __builtins__=builtins,
        __loader__=SourceFileLoader("__main__", path),
        __annotations__={},
        __cached__=None,
    )
    sys.modules["__main__"] = main_module
    return main_module


def _run_main(main_module: ModuleType, path: str) -> int | None:
    """Run the script to its end and return its exit code; None when Ctrl-C (SIGINT) ended it."""
    try:
        with open(path, "rb", buffering=0) as source:
            code = compile(source.readall(), main_module.__dict__["__file__"], "exec", dont_inherit=True)
        exec(code, main_module.__dict__)  # the script is the job: running it is what was asked for
    except SystemExit as request:
        return _exit_code_of(request)
    except KeyboardInterrupt as interrupt:
        _show(interrupt)
        return None
    except BaseException as error:  # noqa: BLE001 (whatever a script raises ends it, not us)
        return _show(error)
    return 0


def _exit_code_of(request: SystemExit) -> int:
    """Return the code sys.exit() asks for, as Python reads it: None is 0, a text is printed and gives 1."""
    code = request.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def _show(error: BaseException) -> int:
    """Hand an uncaught error to sys.excepthook, without this module's frames; return the exit code."""
    error.__traceback__ = _of_the_script(error.__traceback__)
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit as request:
        return _exit_code_of(request)
    except BaseException as second:  # noqa: BLE001 (whatever a script's hook raises is shown, as Python does)
        sys.stderr.write("Error in sys.excepthook:\n")
        second.__context__ = None
        second.__traceback__ = _of_the_script(second.__traceback__)
        sys.__excepthook__(type(second), second, second.__traceback__)
        sys.stderr.write("\nOriginal exception was:\n")
        sys.__excepthook__(type(error), error, error.__traceback__)
    return 1


def _of_the_script(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def _end_process(exit_code: int | None, loaded_before: LoadedModules) -> NoReturn:
    """Do what Python does at its end, in its order, and end the process.

    Python also takes the whole interpreter apart, which costs 8 ms in a fork, since every page is written, and calls
    the exit handlers of C. Where no compiled module was loaded that needs either, and no daemon thread runs on,
    dropping what the script made has the same effect in 0.1 ms.
    """
    exit_code = _wind_up(exit_code)
    if exit_code is not None and (_thread._count() or any(map(_needs_pythons_end, loaded_before.added_since()))):
        ctypes.pythonapi.Py_Exit(exit_code)
    _drop_what_the_script_made(loaded_before)
    if exit_code is None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(_INTERRUPTED_EXIT_CODE if exit_code is None else exit_code)


def _wind_up(exit_code: int | None) -> int | None:
    """Wait for the script's threads, call its exit functions, flush its streams; return the exit code after that."""
    _wait_for_threads()
    atexit._run_exitfuncs()
    if not _flush_standard_streams() and exit_code == 0:
        return _FLUSH_FAILED_EXIT_CODE
    return exit_code


def _wait_for_threads() -> None:
    threading = sys.modules.get("threading")
    if threading is None:
        return
    try:
        threading._shutdown()
    except BaseException as error:  # noqa: BLE001 (an interrupted wait is shown and given up, as Python does)
        sys.__excepthook__(type(error), error, _of_the_script(error.__traceback__))


def _flush_standard_streams() -> bool:
    """Flush what the script has put at sys.stdout and sys.stderr; return whether that worked."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except Exception as error:  # noqa: BLE001 (any object may stand there; Python, too, ignores what it raises)
        os.write(2, f"Exception ignored while flushing standard output: {error!r}\n".encode("utf-8", "replace"))
        return False
    return True


def _needs_pythons_end(name: str) -> bool:
    """Return whether a module is compiled, or leads to compiled code, and may need Python's own end."""
    if name == "ctypes":  # `_ctypes` is loaded before any script
        return True
    if not isinstance(getattr(sys.modules[name], "__loader__", None), ExtensionFileLoader):
        return False
    return name not in sys.stdlib_module_names or name in _NEEDS_PYTHONS_END


def _drop_what_the_script_made(loaded_before: LoadedModules) -> None:
    """Release the script's modules, so that its files are written out and its destructors run."""
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    _write_out_files()
    survivors = [_weakly(sys.modules.pop(name)) for name in ("__main__", *loaded_before.added_since())]
    gc.collect()
    if _close_compressed_files():
        _write_out_files()
    for survivor in survivors:
        namespace = getattr(survivor(), "__dict__", None)
        # As Python does it: a callback that still runs, such as one of `logging`, finds None and does nothing.
        if isinstance(namespace, dict):
            namespace.update(dict.fromkeys(name for name in namespace if name != "__builtins__"))


def _write_out_files() -> None:
    """Flush every open file of the script: one in a reference cycle would lose what it buffers (bpo-17852)."""
    for kind in (io.TextIOWrapper, _BUFFERS):  # from the outer buffers to the inner
        for file in gc.get_objects():
            if issubclass(type(file), kind):
                _finish_quietly(file, file.flush)


def _close_compressed_files() -> bool:
    """Close the files of `gzip` and the like that are still open, and return whether there were any.

    Closing writes the rest of such a file. A module of the library, or a context, holds it until Python's own end.
    """
    # `io.BufferedIOBase` itself would look a type up in a table, and write to it.
    found = [file for file in gc.get_objects() if issubclass(type(file), _BufferedIOBase)]
    compressed = [file for file in found if type(file).__module__ != _BufferedIOBase.__module__]
    for file in compressed:
        _finish_quietly(file, file.close)
    return bool(compressed)


def _finish_quietly(file: io.IOBase, finish: Callable[[], None]) -> None:
    try:
        if not file.closed:
            finish()
    except BaseException:  # noqa: BLE001 (a full disk, a detached buffer, a class of the script's: Python ignores it too)
        return


def _weakly(module: object) -> Callable[[], object]:
    """Return a reference that does not keep the module; a script may have put anything in its place."""
    try:
        return weakref.ref(module)
    except TypeError:
        return lambda: None
