"""What docs/guide/files.md shows is what happens, word for word."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
from pathlib import Path
from typing import Final

from tests.support.command_line import CommandLine, Finished
from tests.support.raw_http import a_key, ask, ask_json
from tests.support.sources import ROOT
from tests.support.zips import a_zip
from titan_sdk import TitanClient

GUIDE: Final = (ROOT / "docs/guide/files.md").read_text("utf-8")


def code(language: str) -> list[str]:
    """Return the guide's blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.M | re.S)


def test_the_guides_job_leaves_the_files_that_the_guides_commands_fetch(titan: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(code("python")[0])
    commands = [shlex.split(line)[1:] for line in code("sh")[0].splitlines()]

    with contextlib.chdir(tmp_path):
        finished: list[Finished] = [titan(*words) for words in commands]

    submitted, listed, shown, fetched, as_json = finished
    assert [each.exit_code for each in finished] == [0] * 5, (submitted.stderr, fetched.stderr)
    assert [line.split()[0] for line in listed.lines] == ["PATH", "metrics.json", "model/weights.bin"]
    assert json.loads(shown.stdout) == {"loss": 0.25}
    assert (tmp_path / "weights.bin").read_bytes() == bytes(1000)
    assert len(as_json.document["files"]) == 2  # type: ignore[arg-type]  # a list, as the line above shows


def test_the_guides_artifact_is_listed_and_fetched(titan: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "evaluate.py").write_text(code("python")[1])
    commands = [shlex.split(line)[1:] for line in code("sh")[1].splitlines()]

    with contextlib.chdir(tmp_path):
        submitted, listed, fetched = [titan(*words) for words in commands]

    assert [submitted.exit_code, listed.exit_code, fetched.exit_code] == [0, 0, 0], submitted.stderr
    assert [line.split()[0] for line in listed.lines] == ["PATH", "scores.csv", "scores.csv"]
    assert listed.text.count("uploaded") == 1
    assert fetched.stdout == b"epoch,loss\n1,0.25\n"


def test_the_guides_archive_runs_as_the_guides_request_says(port: int, client: TitanClient) -> None:
    (request,) = [block for block in code("sh") if "/api/dags" in block]
    body = re.search(r"/api/dags -d '(.*?)'", request, re.S)
    assert body is not None
    content = a_zip({"agent/main.py": "import sys; print(sys.argv[1:])"})

    assert ask(port, "PUT", "/api/files/agent.zip", content, a_key()).status == 201
    answer = ask_json(port, "POST", "/api/dags", json.loads(body[1]), a_key())
    client.wait(answer.value["dag_id"], timeout=60)

    assert ask(port, "GET", f"/api/jobs/main/log?dag={answer.value['dag_id']}").body == b"['a b']\n"


def test_the_guides_limits_are_the_limits() -> None:
    from titan.rules.archives import MAX_DIRECTORY_BYTES, MAX_ENTRIES, MAX_UNPACKED_BYTES
    from titan.settings import whole_number
    from titan.worker.files.file_collector import MAX_LISTED, REPORT_WITHIN_SECONDS
    from titan.worker.files.workspaces import MAX_ENTRIES as MAX_SCANNED

    said = {
        "longer than 10 s": REPORT_WITHIN_SECONDS == 10,
        "(64 MiB)": whole_number("TITAN_COLLECT_FILE_BYTES", {}) == 64 * 2**20,
        "(1,000)": whole_number("TITAN_COLLECT_FILES", {}) == 1000,
        "from 10,000 on not listed": MAX_LISTED == 10_000,
        "At most 100,000 files": MAX_SCANNED == 100_000,
        "over 20,000 entries": MAX_ENTRIES == 20_000,
        "over 16 MiB of directory": MAX_DIRECTORY_BYTES == 16 * 2**20,
        "over 1 GiB": MAX_UNPACKED_BYTES == 2**30,
    }

    assert [words for words, is_so in said.items() if words not in " ".join(GUIDE.split()) or not is_so] == []
