"""An agent that is guarded by agentsentinel-sdk 0.2: `agentsentinel_old.py URL KEY`."""

import asyncio
import contextlib
import sys

from agent_sentinel import guarded_action
from agent_sentinel.context import ExecutionContext
from agent_sentinel.errors import PolicyViolationError
from agent_sentinel.policy import PolicyEngine
from agent_sentinel.sync import enable_remote_sync, flush_and_stop

URL, KEY = sys.argv[1:]


@guarded_action(name="measure", cost_usd=0.01, tags=["lab"])
def measure(number):
    return {"value": float("nan"), "far": float("inf"), "number": number}


@guarded_action(name="fails", cost_usd=0.001)
async def fails():
    raise KeyError("k")


@guarded_action(name="drop", cost_usd=1.0)
def drop():
    return 1


def main():
    enable_remote_sync(platform_url=URL, api_token=KEY, run_id="old-1", agent_id="older", flush_interval=60)
    measure(1)
    with contextlib.suppress(KeyError):
        asyncio.run(fails())
    PolicyEngine.configure(denied_actions=["drop"])
    with contextlib.suppress(PolicyViolationError):
        drop()
    with ExecutionContext(run_id="old-2"):
        measure(2)
    flush_and_stop()


main()
