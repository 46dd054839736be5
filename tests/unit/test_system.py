"""The machine's clock and ids."""

import string
from datetime import timedelta

from titan.system import SystemClock, SystemIds


def test_dag_ids_sort_in_the_order_they_were_made() -> None:
    ids = SystemIds()

    made = [ids.dag_id() for _ in range(2000)]

    assert made == sorted(set(made))
    assert all(set(one) <= set(string.ascii_lowercase + string.digits) and len(one) == 18 for one in made)


def test_secrets_are_32_hex_digits_and_never_repeat() -> None:
    ids = SystemIds()

    made = {ids.secret() for _ in range(2000)}

    assert len(made) == 2000
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in made)


def test_the_clock_tells_aware_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
