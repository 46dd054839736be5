"""The routes of the shared store."""

from typing import Final

from titan.rules.access import Permission
from titan.server import wire, wire_store
from titan.server.route import Route
from titan.server.routes import memory

STORE_ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET",
        path="/api/store",
        handler=memory.get_value,
        permission=Permission.READ_SHARED,
        query=wire_store.KeyQuery,
        answer=wire_store.ValueAnswer,
    ),
    Route(
        method="PUT",
        path="/api/store",
        handler=memory.put_value,
        permission=Permission.WRITE_SHARED,
        body=wire_store.PutBody,
        answer=wire.OkAnswer,
        mutates=True,
        adds=True,
    ),
    Route(
        method="DELETE",
        path="/api/store",
        handler=memory.delete_key,
        permission=Permission.WRITE_SHARED,
        query=wire_store.KeyQuery,
        answer=wire_store.DeletedAnswer,
        mutates=True,
    ),
    Route(
        method="GET",
        path="/api/store/keys",
        handler=memory.list_keys,
        permission=Permission.READ_SHARED,
        query=wire_store.KeysQuery,
        answer=wire_store.KeysAnswer,
    ),
    Route(
        method="POST",
        path="/api/store/incr",
        handler=memory.increment,
        permission=Permission.WRITE_SHARED,
        body=wire_store.IncrementBody,
        answer=wire_store.IncrementedAnswer,
        mutates=True,
        adds=True,
    ),
    Route(
        method="POST",
        path="/api/store/cas",
        handler=memory.compare_and_swap,
        permission=Permission.WRITE_SHARED,
        body=wire_store.SwapBody,
        answer=wire_store.SwappedAnswer,
        mutates=True,
        adds=True,
    ),
    Route(
        method="GET",
        path="/api/store/sets",
        handler=memory.list_members,
        permission=Permission.READ_SHARED,
        query=wire_store.KeyQuery,
        answer=wire_store.MembersAnswer,
    ),
    Route(
        method="POST",
        path="/api/store/sets",
        handler=memory.add_member,
        permission=Permission.WRITE_SHARED,
        body=wire_store.AddBody,
        answer=wire_store.AddedAnswer,
        mutates=True,
        adds=True,
    ),
    Route(
        method="POST",
        path="/api/store/wait",
        handler=memory.wait_for_signals,
        permission=Permission.WRITE_SHARED,
        body=wire_store.SignalsBody,
        answer=wire_store.SignalsAnswer,
    ),
)
