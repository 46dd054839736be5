"""Every command of README.md and docs/guide is typed as it stands, in a new clone with a new HOME."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.support.pages import Substitutes, pages, type_page
from tests.support.postgres import a_database

#: These pages have tests of their own, which also count what they show.
TYPED_ELSEWHERE: Final = ("docs/guide/http-examples.md", "docs/guide/settings-examples.md")
#: The variables that name new databases on a PostgreSQL of the tests.
DATABASES: Final = {"docs/guide/postgres.md": ("DATABASE", "SHARED_DATABASE")}
END_WITHIN_SECONDS: Final = 280.0

#: Two runs of a program that ends the same each time.
_TWO_RUNS: Final = """\
cat > agent.py <<'END'
import titan_sdk
@titan_sdk.action(cost="0.01")
def search(query):
    return [f"about {query}"]
@titan_sdk.action
def decide(found):
    return "ENOUGH"
with titan_sdk.run("MAILER"):
    decide(search("LoRA"))
END
python agent.py
python agent.py
read -r RUN OTHER <<<"$(titan runs --json | jq -r '[.data[].run_id] | join(" ")')"
"""
#: A program whose run has failed, until it is resumed.
_PAPERS: Final = """\
cat > papers.py <<'END'
import os
import titan_sdk
with titan_sdk.run("PAPERS", "PAPERS_cb5e13"):
    if not os.environ.get("TITAN_RESUME_RUN_ID"):
        raise SystemExit("the disk is full")
END
"""
#: A suite, more tasks, and programs that are tried in a world, as a reader of the page on worlds has by then.
_SUITE: Final = """\
cat > suite.yaml <<'END'
workflow: lamp
world: {name: lamp, tools: [{name: switch_on, effects: [{op: set_flag, flags: [lit]}]}]}
agents: {patient: {kind: python, file: patient.py}}
tasks: [{id: light, odyssey_seed: {user_instruction: Switch the lamp on.}, scorers: [{type: flag_set, flag: lit}]}]
END
cat > patient.py <<'END'
import titan_sdk
def run(task, *, proxy_url, run_token):
    titan_sdk.agent.tools.call("switch_on")
    return "It is on."
END
cat > more.csv <<'END'
id,user_instruction
cancel-1,Cancel my order O1001.
END
cat > agent.py <<'END'
import titan_sdk
@titan_sdk.action(kind="tool")
def get_order(order_id):
    raise SystemExit("this is the real shop")
print(get_order(order_id="O1001"))
END
cp agent.py plan.py
cp agent.py act.py
"""
#: Two runs with an action each, of which none has ended.
_RESEARCH: Final = """\
for run in RESEARCH_cb5e13 RESEARCH_d1aa07; do
    at=$(date +%s%N)
    curl -sS http://127.0.0.1:5000/api/v1/actions -d @- <<END
{"run_id": "$run", "agent_id": "RESEARCH", "entries": [
  {"type": "action", "id": "$at", "name": "search", "started_at_ns": $at, "ended_at_ns": $at}]}
END
done
"""
#: A certificate of this machine, in the place of the one of titan.example.org.
_CERTIFICATE: Final = """\
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=127.0.0.1 \\
    -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem 2>openssl.log
