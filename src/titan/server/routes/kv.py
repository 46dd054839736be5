"""Routes of the key-value store: values, sets, and waiting for signals."""

import re
from datetime import datetime, timedelta
from typing import Final

from titan.model.attempts import Wait
from titan.model.errors import Conflict, InvalidInput, TooLarge
from titan.model.files import StoredValue
from titan.orchestrator.bus import Kind, Topic
from titan.orchestrator.gates import put_value as put
from titan.ports.jobs_store import Reader, Transaction
from titan.rules.access import Permission
from titan.rules.jobs.gates import KEYS_PREFIX, STATUS_PREFIX
from titan.rules.names import check_key, shown
from titan.server.http.authorization import authorize, check_blob, check_waited_for
from titan.server.http.call import Call, Json
from titan.server.http.route import Routes
from titan.server.http.validation import check_text
from titan.server.lookup import attempt_of_caller, keep_blob, run_of
from titan.server.waits import wait_until
from titan.wire import store as wire
from titan.wire.base import OkAnswer

route = Routes()

FIRST_CHARACTER: Final = "\x01"  # not allowed in keys, so KEY + it sorts before all longer keys
MAX_DIGITS: Final = 300  # far below Python's limit of 4,300
WHOLE_NUMBER: Final = re.compile(rf"[+-]?[0-9]{{1,{MAX_DIGITS}}}", re.ASCII)


@route("GET /api/store", Permission.READ_SHARED)
async def get_value(call: Call, query: wire.KeyQuery) -> wire.ValueAnswer:
    """Return the value of a key; null if it is absent."""
    key = check_key(query.key)
    now = call.app.clock.now()
    found = await call.app.store.look(lambda reader: reader.value(call.project_id, key, now=now))
    if found is None:
        return wire.ValueAnswer(key=key, value=None, artifact=None, expires_at=None)
    return wire.ValueAnswer(key=key, value=found.value, artifact=found.artifact, expires_at=found.expires_at)


@route("PUT /api/store", Permission.WRITE_SHARED, mutates=True, adds=True)
async def put_value(call: Call, body: wire.PutBody) -> Json[OkAnswer]:
    """Set a key, durably."""
    await _check_change(call, body.key)
    _check_value(body.key, body.value)
    if body.artifact is not None:
        await check_blob(call, body.artifact)
        keep_blob(call.app.blobs, body.artifact)

    def act(tx: Transaction) -> OkAnswer:
        value = StoredValue(
            value=body.value,
            artifact=body.artifact,
            expires_at=_expiry(tx, body.ttl_seconds),
            run_id=run_of(tx, attempt_of_caller(tx, call.token())),
        )
        put(tx, call.project_id, body.key, value)
        return OkAnswer()

    # A value under a gate's key may decide the gate and make jobs ready.
    return await (call.decide(act) if body.key.startswith(STATUS_PREFIX) else call.keep(act))


@route("DELETE /api/store", Permission.WRITE_SHARED, mutates=True)
async def delete_key(call: Call, query: wire.KeyQuery) -> Json[wire.DeletedAnswer]:
    """Delete the value and the set under a key."""
    await _check_change(call, query.key)

    def act(tx: Transaction) -> wire.DeletedAnswer:
        return wire.DeletedAnswer(deleted=tx.delete_key(call.project_id, query.key))

    return await call.keep(act)


@route("POST /api/store/incr", Permission.WRITE_SHARED, mutates=True, adds=True)
async def increment(call: Call, body: wire.IncrementBody) -> Json[wire.IncrementedAnswer]:
    """Add to the integer under a key, which counts as 0 if absent; return the sum."""
    await _check_change(call, body.key)

    def act(tx: Transaction) -> wire.IncrementedAnswer:
        old = tx.value(call.project_id, body.key, now=tx.now)
        total = _whole_number(body.key, old) + body.by
        expires_at = None if old is None else old.expires_at
        tx.put_value(call.project_id, body.key, StoredValue(value=str(total), expires_at=expires_at))
        return wire.IncrementedAnswer(value=total)

    return await call.keep(act)


@route("POST /api/store/cas", Permission.WRITE_SHARED, mutates=True, adds=True)
async def compare_and_swap(call: Call, body: wire.SwapBody) -> Json[wire.SwappedAnswer]:
    """Set a key only if it has the expected value; null stands for absent, on both sides."""
    await _check_change(call, body.key)
    for text in (body.expected, body.value):
        _check_value(body.key, text or "")
    _check_ttl(body)

    def act(tx: Transaction) -> wire.SwappedAnswer:
        project_id = call.project_id
        old = tx.value(project_id, body.key, now=tx.now)
        held = None if old is None else old.value
        if held != body.expected:
            return wire.SwappedAnswer(swapped=False, value=held)
        if body.value is None:
            tx.delete_key(project_id, body.key)
        else:
            kept = old.expires_at if body.keep_ttl and old is not None else None
            expires_at = kept or _expiry(tx, body.ttl_seconds)
            put(tx, project_id, body.key, StoredValue(value=body.value, expires_at=expires_at))
        return wire.SwappedAnswer(swapped=True, value=body.value)

    return await call.decide(act)


