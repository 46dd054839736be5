"""The shared store: values, sets, and waiting for signals."""

from functools import partial

from litestar import Response

from titan.engine.bus import Kind, Topic
from titan.engine.receipts import once
from titan.model.errors import TooLarge
from titan.model.memory import StoredValue
from titan.ports import Reader, Transaction
from titan.rules.names import check_key, shown
from titan.server import wire
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.lookup import keep_blob, run_of_caller
from titan.server.texts import check_text


async def get_value(call: Call) -> Response[bytes]:
    """Give the value of a key; null when it is absent."""
    key = check_key(call.query(wire.KeyQuery).key)
    found = call.house.store.read(lambda reader: reader.value(call.house.project_id, key))
    if found is None:
        return json_answer(wire.ValueAnswer(key=key, value=None, artifact=None))
    return json_answer(wire.ValueAnswer(key=key, value=found.value, artifact=found.artifact))


async def put_value(call: Call) -> Response[bytes]:
    """Set a key, durably."""
    raw = await call.raw_body()
    body = call.decode(raw, wire.PutBody)
    check_key(body.key)
    _check_value(body.key, body.value)
    if body.artifact is not None:
        keep_blob(call.house.blobs, body.artifact)

    def act(tx: Transaction) -> object:
        value = StoredValue(value=body.value, artifact=body.artifact, run_id=run_of_caller(tx, call.token()))
        tx.put_value(call.house.project_id, body.key, value)
        return wire.OkAnswer()

    return json_answer(await call.house.orchestrator.keep(partial(once, mark=call.mark(raw), act=act)))


async def add_member(call: Call) -> Response[bytes]:
    """Add a member to a set; 1 when it is new."""
    raw = await call.raw_body()
    body = call.decode(raw, wire.AddBody)
    check_key(body.key)
    _check_value(body.key, body.member)

    def act(tx: Transaction) -> object:
        return wire.AddedAnswer(added=int(tx.add_member(call.house.project_id, body.key, body.member)))

    return json_answer(await call.house.orchestrator.keep(partial(once, mark=call.mark(raw), act=act)))


async def list_members(call: Call) -> Response[bytes]:
    """List a set's members in the order they were added."""
    key = check_key(call.query(wire.KeyQuery).key)
    members = call.house.store.read(lambda reader: reader.members(call.house.project_id, key))
    return json_answer(wire.MembersAnswer(members=members))


async def wait_for_signals(call: Call) -> Response[bytes]:
    """Wait until one of the keys is present, or all of the listed DAGs and jobs are final."""
    body = await call.body(wire.SignalsBody)
    for key in body.keys:
        check_key(key)
    house = call.house
    topics = [Topic(Kind.KEY, key) for key in body.keys]
    topics += [Topic(Kind.DAG, dag_id) for dag_id in body.dags] + [Topic(Kind.JOB, job_id) for job_id in body.jobs]

    def look(reader: Reader) -> wire.SignalsAnswer:
        present = reader.present_keys(house.project_id, body.keys)
        return wire.SignalsAnswer(present=present, ended=_all_ended(reader, body))

    def is_answered() -> bool:
        answer = house.store.read(look)
        return bool(answer.present) or answer.ended

    await house.bus.wait_until(topics, is_answered, body.timeout_seconds)
    return json_answer(house.store.read(look))


def _all_ended(reader: Reader, body: wire.SignalsBody) -> bool:
    """Whether there is something to wait for and all of it is final; what is unknown counts as final."""
    if not body.dags and not body.jobs:
        return False
    dags = (reader.dag(dag_id) for dag_id in body.dags)
    jobs = (reader.job(job_id) for job_id in body.jobs)
    return all(dag is None or dag.is_final for dag in dags) and all(job is None or job.status.is_final for job in jobs)


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
