"""The planner: a model's subtopics, made usable."""

import json

import research_planner
from research_planner import distinct, plan

from tests.support.fake_titan import FakeTitan
from titan_sdk import TitanClient

QUERY = "How does a scheduler survive the crash of its server?"
HEADINGS = ["Leases", "Journal and recovery", "Retries with backoff", "Slots", "Priorities"]


def subtopics(*texts: str) -> str:
    """Return a model's answer."""
    return json.dumps({"subtopics": texts})


def test_different_subtopics_are_taken_as_they_are(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append(subtopics("1. Durable queues", "2. Leases", "heartbeats;"))

    assert plan(client, QUERY, []) == (["Durable queues", "Leases", "Heartbeats"], [])


def test_the_model_is_shown_the_headings_of_the_corpus(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append(subtopics("Durable queues", "Leases", "Heartbeats"))

    plan(client, QUERY, HEADINGS)

    assert "- Journal and recovery\n" in fake.received[0].json["messages"][0]["content"]


def test_repeated_subtopics_are_merged_and_asked_for_once_more(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append(subtopics("Leases", "leases.", "The leases", QUERY))
    fake.model_answers.append(subtopics("Leases", "Journals", "Retries"))

    assert plan(client, QUERY, []) == (["Leases", "Journals", "Retries"], [])
    correction = fake.received[1].json["messages"][-1]["content"]
    assert "only 1 subtopic(s) are neither repeated nor the question itself" in correction


def test_missing_subtopics_come_from_the_corpus_and_the_plan_says_so(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.extend([subtopics("Leases", "Leases", "Leases"), subtopics("Leases", QUERY, "leases")])

    named, notes = plan(client, QUERY, HEADINGS)

    assert named == ["Leases", "Journal and recovery", "Retries with backoff", "Slots"]
    assert notes == ["The model named 1 usable subtopic(s); 3 are headings of the corpus."]


def test_without_a_corpus_general_aspects_are_used(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.extend(["jimmyjohnsjohns", ""])

    named, notes = plan(client, QUERY, [])

    assert named == list(research_planner.GENERAL_ASPECTS)
    assert notes == ["The model named 0 usable subtopic(s); 4 are general aspects."]


def test_numbering_and_blanks_do_not_make_a_subtopic_different() -> None:
    assert distinct(["1) Cost  of storage", "- cost of storage", "Latency"]) == ["Cost of storage", "Latency"]


def test_texts_without_a_word_are_dropped() -> None:
    assert distinct(["", "…", "of the", "Latency"]) == ["Latency"]
