"""Projects: which ones there are."""

import asyncio

from litestar import Response

from titan.model.projects import DEFAULT_PROJECT
from titan.ports import Reader
from titan.ports_calls import CallReader
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.wire.access import ProjectsAnswer, ProjectView


async def list_projects(call: Call) -> Response[bytes]:
    """List the projects that have a run, a DAG, a token or a setting; for a token of a project, that one alone."""
    names = await asyncio.to_thread(_names, call)
    keeps_content = call.house.recorder.capture.keeps_content
    views = [ProjectView(name=name, keeps_content=keeps_content(name)) for name in sorted(names)]
    return json_answer(ProjectsAnswer(data=views))


def _names(call: Call) -> set[str]:
    own, house = call.caller.project_id, call.house
    if own is not None:
        return {own}

    def with_work(reader: Reader) -> list[str]:
        return reader.projects()

    def with_runs(reader: CallReader) -> list[str]:
        return reader.projects()

    names = {DEFAULT_PROJECT, *house.store.read(with_work), *house.calls.read(with_runs)}
    known = {name.casefold() for name in names}
    return names | {name for name in house.recorder.capture.off_projects if name.casefold() not in known}