@route("GET /api/store/keys", Permission.READ_SHARED)
async def list_keys(call: Call, query: wire.KeysQuery) -> wire.KeysAnswer:
    """List the keys of values and sets, sorted by code points."""
    now = call.app.clock.now()
    start = max(query.prefix, query.after + FIRST_CHARACTER) if query.after else query.prefix

    def look(reader: Reader) -> list[str]:
        return reader.stored_keys(call.project_id, start=start, limit=query.limit, now=now)

    found = await call.read(look)
    keys = [key for key in found if key.startswith(query.prefix)]
    has_more = len(keys) == query.limit
    return wire.KeysAnswer(keys=keys, next=keys[-1] if has_more else None)


@route("POST /api/store/sets", Permission.WRITE_SHARED, mutates=True, adds=True)
async def add_member(call: Call, body: wire.AddBody) -> Json[wire.AddedAnswer]:
    """Add a member to a set; return 1 if it is new, else 0."""
    await _check_change(call, body.key)
    _check_value(body.key, body.member)

    def act(tx: Transaction) -> wire.AddedAnswer:
        return wire.AddedAnswer(added=int(tx.add_member(call.project_id, body.key, body.member)))

    return await call.keep(act)


@route("GET /api/store/sets", Permission.READ_SHARED)
async def list_members(call: Call, query: wire.KeyQuery) -> wire.MembersAnswer:
    """List a set's members in the order in which they were added."""
    key = check_key(query.key)
    members = await call.app.store.look(lambda reader: reader.members(call.project_id, key))
    return wire.MembersAnswer(members=members)


@route("POST /api/store/wait", Permission.WRITE_SHARED)
async def wait_for_signals(call: Call, body: wire.SignalsBody) -> wire.SignalsAnswer:
    """Wait until one of the keys is present, or all of the listed DAGs and jobs are final."""
    for key in body.keys:
        check_key(key)
    await check_waited_for(call, body.dags, body.jobs)
    app = call.app
    topics = [Topic(Kind.KEY, key) for key in body.keys]
    topics += [Topic(Kind.DAG, dag_id) for dag_id in body.dags] + [Topic(Kind.JOB, job_id) for job_id in body.jobs]

    def look(reader: Reader) -> wire.SignalsAnswer:
        present = reader.present_keys(call.project_id, body.keys, now=app.clock.now())
        return wire.SignalsAnswer(present=present, ended=_all_ended(reader, call.project_id, body))

    async def is_answered() -> bool:
        answer = await app.store.look(look)
        return bool(answer.present) or answer.ended

    more = f" or one of {len(body.keys) - 1} more" if len(body.keys) > 1 else ""
    wait = Wait(what=f"key {shown(body.keys[0])}{more}")
    await wait_until(call, topics, is_answered, body.timeout_seconds, wait=wait)
    return await app.store.look(look)


def _all_ended(reader: Reader, project_id: str, body: wire.SignalsBody) -> bool:
    """Return whether DAGs or jobs are waited for and all are final; unknown ones count as final."""
    if not body.dags and not body.jobs:
        return False
    dags, jobs = reader.dags_of_ids(project_id, body.dags), reader.jobs_of_ids(project_id, body.jobs)
    return all(dag.is_final for dag in dags) and all(job.status.is_final for job in jobs)


def _expiry(tx: Transaction, ttl_seconds: float | None) -> datetime | None:
    return None if ttl_seconds is None else tx.now + timedelta(seconds=ttl_seconds)


def _whole_number(key: str, held: StoredValue | None) -> int:
    text = "0" if held is None else held.value.strip()
    if WHOLE_NUMBER.fullmatch(text):
        return int(text)
    raise Conflict(
        f"key {shown(key)}",
        expected=f"a whole number of at most {MAX_DIGITS} digits",
        found=ascii(text[:60]),
        next_step="Put a number there first, or use another key.",
    )


async def _check_change(call: Call, key: str) -> None:
    """Check that the caller may change a key; keys of gates need the permission to decide them.

    Raises:
        InvalidName: it is not a valid key.
        Forbidden: the key belongs to a gate, and the caller is a job.
    """
    check_key(key)
    if key.startswith(KEYS_PREFIX):
        await authorize(call, Permission.DECIDE)


def _check_ttl(body: wire.SwapBody) -> None:
    if body.keep_ttl and body.ttl_seconds is not None:
        raise InvalidInput(
            f"key {shown(body.key)}",
            expected="either ttl_seconds or keep_ttl",
            found="both",
            next_step="Leave one of them out.",
        )


def _check_value(key: str, value: str) -> None:
    check_text(f"value of key {shown(key)}", value)
    size = len(value) if value.isascii() else len(value.encode())
    if size > wire.MAX_VALUE_BYTES:
        raise TooLarge(
            f"value of key {shown(key)}",
            expected=f"at most {wire.MAX_VALUE_BYTES} bytes of UTF-8",
            found=f"{size} bytes",
            next_step="Publish it as an artifact: publish_artifact(key, filename).",
        )
