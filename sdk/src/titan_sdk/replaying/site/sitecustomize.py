"""Begins a replay before the program's first import; Python imports this module as `titan replay` sets its path."""

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

from titan_sdk.replaying.starting import start

start()

# Run the machine's own sitecustomize, which this one hides.
sys.path[:] = [path for path in sys.path if path != str(Path(__file__).parent)]
_next = PathFinder.find_spec("sitecustomize", sys.path)
if _next is not None and _next.loader is not None:
    _next.loader.exec_module(module_from_spec(_next))
