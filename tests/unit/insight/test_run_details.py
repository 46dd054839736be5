"""What was told of a run beside its words is found on its tape."""

from msgspec.structs import replace

from tests.support.recorded import a_call, a_word
from titan.insight.bodies import details_of

RESOURCE, REPLAY = '{"resource":{"deployment.environment":"prod"}}', '{"replay":{"status":"success"}}'


def test_each_object_is_returned_once_in_order_of_reports() -> None:
    told = [replace(a_word(), details=details) for details in (RESOURCE, None, REPLAY, RESOURCE, "null")]

    assert details_of(told) == (RESOURCE, REPLAY)


def test_details_of_actions_are_none_of_the_run() -> None:
    assert details_of([a_word(), replace(a_call(), details=RESOURCE)]) == ()
