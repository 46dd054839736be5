"""The local model's child process: started late, started again, and never left behind."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.support.conversations import a_request, pieces_of
from tests.support.sources import ROOT
from tests.support.waiting import wait_until, wait_until_gone
from titan.llm.local import LocalModel, find_model_file
from titan.model.errors import ModelRefused, ModelUnavailable, NotSupported
from titan.model.language import FinishReason, ModelAnswer, Tool, ToolUse

COLOUR = a_request("Name a colour.", max_tokens=8)


def the_model_file() -> Path:
    """Return SmolLM2's file, which `make setup` installs."""
    model_file = find_model_file()
    assert model_file is not None
    return model_file


def model_processes() -> list[psutil.Process]:
    """Return this process's children that run a model."""
    children = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in children if "titan.llm.local_process" in " ".join(child.cmdline())]


def test_nothing_runs_before_the_first_request_and_after_closing() -> None:
    async def live() -> list[int]:
        model = LocalModel(the_model_file())
        counts = [len(model_processes())]
        await model.complete(COLOUR)
        counts.append(len(model_processes()))
        await model.close()
        return [*counts, len(model_processes())]

    assert asyncio.run(live()) == [0, 1, 0]


def test_a_process_that_was_killed_is_started_again() -> None:
    async def kill_between_two_requests() -> tuple[str, str]:
        model = LocalModel(the_model_file())
        try:
            first = await model.complete(COLOUR)
            model_processes()[0].kill()
            second = await model.complete(COLOUR)
        finally:
            await model.close()
        return first.text, second.text

    first, second = asyncio.run(kill_between_two_requests())

    assert first == second


def test_a_stream_finds_its_process_killed_and_is_answered_by_the_next_one() -> None:
    async def kill_before_a_stream() -> tuple[str, str]:
        model = LocalModel(the_model_file())
        try:
            first = await model.complete(COLOUR)
            model_processes()[0].kill()
            *_, whole = await pieces_of(model, COLOUR)
        finally:
            await model.close()
        assert isinstance(whole, ModelAnswer)
        return first.text, whole.text

    first, second = asyncio.run(kill_before_a_stream())

    assert first == second


def test_a_request_whose_process_is_killed_is_answered_by_the_next_one() -> None:
    async def kill_during_a_request() -> str:
        model = LocalModel(the_model_file())
        try:
            await model.complete(COLOUR)
            idle_seconds = model_processes()[0].cpu_times().user
            running = asyncio.create_task(model.complete(a_request("Count to a thousand.", max_tokens=200)))
            process = model_processes()[0]
            await asyncio.to_thread(wait_until, lambda: process.cpu_times().user > idle_seconds, "the model reads")
            process.kill()
            return (await running).text
        finally:
            await model.close()

    assert asyncio.run(kill_during_a_request())


def test_it_dies_with_a_parent_that_is_killed() -> None:
    program = f"""
import asyncio
import psutil
from pathlib import Path
from tests.support.conversations import a_request
from titan.llm.local import LocalModel

async def main():
    model = LocalModel(Path({str(the_model_file())!r}))
    await model.complete(a_request(max_tokens=1))
    print(psutil.Process().children()[0].pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())

    parent.send_signal(signal.SIGKILL)
    parent.wait(60)
    parent.stdout.close()

    wait_until_gone(child)


def test_a_file_that_is_no_model_is_unavailable_and_leaves_nothing_running(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(os.urandom(1000))

    async def ask() -> None:
        model = LocalModel(broken)
        try:
            await model.complete(COLOUR)
        finally:
            await model.close()

    with pytest.raises(ModelUnavailable, match=r"local model broken\.gguf: expected its process to serve"):
        asyncio.run(ask())
    assert model_processes() == []


def test_a_schema_without_bounds_gets_them_and_a_conversation_too_long_is_refused() -> None:
    endless = {"type": "object", "properties": {"story": {"type": "string"}}, "required": ["story"]}

    async def ask() -> tuple[FinishReason, int]:
        model = LocalModel(the_model_file())
        try:
            answer = await model.complete(a_request("Tell a very long story.", schema=endless))
            with pytest.raises(ModelRefused, match="context"):
                await model.complete(a_request("word " * 9000))
        finally:
            await model.close()
        return answer.finish_reason, len(answer.text)

    finish_reason, length = asyncio.run(ask())

    assert finish_reason is FinishReason.STOP
    assert length < 450


def test_tools_are_refused_by_name_and_passed_over_where_none_is_to_be_called() -> None:
    offered = replace(COLOUR, tools=(Tool(name="look"),))

    async def ask() -> str:
        model = LocalModel(the_model_file())
        try:
            with pytest.raises(NotSupported, match=r"expected no 'tools'.*found look"):
                await model.complete(offered)
            return (await model.complete(replace(offered, tool_choice=ToolUse.NONE))).text
        finally:
            await model.close()

    assert asyncio.run(ask())
