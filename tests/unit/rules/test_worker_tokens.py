"""Which token may act as a worker, and what a worker may offer."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import NOON
from tests.support.stored import a_token, a_worker
from titan.model.errors import Forbidden
from titan.model.tokens import Role, Token
from titan.rules.access import check_offers
from titan.rules.tokens import may_act_as

BOUND = a_token("b" * 12, role=Role.WORKER)
OVER = replace(BOUND, revoked_at=NOON - timedelta(minutes=1))
UNTRUSTED = a_token("c" * 12, role=Role.WORKER)
TRUSTED = replace(a_token("d" * 12, role=Role.WORKER), is_trusted=True)
ADMIN = a_token("e" * 12, role=Role.ADMIN)


@pytest.mark.parametrize(
    ("bound", "shown", "expected"),
    [
        (BOUND, BOUND, True),
        (BOUND, TRUSTED, False),
        (BOUND, ADMIN, False),
        (BOUND, None, False),
        (OVER, UNTRUSTED, False),
        (OVER, TRUSTED, True),
        (OVER, ADMIN, True),
        (OVER, None, False),
        (None, None, True),
        (None, UNTRUSTED, False),
        (None, TRUSTED, True),
    ],
)
def test_a_worker_belongs_to_its_token_until_that_has_ended(
    bound: Token | None, shown: Token | None, expected: bool
) -> None:
    worker = replace(a_worker(), token_id=None if bound is None else bound.id)

    assert may_act_as(worker, bound, shown, now=NOON) is expected


@pytest.mark.parametrize("token", [None, TRUSTED, replace(UNTRUSTED, labels=("GPU", "CPU"))])
def test_a_token_without_labels_and_one_with_them_allow_the_offers_they_name(token: Token | None) -> None:
    check_offers(token, "w", {"GPU": 1})


def test_a_label_that_the_token_does_not_name_is_refused_by_name() -> None:
    with pytest.raises(Forbidden, match=r"offers of GPU, .*found CPU, TPU"):
        check_offers(replace(UNTRUSTED, labels=("GPU",)), "w", {"TPU": 1, "GPU": 1, "CPU": 2})
