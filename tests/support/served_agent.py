"""An agent written with `titan_sdk.agent`, as a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.sources import PACKAGES

SOURCE = """
import titan_sdk


@titan_sdk.agent
def run(task, *, proxy_url, run_token):
    titan_sdk.agent.trace("thinking", "Is it still here?")
    order = titan_sdk.agent.tools.call("get_order", order_id="O1")
    if order["status"] != "placed":
        return "Too late."
    with titan_sdk.agent.acting_as("desk/cancel"):
        titan_sdk.agent.trace("subagent_message", {"text": "I cancel."})
        done = titan_sdk.agent.tools.call("cancel_order", order_id="O1")
    names = {tool["name"] for tool in titan_sdk.agent.tools.list()}
    assert "cancel_order" in names
    return {"final_response": done["message"], "metadata": {"cost_usd": 0.01}}


@titan_sdk.agent("later")
async def later(task, *, proxy_url, run_token):
    return titan_sdk.agent.tools.call("cancel_order", order_id="O1")["message"]


@titan_sdk.agent("broken")
def broken(task, *, proxy_url, run_token):
    raise LookupError("no idea")


@titan_sdk.agent("silent")
def silent(task, *, proxy_url, run_token):
    return None


if __name__ == "__main__":
    titan_sdk.agent.serve(port=0)
"""


@contextmanager
def served_agent(folder: Path, *, token: str | None = None, command: tuple[str, ...] = ("agent.py",)) -> Iterator[str]:
    """Give the address of the agents of `SOURCE`, of which each is asked at its name."""
    (folder / "agent.py").write_text(SOURCE, "utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{PACKAGES}{os.pathsep}{folder}", "TITAN_AGENT_TOKEN": token or ""}
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found is not None:
                break
        else:
            raise AssertionError("the agent said no address")
        yield found.group()
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(30)
