"""The evaluator: the agentic decision, made safe."""

import json

import pytest
from research_evaluator import Section, decide, read_section
from research_worker import Passage, Research, as_text

from tests.support.fake_titan import FakeTitan
from titan_sdk import TitanClient

QUERY = "How does a scheduler survive the crash of its server?"
SECTIONS = [Section(subtopic="Leases", findings=["A lease ends. [1]"], sources=["[1] a.md, line 1"], notes=[])]


def decision(word: str, *gaps: str) -> str:
    """Return a model's answer."""
    return json.dumps({"decision": word, "reason": "because", "gaps": gaps})


def test_complete_research_is_synthesized(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append(decision("SYNTHESIZE", "a gap that is not meant"))

    assert decide(client, QUERY, SECTIONS, evidence=500) == {
        "decision": "SYNTHESIZE",
        "gaps": [],
        "reason": "because",
        "notes": [],
    }


def test_a_new_gap_is_worth_another_round(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append(decision("DEEPEN", "1. Journals", "leases", "journals."))

    decided = decide(client, QUERY, SECTIONS, evidence=500)

    assert (decided["decision"], decided["gaps"]) == ("DEEPEN", ["Journals"])


def test_gaps_that_were_researched_already_are_sent_back(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.extend([decision("DEEPEN", "Leases", QUERY), decision("SYNTHESIZE")])

    assert decide(client, QUERY, SECTIONS, evidence=500)["decision"] == "SYNTHESIZE"
    assert "DEEPEN needs gaps" in fake.received[1].json["messages"][-1]["content"]


@pytest.mark.parametrize(
    "answers", [["maybe", "perhaps"], [decision("DEEPEN", "Leases")] * 2, [decision("WAIT")] * 2, [503]]
)
def test_without_a_usable_decision_the_research_counts_as_complete_and_says_so(
    client: TitanClient, fake: FakeTitan, answers: list[str | int]
) -> None:
    fake.model_answers.extend(answers)

    decided = decide(client, QUERY, SECTIONS, evidence=500)

    assert (decided["decision"], decided["gaps"]) == ("SYNTHESIZE", [])
    assert decided["notes"][0].startswith("The evaluator's model gave no usable decision (")


def test_each_section_gets_its_share_of_the_prompt(client: TitanClient, fake: FakeTitan) -> None:
    long = [Section(subtopic=f"S{n}", findings=["word " * 500], sources=[], notes=[]) for n in range(4)]
    fake.model_answers.append(decision("SYNTHESIZE"))

    decide(client, QUERY, long, evidence=400)

    prompt = fake.received[0].json["messages"][0]["content"]
    assert all(f"S{n}: word" in prompt for n in range(4))
    assert len(prompt) < 1000


def test_a_result_file_is_read_as_it_was_written() -> None:
    source = Passage(file="a.md", line=3, heading="H", text="")
    text = as_text("Größe: # and - too", Research(findings=["A finding. [1]"], sources=[source], notes=["N."]))

    assert read_section(text) == Section(
        subtopic="Größe: # and - too", findings=["A finding. [1]"], sources=["[1] a.md, line 3: H"], notes=["N."]
    )