cp cert.pem fullchain.pem; cp cert.pem ca.pem; cp key.pem privkey.pem
export CURL_CA_BUNDLE=$PWD/cert.pem
"""
_WAITING: Final = "titan submit train.py --name nightly --requires GPU"
_ONE_RUN: Final = r"RUN=$(titan runs --json | jq -r '.data[0].run_id')"

SUBSTITUTES: Final = {
    "docs/guide/access.md": Substitutes(
        first=f"{_CERTIFICATE}echo 'print(1)' > hostile.py",
        words={r"https://titan\.example\.org": "https://127.0.0.1"},  # another machine
        instead={
            "export TITAN_TOKEN=titan_0123": "export TITAN_CA_FILE=cert.pem TITAN_TOKEN=$(cat ~/.titan/token)",
            # For this line only: what follows speaks to a server behind a proxy, which is not here.
            "export TITAN_CA_FILE=ca.pem": (
                "TITAN_CA_FILE=ca.pem TITAN_HOST=https://127.0.0.1 TITAN_PORT=5000 titan dags"
            ),
            "export TITAN_TOKEN=titan_…": "",  # the token of the home is good here
            "titan workers join https://titan.example.org:5000 --offer GPU:1": (
                "terminal 'titan workers join http://127.0.0.1:5000 --offer GPU:1 --name gpu-box'"
            ),
            "titan workers join https://titan.example.org:5000 --offer SANDBOX": (
                "terminal 'titan workers join http://127.0.0.1:5000 --offer SANDBOX:4'"
            ),
        },
    ),
    "docs/guide/agent-runs.md": Substitutes(
        instead={
            "from titan_sdk import model": "",  # there is no model
            "titan runs show RESEARCH_cb5e13": f'{_ONE_RUN}; titan runs show "$RUN" | tee shown; grep -q ITER1 shown',
        },
    ),
    "docs/guide/agentsentinel.md": Substitutes(
        # The package has an environment of its own: tests/acceptance/test_agentsentinel.py runs it.
        instead={"import agent_sentinel": "", "import httpx": ""},
    ),
    "docs/guide/cli.md": Substitutes(
        first="echo '{}' > config.json; export SHELL=/bin/bash",
        instead={
            # The next commands need a worker, so it is started with one again.
            "titan up --no-worker": "terminal 'titan up --no-worker'; terminal 'titan up'",
            "titan runs --status failed --since": f"{_RESEARCH}titan runs --status failed --since 24h",
            "titan runs show RESEARCH_cb5e13 --action": (
                "titan runs show RESEARCH_cb5e13 --action"
                " $(titan runs show RESEARCH_cb5e13 --json | jq -r '.actions[0].id')"
            ),
            # Both have ended by then; in the end one goes on, until it is killed.
            "titan runs compare": """titan runs edit RESEARCH_cb5e13 --end completed
titan runs edit RESEARCH_d1aa07 --end completed
titan runs compare RESEARCH_cb5e13 RESEARCH_d1aa07""",
            "titan runs edit RESEARCH_cb5e13 --end": """titan submit plan.py --run RESEARCH_cb5e13 --wait
