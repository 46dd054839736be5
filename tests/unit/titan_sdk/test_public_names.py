"""What can be imported is a promise: this is all of it."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import titan_sdk
from titan_sdk import AsyncTitanClient, TitanClient
from titan_sdk import titan_sdk as original

METHODS = {
    *("submit_dag", "submit_job", "submit_yaml", "stop_service", "submissions"),
    *("get_job_status", "get_job", "get_dag", "dag_status", "get_run", "jobs", "result"),
    *("fetch_logs", "follow_logs", "watch", "wait", "close", "transport"),
    *("cancel", "cancel_run", "end_run", "gates", "approve", "reject"),
    *("retry", "retry_run", "rerun", "redeploy", "resume_run"),
    *("store_put", "store_get", "store_delete", "store_incr", "store_cas", "store_keys"),
    *("store_sadd", "store_smembers"),
    *("upload_file", "fetch_artifact", "publish_artifact", "get_artifact"),
    *("deploy_script", "upload_project_folder"),
}
ITERATORS = {"follow_logs", "watch"}
PLAIN = {"close", "transport", "submissions"}


def test_the_package_offers_these_names_and_no_others() -> None:
    assert set(titan_sdk.__all__) == {
        "AsyncTitanClient",
        "DagAccepted",
        "Redact",
        "TitanClient",
        "TitanError",
        "TitanGate",
        "TitanJob",
        "action",
        "agent",
        "errors",
        "event",
        "flush",
        "handoff",
        "headers",
        "model",
        "new_run_id",
        "now",
        "progress",
        "random",
        "replay",
        "result",
        "run",
        "set_result",
        "thinking",
        "turn",
        "uuid4",
        "wait_for_signal",
        "wait_for_signals",
    }
    assert all(getattr(titan_sdk, name) is not None for name in titan_sdk.__all__)


def test_the_package_lists_its_names_before_any_was_used() -> None:
    text = "import titan_sdk; print(set(titan_sdk.__all__) <= set(dir(titan_sdk)), 'action' in vars(titan_sdk))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=120)

    assert done.stdout == "True False\n"


def test_the_originals_module_offers_these() -> None:
    assert set(original.__all__) == {"TITAN_HOST", "TITAN_PORT", "TitanClient", "TitanJob"}


def test_a_client_can_do_this() -> None:
    assert {name for name in dir(TitanClient) if not name.startswith("_")} == METHODS


def test_a_client_of_asyncio_can_do_the_same() -> None:
    # `submissions` is set by the constructor
    assert {name for name in dir(AsyncTitanClient) if not name.startswith("_")} | {"submissions"} == METHODS


@pytest.mark.parametrize("name", sorted(METHODS - PLAIN))
def test_both_clients_show_one_signature_and_one_docstring(name: str) -> None:
    plain, asynchronous = getattr(TitanClient, name), getattr(AsyncTitanClient, name)

    assert inspect.signature(plain) == inspect.signature(asynchronous)
    assert plain.__doc__ == asynchronous.__doc__ != ""
    assert not inspect.iscoroutinefunction(plain)
    assert not inspect.isasyncgenfunction(plain)
    assert (inspect.isasyncgenfunction if name in ITERATORS else inspect.iscoroutinefunction)(asynchronous)
