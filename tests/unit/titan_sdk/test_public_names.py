"""What can be imported is a promise: this is all of it."""

from __future__ import annotations

import titan_sdk
from titan_sdk import titan_sdk as original


def test_the_package_offers_these_names_and_no_others() -> None:
    assert set(titan_sdk.__all__) == {
        "DagAccepted",
        "TitanClient",
        "TitanError",
        "TitanJob",
        "errors",
        "model",
        "wait_for_signal",
        "wait_for_signals",
    }
    assert all(getattr(titan_sdk, name) is not None for name in titan_sdk.__all__)


def test_the_originals_module_offers_these() -> None:
    assert set(original.__all__) == {"TITAN_HOST", "TITAN_PORT", "TitanClient", "TitanJob"}


def test_a_client_can_do_this() -> None:
    methods = {name for name in dir(titan_sdk.TitanClient) if not name.startswith("_")}

    assert methods == {
        *("submit_dag", "submit_job", "get_job_status", "get_job", "get_dag", "get_run", "fetch_logs"),
        *("wait", "cancel", "cancel_run", "end_run", "close", "transport"),
        *("store_put", "store_get", "store_sadd", "store_smembers"),
        *("upload_file", "fetch_artifact", "publish_artifact", "get_artifact"),
        *("submit_yaml", "stop_service", "deploy_script", "upload_project_folder"),
    }
