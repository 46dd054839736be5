"""An agent that is guarded by agentsentinel-sdk 0.4, as its users write one: `agentsentinel_new.py URL KEY`."""

import asyncio
import json
import sys

import agent_sentinel
import httpx
from agent_sentinel import guarded_action
from agent_sentinel.approval import ApprovalClient
from agent_sentinel.context import ExecutionContext
from agent_sentinel.cost_backend import RemoteCostBackend
from agent_sentinel.errors import AgentSentinelError
from agent_sentinel.integrations.registry import auto_register_tools
from agent_sentinel.kill_switch import KillSwitchClient
from agent_sentinel.policy import PolicyEngine
from agent_sentinel.replay import ReplayMode

URL, KEY = sys.argv[1:]


@guarded_action(name="search", cost_usd=0.01, tags=["web"], impact="read")
def search(question, limit=3):
    return {"hits": [question] * limit}


@guarded_action(name="send_mail", cost_usd=0.02, impact="high")
async def send_mail(to, body):
    await asyncio.sleep(0.01)
    return "sent"


@guarded_action(name="drop_table", cost_usd=1.0, impact="high")
def drop_table(name):
    return name


@guarded_action(name="pricey", cost_usd=0.03)
def pricey():
    return 1


@guarded_action(name="fails", cost_usd=0.001)
def fails(number):
    raise ValueError("nope")


@guarded_action(name="charge", cost_usd=0.05, impact="high", idempotency_key="order-1")
def charge(order):
    return {"ok": order}


@guarded_action(name="chat", cost_usd=0.004)
def chat(model, messages):
    return {"choices": [{"message": {"role": "assistant", "content": "hi"}}]}


@guarded_action(name="wire_money", cost_usd=0.5, impact="high", tags=["money"])
def wire_money(amount):
    return amount


def refusal_of(action, *arguments):
    try:
        action(*arguments)
    except (AgentSentinelError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def work():
    search("titan")
    search("olympus", limit=1)
    asyncio.run(send_mail("bob", body="the key is AKIAIOSFODNN7EXAMPLE"))
    refused = [refusal_of(drop_table, "users"), refusal_of(fails, 1), refusal_of(wire_money, 100)]
    pricey()
    refused.append(refusal_of(pricey))
    charge(7)
    charge(7)
    history = [{"role": "system", "content": "You help."}]
    for turn in range(3):
        history.append({"role": "user", "content": f"question {turn}"})
        chat(model="gpt-4o", messages=list(history))
        history.append({"role": "assistant", "content": "hi"})
    with ExecutionContext(agent_id="writer", run_id="part-1", task_id="t-9", mission_id="m-1"):
        search("beneath")
    return refused


def replay():
    """Replay the run from what the platform gives back."""
    bundle = httpx.get(f"{URL}/api/v1/replay/new-1/bundle", headers={"Authorization": f"Bearer {KEY}"}).json()
    searches = {**bundle, "entries": [entry for entry in bundle["entries"] if entry["action"] == "search"]}
    with ReplayMode.from_json(searches, strict=False, warn_on_divergence=False) as replayed:
        found = [search("titan"), search("changed")]
    return {"found": found, "divergences": len(replayed.get_divergences()), "entries": len(bundle["entries"])}


def main():
    agent_sentinel.configure(
        api_key=KEY,
        platform_url=URL,
        agent_id="researcher",
        run_id="new-1",
        harness="plain",
        principal="ann@example.com",
        denied_actions=["drop_table"],
        action_budgets={"pricey": 0.05},
    )
    ApprovalClient.configure(platform_url=URL, api_token=KEY, poll_interval=0.05)
    KillSwitchClient.configure(platform_url=URL, api_token=KEY)
    policy = PolicyEngine.get_config()
    policy.require_approval, policy.approval_tags = True, ["money"]
    refused = work()
    agent_sentinel.sync.get_sync().flush()
    replayed = replay()
    search("after the replay")
    told = {
        "refused": refused,
        "replayed": replayed,
        "check": ApprovalClient.check_approval_required("search", 1.0),
        "reserved": RemoteCostBackend(URL, KEY).try_reserve("search", 0.25),
        "registered": auto_register_tools(URL, KEY, "researcher", modules=[sys.modules["__main__"]]),
    }
    agent_sentinel.flush()
    print(json.dumps(told))


main()
