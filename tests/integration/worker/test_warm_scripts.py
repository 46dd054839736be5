"""A script in the warm interpreter behaves as in a new one: each is run both ways, and the two are compared."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.attempts import Attempts, LocalAttempts
from titan.worker.executors.local import PYTHON

ERRORS = {
    "an error": "def inner():\n    return 1 / 0\n\n\ndef outer():\n    inner()\n\n\nouter()",
    "an error during an error": "try:\n    {}['k']\nexcept KeyError as e:\n    raise ValueError('no k') from e",
    "an error in a cleanup": "try:\n    1 / 0\nfinally:\n    undefined",
    "a group of errors": "raise ExceptionGroup('two', [ValueError(1), OSError(2)])",
    "an error with a note": "e = ValueError('x')\ne.add_note('look here')\nraise e",
    "an error in an import": "import json.nothing",
    "a syntax error": "x = (1,\nprint(x",
    "a bad indentation": "if True:\nprint(1)",
    "a hook that is told": "import sys\nsys.excepthook = lambda *e: print('hook', e[0], e[2].tb_lineno)\n1 / 0",
    "a hook that fails": "import sys\nsys.excepthook = lambda *e: undefined\n1 / 0",
    "an exit with a text": "import sys\nprint('before')\nsys.exit('no more rows')",
    "an exit with an object": "raise SystemExit([1, 2])",
    "an exit with a negative code": "raise SystemExit(-1)",
    "an exit in a function at the end": "import atexit\natexit.register(lambda: print('bye'))\nraise SystemExit(4)",
    "an error at the end": "import atexit\natexit.register(lambda: 1 / 0)\nprint('end')",
    "an error in a thread": "from threading import Thread\nt = Thread(target=[].pop, name='T')\nt.start()\nt.join()",
}

ENDS = {
    "a file never closed": "f = open('out.txt', 'w')\nf.write('kept')\nimport os\nprint(os.path.getsize('out.txt'))",
    "a file in a cycle": "class A: pass\na = A()\na.me = a\na.f = open('out.txt', 'w')\na.f.write('kept')",
    "a file in a function's default": "def log(text, f=open('out.txt', 'a')):\n    f.write(text)\nlog('kept')",
    "a file in a module": "import sys, types\nm = sys.modules['m'] = types.ModuleType('m')\n"
    "m.f = open('out.txt', 'w')\nm.f.write('kept')\nm.me = m",
    "a file kept by the library": "import json\njson.mine = open('out.txt', 'w')\njson.mine.write('kept')",
    "a destructor": "class A:\n    def __del__(self):\n        print('gone')\na = A()",
    "ends in order": "import atexit\nfor n in range(3):\n    atexit.register(print, n)",
    "a thread that goes on": "import threading, time\n"
    "threading.Thread(target=lambda: (time.sleep(0.2), print('thread'))).start()\nprint('main')",
    "a daemon thread that never ends": "import threading, time\n"
    "threading.Thread(target=lambda: [time.sleep(0.001) for _ in iter(int, 1)], daemon=True).start()\n"
    "f = open('out.txt', 'w')\nf.write('kept')",
    "a pool that is not shut down": "from concurrent.futures import ThreadPoolExecutor\n"
    "p = ThreadPoolExecutor(2)\np.submit(print, 'pooled')",
    "a weak reference's end": "import weakref\nclass A: pass\na = A()\nweakref.finalize(a, print, 'finalized')",
    "its own standard output": "import sys, io\nsys.stdout = io.TextIOWrapper(open('out.txt', 'wb'))\nprint('kept')",
    "a printf of C": "import ctypes\nctypes.CDLL(None).printf(b'from C\\n')",
    "an extension": "import sqlite3, _elementtree\nprint(sqlite3.connect(':memory:').execute('select 1').fetchall())",
    "a database left open": "import atexit, sqlite3\ndb = sqlite3.connect('out.txt')\n"
    "db.execute('pragma journal_mode=wal')\ndb.execute('create table kept (x)')\n"
    "atexit.register(print, 'bye')\nraise SystemExit(3)",
    "compiled modules of the library": "import atexit, ctypes, json, sqlite3, ssl\nctx = ssl.create_default_context()\n"
    "f = open('out.txt', 'w')\nf.write(json.dumps([1]))\natexit.register(lambda: print(sqlite3.sqlite_version, ctx))\n"
    "ctypes.CDLL(None).puts(b'from C')\nraise SystemExit(5)",
    "compiled modules that need no end": "import _elementtree, asyncio, decimal, mmap, multiprocessing, queue\n"
    "import atexit, lzma, uuid, zoneinfo\n"
    "atexit.register(print, decimal.Decimal(1), uuid.UUID(int=1), zoneinfo.ZoneInfo('UTC'))\n"
    "loop = asyncio.new_event_loop()\nloop.close()\nbox = lzma.LZMACompressor()\n"
    "f = open('out.txt', 'w+b')\nf.write(b'kept')\nf.flush()\nm = mmap.mmap(f.fileno(), 4)\nm[:1] = b'K'",
    "a compressed file never closed": "import gzip\nf = gzip.GzipFile('out.txt', 'w', mtime=0)\nf.write(b'kept')",
    "a compressed file in a cycle": "import bz2\nclass A: pass\na = A()\na.me = a\na.f = bz2.open('out.txt', 'wt')\n"
    "a.f.write('kept')",
    "a compressed file kept by the library": "import gzip, json\njson.mine = gzip.GzipFile('out.txt', 'w', mtime=0)\n"
    "json.mine.write(b'kept')",
    "a compressed file kept by its context": "import contextvars, lzma\nkept = contextvars.ContextVar('kept')\n"
    "kept.set(lzma.open('out.txt', 'w'))\nkept.get().write(b'kept')",
    "an archive never closed": "import zipfile\nz = zipfile.ZipFile('out.txt', 'w')\n"
    "z.writestr(zipfile.ZipInfo('a'), b'kept')",
    "an error in a compiled module": "import atexit, json\natexit.register(print, 'bye')\njson.loads('{')",
    "logging": "import logging\nlogging.basicConfig(filename='out.txt')\nlogging.warning('kept')",
    "logging kept by the library": "import json, logging\njson.mine = logging",
    "names that end with None": "import json, sys, types\nm = json.mine = sys.modules['m'] = types.ModuleType('m')\n"
    "exec('class A:\\n    def __del__(self):\\n        print(len, b)\\na = A()\\nb = 1', m.__dict__)",
}

STARTS = {
    "its names": "print(sorted(n for n in dir() if n != '__spec__'))\nprint(__name__, __package__, __doc__, __spec__)",
    "its doc": "'''The doc.'''\nprint(__doc__)",
    "its loader": "print(type(__loader__).__name__, __builtins__.__name__, __annotations__, __cached__)",
    "its main module": "import sys, __main__\nx = 5\nprint(__main__.x, sys.modules['__main__'] is __main__)",
    "its arguments": "import sys\nprint(sys.argv)\nprint(sys.orig_argv[-3:])",
    "its path": "import sys\nprint(sys.path)\nprint(sys.flags, sys.executable)",
    "its encodings": "import sys, locale\nprint(sys.stdout.encoding, sys.stdout.errors, sys.stderr.errors, "
    "sys.stdin.encoding, locale.getpreferredencoding(), sys.getfilesystemencoding())",
    "its streams": "import sys\nprint(sys.stdout.line_buffering, sys.stdout.write_through, sys.stdout.isatty(), "
    "sys.stdout.name, sys.stdout.buffer, sys.__stdout__ is sys.stdout)",
    "its signals": "import signal\n"
    "print({s.name: str(signal.getsignal(s)) for s in signal.valid_signals() if s.__class__.__name__ == 'Signals'})",
    "its signal mask": "import signal\nprint(signal.pthread_sigmask(signal.SIG_BLOCK, ()))",
    "its garbage collector": "import gc\nprint(gc.isenabled(), gc.get_threshold())",
    "its limits": "import resource\nprint(resource.getrlimit(resource.RLIMIT_NOFILE))",
    "its environment": "import os\nprint({k: v for k, v in sorted(os.environ.items())})",
    "its umask": "import os\nprint(oct(os.umask(0)))",
    "its recursion": "import sys\nprint(sys.getrecursionlimit())",
    "its warnings": "import warnings\nwarnings.warn('old', DeprecationWarning)\nwarnings.warn('odd')",
    "its future": "print(__debug__)\ndef f(x: undefined): pass",
    "its annotations": "x: int = 1\nprint(__annotations__)",
    "its threads": "import threading\nprint(threading.main_thread().name, threading.active_count())",
    "its source": "import inspect\ndef f():\n    return 1\nprint(inspect.getsource(f))",
    "its name in a pickle": "import pickle\nclass A: pass\nprint(pickle.dumps(A), pickle.loads(pickle.dumps(A)) is A)",
    "its dataclass": "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: 'int'\nprint(P(1))",
    "its bom": "\ufeffprint('bom')",
    "its coding": "# -*- coding: latin-1 -*-\nprint(len('é'))",
}

WORK = {
    "threads": "from concurrent.futures import ThreadPoolExecutor\n"
    "with ThreadPoolExecutor(4) as p:\n    print(list(p.map(lambda n: n * n, range(20))))",
    "processes": "from multiprocessing import Pool\ndef f(n):\n    return n * n\n"
    "if __name__ == '__main__':\n    with Pool(2) as p:\n        print(p.map(f, range(9)))",
    "spawned processes": "import multiprocessing\ndef f(n):\n    return n * n\n"
    "if __name__ == '__main__':\n    with multiprocessing.get_context('spawn').Pool(2) as p:\n"
    "        print(p.map(f, range(9)))",
    "processes behind a server": "import multiprocessing\ndef f(n):\n    return n * n\n"
    "if __name__ == '__main__':\n    with multiprocessing.get_context('forkserver').Pool(2) as p:\n"
    "        print(p.map(f, range(9)))",
    "a queue between processes": "import multiprocessing as m\n"
    "q = m.Queue()\np = m.Process(target=q.put, args=('sent',))\np.start()\nprint(q.get())\np.join()",
    "a program": "import subprocess\nprint(subprocess.run(['cat'], input=b'through', capture_output=True).stdout)",
    "python in python": "import subprocess, sys\nprint(subprocess.check_output([sys.executable, '-c', 'print(1)']))",
    "a fork": "import os\nif os.fork() == 0:\n    print('child')\nelse:\n    print(os.wait()[1], 'parent')",
    "coroutines": "import asyncio\nasync def f(n):\n    await asyncio.sleep(0.01 * n)\n    return n\n"
    "async def main():\n    print(await asyncio.gather(*map(f, range(5))))\nasyncio.run(main())",
    "a program in a coroutine": "import asyncio\nasync def main():\n"
    "    p = await asyncio.create_subprocess_exec('echo', 'hi', stdout=asyncio.subprocess.PIPE)\n"
    "    print(await p.communicate(), p.returncode)\nasyncio.run(main())",
    "a signal": "import os, signal\nsignal.signal(signal.SIGUSR1, lambda *_: print('caught'))\n"
    "os.kill(os.getpid(), signal.SIGUSR1)\nsignal.alarm(0)",
    "a broken pipe": "import os\nr, w = os.pipe()\nos.close(r)\nos.write(w, b'x')",
    "a temporary file": "import tempfile\nwith tempfile.NamedTemporaryFile() as f:\n    print(f.write(b'abc'))",
    "a web server": "import http.server, threading, urllib.request\n"
    "s = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)\n"
    "s.RequestHandlerClass.log_message = lambda *_: None\n"
    "threading.Thread(target=s.handle_request).start()\n"
    "print(urllib.request.urlopen(f'http://127.0.0.1:{s.server_port}/').status)",
    "the sdk": "from titan_sdk import TitanClient\nimport titan_sdk\nprint(TitanClient.__name__)",
}


def without_addresses(text: str) -> str:
    return re.sub(r"\b0x[0-9a-f]+", "0x…", text)


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attempts]:
    with LocalAttempts(tmp_path_factory.mktemp("warm")) as attempts:
        yield attempts


@pytest.mark.parametrize("script", [pytest.param(s, id=i) for i, s in (ERRORS | ENDS | STARTS | WORK).items()])
def test_a_warm_script_behaves_like_a_cold_one(attempts: Attempts, script: str) -> None:
    left_behind = attempts.workspace / "out.txt"

    cold = attempts.run(script, "one", "two words", is_cold=True, folder_name="same")
    left_by_cold = left_behind.read_bytes() if left_behind.exists() else None
    left_behind.unlink(missing_ok=True)
    warm = attempts.run(script, "one", "two words", is_cold=False, folder_name="same")
    left_by_warm = left_behind.read_bytes() if left_behind.exists() else None
    left_behind.unlink(missing_ok=True)

    assert without_addresses(warm.text) == without_addresses(cold.text)
    assert (warm.end.exit_code, warm.end.signal) == (cold.end.exit_code, cold.end.signal)
    assert left_by_warm == left_by_cold


def test_a_warm_script_sees_no_modules_of_its_runner(attempts: Attempts) -> None:
    plain = subprocess.run(
        [*PYTHON, "-c", "import sys; print(sorted(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    warm = attempts.run(
        "import sys\nprint([name for name in sys.modules if name.startswith('titan.')], 'threading' in sys.modules)"
    )

    assert "titan" not in plain.stdout
    assert warm.text == "[] False\n"


def test_every_warm_script_draws_its_own_random_numbers(attempts: Attempts) -> None:
    drawing = "import random, uuid, os\nprint(random.random(), uuid.uuid4(), os.urandom(8))"

    drawn = {attempts.run(drawing).text for _ in range(5)}

    assert len(drawn) == 5


@pytest.mark.parametrize(
    ("imported", "is_taken_apart"),
    [
        ("re", False),
        ("json, shutil, ssl, uuid", False),
        ("asyncio, decimal, multiprocessing, unicodedata", False),
        ("ctypes", True),
        ("sqlite3", True),
        ("apsw", True),  # compiled, and none of the standard library
    ],
)
def test_python_is_taken_apart_at_the_end_only_where_compiled_code_may_need_it(
    attempts: Attempts, imported: str, is_taken_apart: bool
) -> None:
    told_by_its_last_object = (
        f"import {imported}, sys\nclass Last:\n    def __del__(self, is_ending=sys.is_finalizing, tell=print):\n"
        "        tell(is_ending())\nlast = Last()"
    )

    assert attempts.run(told_by_its_last_object).text == f"{is_taken_apart}\n"


def test_a_rehearsed_process_holds_nothing_of_its_rehearsal(attempts: Attempts) -> None:
    attempts.run("import time\ntime.sleep(0.1)")  # the next process has time for one meanwhile

    ended = attempts.run("import os, sys\nprint(len(os.listdir('/proc/self/fd')), 'TITAN_REHEARSAL' in os.environ)")

    assert ended.text == "4 False\n"  # its three streams, and the folder that it reads
