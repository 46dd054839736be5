"""The routes of the shared store."""

from typing import Final

from titan.rules.access import Permission
from titan.server.route import Route
from titan.server.routes import memory
from titan.wire.base import OkAnswer
from titan.wire.store import (
    AddBody,
    AddedAnswer,
    DeletedAnswer,
    IncrementBody,
    IncrementedAnswer,
    KeyQuery,
    KeysAnswer,
    KeysQuery,
    MembersAnswer,
    PutBody,
    SignalsAnswer,
    SignalsBody,
    SwapBody,
    SwappedAnswer,
    ValueAnswer,
)

STORE_ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET",
        path="/api/store",
        handler=memory.get_value,
        permission=Permission.READ_SHARED,
        query=KeyQuery,
        answer=ValueAnswer,
    ),
    Route(
        method="PUT",
        path="/api/store",
        handler=memory.put_value,
        permission=Permission.WRITE_SHARED,
        body=PutBody,
        answer=OkAnswer,
        mutates=True,
        adds=True,
    ),
    Route(
        method="DELETE",
        path="/api/store",
        handler=memory.delete_key,
        permission=Permission.WRITE_SHARED,
        query=KeyQuery,
        answer=DeletedAnswer,
        mutates=True,
    ),
    Route(
        method="GET",
        path="/api/store/keys",
        handler=memory.list_keys,
        permission=Permission.READ_SHARED,
        query=KeysQuery,
        answer=KeysAnswer,
    ),
    Route(
        method="POST",
        path="/api/store/incr",
        handler=memory.increment,
        permission=Permission.WRITE_SHARED,
        body=IncrementBody,
        answer=IncrementedAnswer,
        mutates=True,
        adds=True,
    ),
    Route(
        method="POST",
        path="/api/store/cas",
        handler=memory.compare_and_swap,
        permission=Permission.WRITE_SHARED,
        body=SwapBody,
        answer=SwappedAnswer,
        mutates=True,
        adds=True,
    ),
    Route(
        method="GET",
        path="/api/store/sets",
        handler=memory.list_members,
        permission=Permission.READ_SHARED,
        query=KeyQuery,
        answer=MembersAnswer,
    ),
    Route(
        method="POST",
        path="/api/store/sets",
        handler=memory.add_member,
        permission=Permission.WRITE_SHARED,
        body=AddBody,
        answer=AddedAnswer,
        mutates=True,
        adds=True,
    ),
    Route(
        method="POST",
        path="/api/store/wait",
        handler=memory.wait_for_signals,
        permission=Permission.WRITE_SHARED,
        body=SignalsBody,
        answer=SignalsAnswer,
    ),
)
