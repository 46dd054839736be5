"""The example agent with a model, on a prepared one: it calls tools in a loop until the model answers in words."""

import json
from pathlib import Path

from tests.support.command_line import CommandLine
from tests.support.running_titan import running_titan
from tests.support.sources import ROOT

SUITE = ROOT / "examples" / "worlds" / "shop" / "llm.yaml"
ANSWERS = [
    {"tool_calls": [{"name": "find_customer", "arguments": {"email": "mara.lind@example.com"}}]},
    {"contains": "Mara Lind", "tool_calls": [{"name": "cancel_order", "arguments": {"order_id": "O1001"}}]},
    {"contains": "cancelled", "answer": "O1001 is cancelled."},
]


def test_it_does_a_task_of_the_shop_through_the_servers_own_model(tmp_path: Path) -> None:
    script = tmp_path / "answers.json"
    script.write_text(json.dumps(ANSWERS), "utf-8")
    with running_titan(tmp_path / "home", model=f"scripted:{script}") as titan:
        typed = CommandLine(f"http://127.0.0.1:{titan.sdk_port}")

        done = typed("eval", str(SUITE), "--task", "cancel-order", "--min-pass-rate", "1")
        shown = typed("eval", "show", "shop-llm", "--task", "cancel-order")

    assert done.exit_code == 0, (done.text, shown.text)
    assert [line.split()[1] for line in shown.lines if "[odyssey]" in line] == ["find_customer", "cancel_order"]
    assert "  said: O1001 is cancelled." in shown.lines
