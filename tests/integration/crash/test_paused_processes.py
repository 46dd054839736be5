"""A server that stands still (a suspended machine, a debugger) must not take it out on its workers."""

import os
import signal

import pytest

from tests.support.waiting import let_pass
from tests.support.witness import Witness, crowd

LONGER_THAN_A_LEASE_SECONDS = 12


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_a_server_paused_for_longer_than_a_lease_loses_no_attempt(witness: Witness) -> None:
    dag_id = witness.submit("steady", crowd("job", 4), seconds=2)
    witness.wait_for_attempts(4)

    os.kill(witness.titan.pid, signal.SIGSTOP)
    let_pass(LONGER_THAN_A_LEASE_SECONDS)
    os.kill(witness.titan.pid, signal.SIGCONT)

    witness.see_that_all_is_well()
    assert [witness.outcomes(f"{dag_id}.{n:05}") for n in range(8)] == [["succeeded"]] * 8
