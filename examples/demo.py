"""The demo behind `make demo`: starts Titan, runs the research agent over docs/, shows the report, stops Titan.

Everything it keeps lies in .demo/ of this clone; it may be run again and again. Uses the local model unless
TITAN_MODEL names another. Exit code 0 only if the report is there with its five parts.
"""

import argparse
import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from rich.console import Console
from rich.table import Table

from titan.llm.registry import model_environment
from titan.model.errors import TitanError

QUERY = "What happens to running jobs when a worker or the server is killed, and what does Titan do about it?"
CLONE = Path(__file__).resolve().parents[1]
AGENT = CLONE / "examples" / "research_agent" / "research_agent.py"
PARTS = ("Executive Summary", "Key Findings", "Deep Dive", "Practical Recommendations", "Open Questions")
DEFAULT_PORTS = (5000, 9090)
START_SECONDS = 30.0  # takes one second on an idle machine
WAIT_SECONDS = 10.0
STOP_SECONDS = 15.0  # running attempts get ten to end
OWN_VARIABLES = ("TITAN_HOME", "TITAN_TOKEN", "TITAN_AGENT_RUN_ID", "TITAN_AGENT_ID")


class DemoFailed(Exception):
    """The demo cannot go on; the message says why, and what to do."""


def main() -> int:
    """Run the demo; return its exit code."""
    options = _options()
    console = Console(highlight=False, soft_wrap=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    try:
        with running_titan(options.home, console) as url:
            run_id = run_agent(url, options, console)
            # A job signals that its result is there just before it ends.
            _get(f"{url}/api/dags/{run_id}_SYNTH?wait_seconds={WAIT_SECONDS:g}")
            show_stages(_get(f"{url}/api/v1/runs/{run_id}"), console)
            check_report(options.home / "report.md")
    except KeyboardInterrupt:
        console.print("Interrupted: what the demo started is stopped.")
        return 130
    except (DemoFailed, TitanError) as failed:
        console.print(f"The demo failed: {failed}", style="bold red", markup=False)
        return 1
    home = shlex.quote(os.path.relpath(options.home))
    console.print(f"\nDone in {time.monotonic() - began:.0f} s; Titan is stopped again.")
    console.print(f"  report      {options.home / 'report.md'}", markup=False)
    console.print(f"  open again  .venv/bin/titan up --home {home}", markup=False)
    console.print("While that runs, and not before:")
    console.print(f"  its stages  .venv/bin/titan runs show {run_id}   (in another terminal)", markup=False)
    console.print(f"  its calls   http://127.0.0.1:{DEFAULT_PORTS[0]}/runs/{run_id}   (in a browser)", markup=False)
    console.print(
        "Agents tried on 50 tasks of a simulated shop: .venv/bin/titan eval examples/worlds/shop", markup=False
    )
    return 0


@contextlib.contextmanager
def running_titan(home: Path, console: Console) -> Iterator[str]:
    """Start Titan on `home` and give the address of its API; stop it in the end, whatever happens."""
    home.mkdir(mode=0o700, exist_ok=True)
    announcement = home / "server.json"
    environment = _environment()
    model = model_environment(os.environ, [Path.cwd(), home]).get("TITAN_MODEL", "local")
    port, sdk_port = (port if is_free(port) else 0 for port in DEFAULT_PORTS)
    command = [sys.executable, "-m", "titan.cli", "up", "--home", str(home), "--model", model]
    command += ["--port", str(port), "--sdk-port", str(sdk_port)]
    with (home / "titan.log").open("w+", encoding="utf-8") as log:
        # A session of its own: Ctrl-C at the terminal is for the demo, which then stops Titan in good order.
        titan = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            url = wait_until_up(titan, announcement, log_file=home / "titan.log")
            health = _get(f"{url}/api/health")
            console.print(f"Titan {health['version']} is up at {url}; model {health['model']}.", markup=False)
            yield url
        finally:
            stop(titan)


def run_agent(url: str, options: argparse.Namespace, console: Console) -> str:
    """Run the research agent, show what it says, and return its run id.

    Raises:
        DemoFailed: it ended with an error, which it has shown.
    """
    report = options.home / "report.md"
    report.unlink(missing_ok=True)
    command = [sys.executable, str(AGENT), options.query, "--corpus", str(options.corpus)]
    command += ["--max-iter", "2", "--output", str(report)]
    address = urlsplit(url)
    environment = {**_environment(), "TITAN_HOST": str(address.hostname), "TITAN_PORT": str(address.port)}
    agent = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, start_new_session=True
    )
    run_id = ""
    try:
        with console.status("The agent begins …") as status:
            for line in agent.stdout or ():
                console.print(line.rstrip(), markup=False)
                status.update(f"after: {line.strip().removeprefix('[AGENT] ')[:100]}")
                if line.startswith("[AGENT] Run "):
                    run_id = line.split()[2].rstrip(":")
                    console.print(f"Each of its calls, as it is made: {url}/runs/{run_id}", markup=False)
        if agent.wait(STOP_SECONDS) != 0:
            raise DemoFailed(f"the agent ended with exit code {agent.returncode}; its output is above.")
    finally:
        stop(agent)
    return run_id