titan runs edit RESEARCH_cb5e13 --end failed --reason "killed by hand\"""",
            # What is cancelled has not ended: no worker offers GPU.
            "titan cancel train --dag": f"{_WAITING}; titan cancel train --dag nightly",
            "titan cancel train": f"{_WAITING}; titan cancel train",
            "titan cancel nightly": f"{_WAITING}; titan cancel nightly",
            "titan cancel --dag": f"{_WAITING}; titan cancel --dag nightly",
            "titan cancel --run": f"{_WAITING} --run RESEARCH_cb5e13; titan cancel --run RESEARCH_cb5e13",
            "titan store get research": (
                "echo report > report.md; python -c 'from titan_sdk import TitanClient;"
                ' TitanClient().publish_artifact("research:cb5e13:report", "report.md")\'; rm report.md;'
                " titan store get research:cb5e13:report --output report.md"
            ),
            "titan tokens revoke": "titan tokens revoke $(titan tokens list --json | jq -r '.tokens[0].token_id')",
        },
    ),
    "docs/guide/determinism.md": Substitutes(before=_TWO_RUNS.replace("search", "outline"), words={r"\bRUN\b": "$RUN"}),
    "docs/guide/gates.md": Substitutes(
        instead={
            # The gate opens when `draft` has completed, which a person who types does not notice.
            "titan approve draft": """until titan gates | grep draft; do sleep 0.1; done
titan approve draft --dag letter --comment "checked the figures\"""",
            # They need a model: tests/acceptance/test_a_run_from_start_to_end.py types them with scripted answers.
            "python examples/research_agent": "",
            "titan runs show RESEARCH_cb5e13": "",
            "titan logs evaluator-1": "",
            "titan runs resume": "",
            "titan approve review": "",
        },
    ),
    "docs/guide/http.md": Substitutes(
        instead={
            # These two go on until Ctrl-C; the second has a test in tests/integration/access/test_sockets.py.
            "curl -N http://127.0.0.1:5000/api/events": (
                "timeout 3 curl -sN http://127.0.0.1:5000/api/events || [ $? = 124 ]"
            ),
            "import json, os": "",
        },
    ),
    "docs/guide/models.md": Substitutes(
        first="""echo '[{"contains": "o", "answer": "Red, green, blue.", "repeat": true}]' > ~/answers.json""",
        up="TITAN_MODEL=scripted:$HOME/answers.json titan up",
        before="echo 'import ask' > agent.py",
        instead={"pip install openai": ""},  # it is in the environment of the tests
    ),
    "docs/guide/postgres.md": Substitutes(
        instead={
            "pip install 'titan[postgres]'": "",  # `make setup` installs it
            "createdb": "",  # the test makes both databases
        },
        words={
            r"postgres://titan@db\.example/titan": "$DATABASE",
            r"postgres://titan@db\.example/agents": "$SHARED_DATABASE",
            "/srv/titan": "$HOME/shared",
            "/var/lib": "$HOME",
        },
    ),
    "docs/guide/recording.md": Substitutes(),
    "docs/guide/replay.md": Substitutes(before=_TWO_RUNS, words={r"\bRUN\b": "$RUN", r"\bOTHER\b": "$OTHER"}),
    "docs/guide/resume.md": Substitutes(
        before=f"""{_PAPERS}
touch collect.py summarise.py
echo 'raise SystemExit(1)' > send.py
python papers.py || true
""",
        instead={
            "titan runs resume DIGEST_3fa9c1 --print": 'titan runs resume "$RUN" --print',
            "titan runs resume DIGEST_3fa9c1": f"""python digest.py || echo 'print("sent")' > send.py
{_ONE_RUN}
titan runs resume "$RUN\"""",
        },
    ),
    "docs/guide/retention.md": Substitutes(
        before="echo 'print(1)' > plan.py; titan submit plan.py --run RESEARCH_cb5e13 --wait",
    ),
    "docs/guide/workers.md": Substitutes(
        instead={
            # A worker without a job leaves at once, and could not be told to stay.
            "titan workers drain gpu-box   ": """echo 'import time; time.sleep(600)' > long.py
titan submit one=long.py two=long.py --requires GPU
until [ "$(titan jobs --status running --json | jq '.jobs | length')" = 2 ]; do sleep 0.1; done
titan workers drain gpu-box""",
        },
    ),
    "docs/guide/worlds.md": Substitutes(
        first=f"""{_SUITE}
python -c 'from pathlib import Path; from tests.support.tau2 import a_checkout
a_checkout(Path("tau2-bench"), "retail", "airline")'
""",
        instead={
            "TITAN_MODEL=gemini": "",  # a real key
            "titan tasks delete": "titan tasks delete shop cancel-order --yes",  # nobody can be asked
            # Goes on until Ctrl-C; tests/integration/evaluate/test_agents_of_the_sdk.py runs one.
            "import titan_sdk\n\n\n@titan_sdk.agent": "",
        },
    ),
}


@pytest.mark.slow
@pytest.mark.needs("curl", "jq", "openssl")
@pytest.mark.parametrize("page", [page for page in pages() if page not in TYPED_ELSEWHERE])
def test_every_command_of_a_page_works_unchanged(page: str, tmp_path: Path) -> None:
    substitutes = SUBSTITUTES.get(page, Substitutes())
    with ExitStack() as opened:
        databases = {name: opened.enter_context(a_database(is_empty=True)) for name in DATABASES.get(page, ())}
        type_page(page, tmp_path, substitutes, within_seconds=END_WITHIN_SECONDS, settings=databases)


def test_substitutes_are_of_pages_that_there_are() -> None:
    assert SUBSTITUTES.keys() <= set(pages())
