"""Names of runs come to a run, also where a run has other names in turn."""

from titan.rules.runs.recording import resolved


def test_a_name_of_a_name_resolves_to_its_run() -> None:
    assert resolved({"answer": "trace", "trace": "run", "other": "x"}) == {
        "answer": "run",
        "trace": "run",
        "other": "x",
    }


def test_names_in_a_cycle_name_nothing() -> None:
    assert resolved({"a": "b", "b": "a", "c": "c"}) == {}