def show_stages(run: dict[str, Any], console: Console) -> None:
    """Print a table of the run's stages, with how long each took."""
    table = Table(title=f"Run {run['run_id']}: {run['status']}", title_justify="left")
    for column in ("Stage", "Status", "Jobs", "Seconds"):
        table.add_column(column, justify="right" if column == "Seconds" else "left")
    for stage in run["stages"]:
        seconds = _seconds(stage["submitted_at"], stage["ended_at"])
        jobs = ", ".join(job["name"] for job in stage["jobs"])
        name = stage["name"].removeprefix(f"{run['run_id']}_")
        table.add_row(name, stage["status"], jobs, seconds)
    console.print()
    console.print(table)


def check_report(report: Path) -> None:
    """Check that the report is there with its five parts.

    Raises:
        DemoFailed: it is not, or a part is missing or empty.
    """
    if not report.is_file():
        raise DemoFailed(f"there is no report at {report}.")
    blocks = report.read_text(encoding="utf-8").split("\n## ")
    written = {title for title, _, text in (block.partition("\n") for block in blocks) if text.strip()}
    missing = [part for part in PARTS if part not in written]
    if missing:
        raise DemoFailed(f"the report {report} lacks: {', '.join(missing)}.")


def wait_until_up(titan: subprocess.Popen[bytes], announcement: Path, *, log_file: Path) -> str:
    """Return the address of the API once it answers.

    Raises:
        DemoFailed: Titan ended, or was not up within 30 s.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and titan.poll() is None:
        with contextlib.suppress(OSError, URLError, ValueError):
            said = json.loads(announcement.read_text())
            if said["pid"] == titan.pid:  # or it is an earlier server's, perhaps one that runs
                _get(f"{said['url']}/api/health")
                return str(said["url"])
        time.sleep(0.05)
    how = "did not come up" if titan.poll() is None else f"ended with exit code {titan.returncode}"
    words = log_file.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise DemoFailed(f"Titan {how}. It said ({log_file}):\n{words}")


def stop(process: subprocess.Popen[Any]) -> None:
    """Interrupt a process, as Ctrl-C does, and wait for its end; ever less politely."""
    for signal_number in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
        if process.poll() is not None:
            break
        process.send_signal(signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    if process.stdout is not None:
        process.stdout.close()


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a port of this machine."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}


def _get(url: str) -> dict[str, Any]:
    with urlopen(url, timeout=WAIT_SECONDS + 10) as answer:
        document: dict[str, Any] = json.load(answer)
    return document


def _seconds(began: str, ended: str | None) -> str:
    if ended is None:
        return "goes on"
    return f"{(datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds():.1f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.splitlines()[0])
    parser.add_argument("query", nargs="?", default=QUERY, help=f"default: {QUERY}")
    parser.add_argument("--corpus", type=Path, default=CLONE / "docs", help="default: docs/ of this clone")
    parser.add_argument("--home", type=Path, default=CLONE / ".demo", help="default: .demo/ of this clone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
