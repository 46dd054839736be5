"""The queue: every job that waits, gathered by what it waits for."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import groupby, islice
from typing import Final

from litestar import Response

from titan.model.queue import QueuePart, ReadyPart
from titan.ports import Reader
from titan.rules.waiting import QueueGroup, gather
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.work_views import job_views
from titan.wire.work import QueueAnswer, QueueGroupView, QueueQuery

MOST_GROUPS: Final = 20  # that wait for one kind of thing: 20 labels that nobody offers say enough
MOST_OF_EACH: Final = 20  # first jobs of a group that nobody asked for by name


async def show_queue(call: Call) -> Response[bytes]:
    """Show what jobs wait for: how many of each kind, and the first of them."""
    query = call.query(QueueQuery)

    def look(reader: Reader) -> QueueAnswer:
        return _answer(reader, call.project_id, query)

    return json_answer(await asyncio.to_thread(call.house.store.read, look))


def _answer(reader: Reader, project_id: str, query: QueueQuery) -> QueueAnswer:
    parts = reader.queue_parts(project_id)
    groups = gather(parts, reader.workers() if parts else [])
    asked = [group for group in groups if query.group in (None, group.name)]
    shown = _most_of_each_kind(asked)
    limit = query.limit if query.group is not None else min(query.limit, MOST_OF_EACH)
    return QueueAnswer(
        total=sum(part.count for part in parts),
        ready=_ready_by_label(parts),
        groups=_group_views(reader, project_id, shown, limit=limit),
        more=len(shown) < len(asked),
    )


def _ready_by_label(parts: Sequence[QueuePart]) -> dict[str, int]:
    ready = Counter[str]()
    for part in parts:
        if isinstance(part, ReadyPart):
            ready[part.requirement] += part.count
    return dict(ready)


def _most_of_each_kind(groups: Sequence[QueueGroup]) -> list[QueueGroup]:
    """Return the groups, which come kind by kind, without those beyond the largest of a kind."""
    kinds = groupby(groups, key=lambda group: group.waits_for)
    return [group for _, alike in kinds for group in islice(alike, MOST_GROUPS)]


def _group_views(reader: Reader, project_id: str, groups: Sequence[QueueGroup], *, limit: int) -> list[QueueGroupView]:
    first = [reader.first_of_parts(project_id, group.parts, limit=limit) for group in groups]
    views = iter(job_views(reader, [job for jobs in first for job in jobs]))
    return [
        QueueGroupView(
            name=group.name,
            waits_for=group.waits_for,
            requirement=group.requirement,
            confined_to=group.confined_to,
            concurrency_key=group.concurrency_key,
            count=group.count,
            since=group.since,
            jobs=[next(views) for _ in jobs],
        )
        for group, jobs in zip(groups, first, strict=True)
    ]
