"""A server that was told where to: it posts opened gates and failed runs while it works, in the words of a file."""

from __future__ import annotations

import base64
from pathlib import Path

from tests.support.raw_http import a_key, ask_json
from tests.support.receiver import a_receiver
from tests.support.running_titan import running_titan
from tests.support.submissions import a_dag_body, submit


def test_an_opened_gate_and_a_failed_run_are_posted(tmp_path: Path) -> None:
    (tmp_path / "texts.toml").write_text('gate_opened = "Decide {job}: {message}"\n')
    gate = {"id": "spend", "kind": "gate", "filename": "", "hitl_message": "Spend the money?"}
    with a_receiver() as receiver:
        settings = {"TITAN_NOTIFY": receiver.url, "TITAN_NOTIFY_TEMPLATES": str(tmp_path / "texts.toml")}
        with running_titan(tmp_path / "home", offers=(), environment=settings) as titan:
            submit(titan.sdk_port, a_dag_body([gate], agent_run_id="R_1"))
            (opened,) = receiver.wait_for(1)
            ask_json(titan.sdk_port, "POST", "/api/gates/spend/reject", {"by": "me"}, a_key())
            end = {"status": "failed", "error": "nobody pays"}
            ask_json(titan.sdk_port, "POST", "/api/v1/runs/R_1/end", end, a_key())
            _opened, failed = receiver.wait_for(2)

    assert (opened.value["kind"], opened.value["text"]) == ("gate_opened", "Decide spend: Spend the money?")
    assert opened.value["link"].endswith(f"/dags/DAG-{opened.value['dag']}?id={opened.value['dag_id']}")
    assert (failed.value["kind"], failed.value["reason"]) == ("run_failed", "nobody pays")
    assert failed.value["link"].endswith("/runs/R_1")


def test_an_address_with_a_password_is_posted_to_with_it(tmp_path: Path) -> None:
    gate = {"id": "spend", "kind": "gate", "filename": "", "hitl_message": "Spend the money?"}
    with a_receiver() as receiver:
        settings = {"TITAN_NOTIFY": receiver.url.replace("//", "//ann:hush@")}
        with running_titan(tmp_path / "home", offers=(), environment=settings) as titan:
            submit(titan.sdk_port, a_dag_body([gate]))
            (opened,) = receiver.wait_for(1)

    assert opened.headers["Authorization"] == "Basic " + base64.b64encode(b"ann:hush").decode()
