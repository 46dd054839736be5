"""Results: what a job says it found, as JSON, for its children and for who submitted it."""

import msgspec
from litestar import Response

from titan.model.errors import StaleLease, TooLarge
from titan.ports import Reader, Transaction
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.lookup import find_job
from titan.wire.base import OkAnswer, ScopeQuery
from titan.wire.work import MAX_RESULT_BYTES, ResultAnswer, ResultBody


async def set_result(call: Call) -> Response[bytes]:
    """Set the result of the job whose token comes along."""
    raw = await call.raw_body()
    value = bytes(call.decode(raw, ResultBody).value)
    if len(value) > MAX_RESULT_BYTES:
        raise TooLarge(
            "result",
            expected=f"at most {MAX_RESULT_BYTES} bytes of JSON",
            found=f"{len(value)} bytes",
            next_step="Publish it as an artifact: publish_artifact(key, filename), and set the key as the result.",
        )

    def act(tx: Transaction) -> object:
        token = call.token()
        attempt = tx.live_attempt_by_token(token) if token else None
        if attempt is None:
            raise StaleLease(
                "the job that sets a result",
                expected="the token of a running attempt",
                found="one of an attempt that is over, or unknown" if token else "no token",
                next_step="Call set_result inside of a job.",
            )
        tx.put_result(attempt.job_id, attempt.project_id, value.decode())
        return OkAnswer()

    return json_answer(await call.house.orchestrator.keep(call.once(raw, act)))


async def get_result(call: Call) -> Response[bytes]:
    """Give the result that a job set; `is_set` tells null from none."""
    scope = call.query(ScopeQuery)

    def look(reader: Reader) -> ResultAnswer:
        job = find_job(reader, call.project_id, call.path("job"), dag_id=scope.dag, run_id=scope.run)
        value = reader.result(job.id)
        return ResultAnswer(job_id=job.id, is_set=value is not None, value=msgspec.Raw((value or "null").encode()))

    return json_answer(await call.house.store.look(look))
