"""Results: what a job says it found, as JSON, for its children and for who submitted it."""

import msgspec

from titan.model.errors import StaleLease, TooLarge
from titan.ports import Reader, Transaction
from titan.rules.access import Permission
from titan.server.call import Call, Json
from titan.server.lookup import find_job
from titan.server.route import Routes
from titan.wire.base import OkAnswer, ScopeQuery
from titan.wire.work import MAX_RESULT_BYTES, ResultAnswer, ResultBody

route = Routes()


@route("PUT /api/result", Permission.SET_RESULT, mutates=True)
async def set_result(call: Call, body: ResultBody) -> Json[OkAnswer]:
    """Set the result of the job whose token comes along."""
    value = bytes(body.value)
    if len(value) > MAX_RESULT_BYTES:
        raise TooLarge(
            "result",
            expected=f"at most {MAX_RESULT_BYTES} bytes of JSON",
            found=f"{len(value)} bytes",
            next_step="Publish it as an artifact: publish_artifact(key, filename), and set the key as the result.",
        )

    def act(tx: Transaction) -> OkAnswer:
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

    return await call.keep(act)


@route("GET /api/jobs/{job}/result", Permission.SEE_WORK)
async def get_result(call: Call, query: ScopeQuery) -> ResultAnswer:
    """Give the result that a job set; `is_set` tells null from none."""

    def look(reader: Reader) -> ResultAnswer:
        job = find_job(reader, call.project_id, call.path("job"), dag_id=query.dag, run_id=query.run)
        value = reader.result(job.id)
        return ResultAnswer(job_id=job.id, is_set=value is not None, value=msgspec.Raw((value or "null").encode()))

    return await call.house.store.look(look)
