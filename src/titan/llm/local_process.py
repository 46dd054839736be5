"""The child process that runs the local model: `python -m titan.llm.local_process FILE NAME`.

Its parent writes a key as the first line of its standard input and keeps the pipe open; the child answers
with its address as the first line of its standard output, and ends when the pipe closes. llama.cpp can crash
on bad input, takes 330 MB, and shares no interpreter lock with the server this way.
"""

import ctypes
import os
import signal
import sys
from typing import Final

#: What SmolLM2 was trained on; its cache of keys and values takes 180 MB.
CONTEXT_TOKENS: Final = 8192
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


def main(model_file: str, model_name: str) -> None:
    """Serve `model_file` as `model_name` on a free port of 127.0.0.1 until the parent is gone."""
    _die_with_parent()
    key = sys.stdin.readline().strip()
    _server, address = _serve(model_file, model_name, key)
    print(address, flush=True)  # noqa: T201  # the parent reads it
    sys.stdin.read()
    # The server's C++ threads are not joined: they may be computing an answer that is no longer needed.
    os._exit(0)


def _serve(model_file: str, model_name: str, key: str) -> tuple[object, str]:
    """Return a server, which runs while the object lives, and its address."""
    import xllamacpp  # type: ignore[import-untyped]  # has no stubs; an extra that may not be installed

    parameters = xllamacpp.CommonParams()
    parameters.model.path = model_file
    parameters.model_alias = {model_name}
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = 1
    parameters.n_threads_http = 2
    # One thread, so that a machine of two cores keeps one for the jobs that wait for the answer.
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [key]
    parameters.cors_origins = "http://127.0.0.1"  # llama.cpp allows every page by default
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.offline = True
    parameters.verbosity = 1  # errors only
    # A cached prefix changes the order of additions, and so the likeliest token: 13 of 24 answers differed.
    parameters.cache_prompt = False
    parameters.cache_ram_mib = 0
    # Against loops ("1.1.1.1."): nine answers of the demo took 1,140 tokens instead of 3,415.
    parameters.sampling.penalty_freq = 0.3
    server = xllamacpp.Server(parameters)
    return server, str(server.listening_address)


def _die_with_parent() -> None:
    """Have Linux end this process with its parent, in case another process holds the pipe open."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
