"""Names that somebody may have meant."""

import pytest

from titan.insight.suggestions import similar_names

AGENTS = ("invoice-reader", "qa.bot", "research-agent", "Support")


@pytest.mark.parametrize(
    ("meant", "names"),
    [
        ("reserch-agent", ["research-agent"]),
        ("research", ["research-agent"]),
        ("support", ["Support"]),
        ("bot", ["qa.bot"]),
        ("qa.bot", []),
        ("something else", []),
        ("", []),
    ],
)
def test_a_name_leads_to_those_it_may_have_meant(meant: str, names: list[str]) -> None:
    assert similar_names(meant, AGENTS) == names


def test_no_more_than_three_are_named() -> None:
    assert len(similar_names("agent", [f"agent-{number}" for number in range(9)])) == 3
