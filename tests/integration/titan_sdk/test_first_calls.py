"""A job's first call to the SDK waits for no import: the warm interpreter has what it needs."""

from pathlib import Path

import pytest

from titan_sdk import TitanClient, TitanJob

_JOB = """
import sys
from titan_sdk import TitanClient, TitanJob
import titan_sdk
client = TitanClient(announce=lambda line: None)
before = set(sys.modules)
{call}
print([name for name in sys.modules if name not in before])
"""

CALLS = [
    "client.store_incr('first-calls')",
    "client.store_put('a key with blanks', 'value')",
    "client.get_job_status('unknown')",
    "titan_sdk.set_result({'accuracy': 0.93})",
    "titan_sdk.result('job')",
    "client.submit_dag('child', [TitanJob('child', CHILD)])",
    "client.wait(client.submit_dag('child', [TitanJob('child', CHILD)]), timeout=60)",
    "client.upload_file(CHILD)",
    "client.publish_artifact('first-calls:artifact', CHILD)",
    "list(client.follow_logs(client.submit_dag('child', [TitanJob('child', CHILD)]).dag_id + '.00000'))",
]


@pytest.mark.parametrize("call", CALLS)
def test_the_first_call_of_a_warm_job_imports_nothing(client: TitanClient, tmp_path: Path, call: str) -> None:
    (tmp_path / "child.py").write_text("print('hello')")
    script = tmp_path / "job.py"
    script.write_text(_JOB.format(call=call.replace("CHILD", repr(str(tmp_path / "child.py")))))

    accepted = client.submit_dag("first-call", [TitanJob("job", str(script))])

    assert client.wait(accepted, timeout=60) == "COMPLETED"
    assert client.fetch_logs(f"{accepted.dag_id}.00000") == "[]\n"
