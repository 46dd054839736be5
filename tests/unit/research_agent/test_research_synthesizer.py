"""The synthesizer: five parts, whatever the model says."""

import json

import pytest
from research_synthesizer import (
    DEEP_DIVE,
    FINDINGS,
    OPEN_QUESTIONS,
    RECOMMENDATIONS,
    SUMMARY,
    Material,
    Part,
    Section,
    Store,
    as_markdown,
    assembled_parts,
    cite,
    failures,
    gather,
    quoted_parts,
    rank,
    worded_parts,
)

from tests.support.fake_titan import FakeTitan
from titan_sdk import TitanClient

QUERY = "What happens to a job when its worker dies?"
PARTS = [SUMMARY, FINDINGS, DEEP_DIVE, RECOMMENDATIONS, OPEN_QUESTIONS]
LEASES = Section(
    subtopic="Leases",
    findings=[
        "A lease is good for 10 s and renewed every 3 s. [1]",
        "When a worker dies, its lease ends and the job runs again. [1]",
        "Late reports of an old lease change nothing. [2]",
    ],
    sources=["[1] workers.md, line 38: Leases", "[2] fences.md, line 1"],
    notes=["A note on leases."],
)
RETRIES = Section(
    subtopic="Retries",
    findings=[
        "A lost attempt is repeated up to 3 times. [1]",
        "Set `retries` to repeat a job that failed. [2]",
        "The pause between two attempts doubles each time. [2]",
    ],
    sources=["[1] fences.md, line 1", "[2] retries.md, line 5"],
    notes=[],
)


def a_material(*sections: Section, gaps: list[str] | None = None) -> Material:
    """Return what a report is made of; without sections, of two."""
    return gather(QUERY, sections or (LEASES, RETRIES), gaps or [], evidence=3000)


def items(*texts: str) -> str:
    """Return a model's answer for one part."""
    return json.dumps({"items": texts})


def good_answers() -> dict[Part, list[str]]:
    """Return usable answers to all five questions, borne out by the findings."""
    lease, retry = (
        "The worker's lease ends and the job runs again [1].",
        "A lost attempt is repeated up to 3 times [2].",
    )
    late, pause = "Late reports of an old lease change nothing [2].", "The pause between attempts doubles [3]."
    failed = "Jobs that failed are repeated when retries are set [3]."
    return {
        SUMMARY: [lease, retry, late],
        FINDINGS: [lease, retry, late, pause, failed],
        DEEP_DIVE: [f"{lease} {retry}", f"{late} {late}", f"{pause} {failed}"],
        RECOMMENDATIONS: ["Set retries where a repetition is harmless.", "Watch the leases.", "Keep jobs short."],
        OPEN_QUESTIONS: ["How long does a restart take?", "Who watches the server?"],
    }


def test_sources_are_numbered_once_for_all_sections() -> None:
    material = a_material()

    assert material.sources == ["workers.md, line 38: Leases", "fences.md, line 1", "retries.md, line 5"]
    assert material.findings[3] == "A lost attempt is repeated up to 3 times. [2]"
    assert material.findings[4] == "Set `retries` to repeat a job that failed. [3]"


def test_usable_answers_become_the_five_parts(client: TitanClient, fake: FakeTitan) -> None:
    answers = good_answers()
    fake.model_answers.extend(items(*answers[part]) for part in PARTS)

    parts, notes = worded_parts(client, a_material())

    assert (parts, notes) == (answers, [])


@pytest.mark.parametrize("spoiled", PARTS, ids=lambda part: part.title)
def test_one_unusable_answer_costs_one_part_and_the_report_says_so(
    client: TitanClient, fake: FakeTitan, spoiled: Part
) -> None:
    answers = good_answers()
    for part in PARTS:
        fake.model_answers.extend(["jimmy" * 9] * 2 if part is spoiled else [items(*answers[part])])

    parts, notes = worded_parts(client, a_material())

    assert [part for part in PARTS if parts[part] != answers[part]] == [spoiled]
    assert parts[spoiled]
    (note,) = notes
    assert note.startswith(f"{spoiled.title} was put together from the findings; the model's answer: it is no JSON")


def test_statements_that_the_findings_do_not_bear_out_are_sent_back(client: TitanClient, fake: FakeTitan) -> None:
    answers = good_answers()
    robots = ["Robots dance in space.", "Titan is a moon of Saturn.", "Friendly aliens live there."]
    fake.model_answers.append(items(*robots))
    fake.model_answers.extend(items(*answers[part]) for part in PARTS)

    parts, notes = worded_parts(client, a_material())

    assert (parts, notes) == (answers, [])
    assert "only 0 of 3 items" in fake.received[1].json["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A lost attempt is repeated [2].", "A lost attempt is repeated [2]."),
        ("A lost attempt is repeated [9].", "A lost attempt is repeated. [2]"),
        ("A lost attempt is repeated.", "A lost attempt is repeated. [2]"),
        ("Robots dance in outer space [1].", None),
    ],
)
def test_a_statement_cites_sources_that_exist(text: str, expected: str | None) -> None:
    assert cite(FINDINGS, text, a_material()) == expected


def test_with_a_model_that_says_nothing_usable_all_five_parts_are_there(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.extend(["", "jimmyjohnsjohns", items("x" * 20), "no", *["?"] * 10])

    parts, notes = worded_parts(client, a_material())

    assert [len(parts[part]) for part in PARTS] == [3, 5, 2, 3, 1]
    assert len(notes) == 5


def test_quoting_puts_sentences_that_the_model_copied_first(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append(items("4. The pause between two attempts doubles each time."))

    parts, notes = quoted_parts(client, a_material())

    assert parts[SUMMARY][0] == "The pause between two attempts doubles each time. [3]"
    assert set(parts[SUMMARY]) <= set(a_material().findings)
    assert notes == [
        "All parts are put together from the sources' own sentences; the model chose 1 of them as most important."
    ]


def test_quoting_needs_no_answer_at_all(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append(503)

    parts, notes = quoted_parts(client, a_material())

    assert all(parts[part] for part in PARTS)
    assert "the model chose none of them" in notes[0]


def test_the_first_findings_cover_the_query() -> None:
    assert rank(a_material())[0] == "When a worker dies, its lease ends and the job runs again. [1]"


def test_advice_comes_before_reading() -> None:
    material = a_material()

    advice = assembled_parts(material, rank(material))[RECOMMENDATIONS]

    assert advice[0] == "Set `retries` to repeat a job that failed. [3]"
    assert len(advice) == 3
    assert all(text.startswith("Read ") for text in advice[1:])


def test_subtopics_not_researched_or_not_found_are_open_questions() -> None:
    thin = Section(subtopic="Backups", findings=[], sources=[], notes=[])

    material = a_material(LEASES, thin, gaps=["Journals"])

    questions = assembled_parts(material, rank(material))[OPEN_QUESTIONS]
    assert questions[:2] == [
        "Journals: the evaluator missed it, and it was not researched.",
        "Backups: little or nothing was found.",
    ]


def test_without_sources_the_recommendation_is_to_find_some() -> None:
    knowledge = Section(subtopic="Leases", findings=["Leases end by themselves."], sources=[], notes=[])

    material = a_material(knowledge)

    parts = assembled_parts(material, rank(material))
    assert "> No source was read: what follows is what the model knows" in as_markdown(material, parts, [])
    assert parts[RECOMMENDATIONS] == ["Find a source before you rely on this: Leases end by themselves."]
    assert parts[OPEN_QUESTIONS][-1].startswith("Which sources confirm these statements?")


def test_a_report_of_nothing_has_its_five_parts_too() -> None:
    material = a_material(Section(subtopic="Leases", findings=[], sources=[], notes=["The model gave nothing."]))

    text = as_markdown(material, assembled_parts(material, rank(material)), [])

    assert [f"## {part.title}\n\n" in text for part in PARTS] == [True] * 5
    assert "The research found nothing to say here." in text
    assert "- Leases: The model gave nothing." in text


def test_the_report_lists_the_sources_it_cites_and_how_it_was_made() -> None:
    text = as_markdown(a_material(), good_answers(), ["Run RESEARCH_1a9ac3, model painter-1."])

    headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert headings == [*(part.title for part in PARTS), "Sources", "How This Report Was Made"]
    assert "- [1] workers.md, line 38: Leases\n- [2] fences.md, line 1\n- [3] retries.md, line 5\n" in text
    assert text.endswith("- Run RESEARCH_1a9ac3, model painter-1.\n- Leases: A note on leases.\n")
    assert "\n1. Set retries where a repetition is harmless.\n2. Watch the leases.\n" in text


def test_the_deep_dive_has_about_400_words_however_much_was_found() -> None:
    sections = [
        Section(
            subtopic=f"Section {letter}",
            findings=[" ".join(f"{letter}{number}{word}" for word in "bcdefghijklmnopqrstu") for number in range(20)],
            sources=[],
            notes=[],
        )
        for letter in "vwxyz"
    ]

    material = a_material(*sections)

    words = len(" ".join(assembled_parts(material, rank(material))[DEEP_DIVE]).split())
    assert 380 <= words <= 450


def a_research(client: TitanClient, *, done: str, gaps: list[str] | None = None) -> list[str]:
    """Return what the report says of failures when the plan had two subtopics and these researchers were done."""
    client.store_put("research:R:plan", json.dumps({"subtopics": ["Leases", "Retries"]}))
    client.store_put("research:R:eval:1", json.dumps({"gaps": gaps or []}))
    for place in done.split():
        client.store_put(f"research:R:researcher:{place}:done", "1")
    return list(failures(Store(client, "R")))


def test_the_report_names_the_researchers_that_failed(client: TitanClient, fake: FakeTitan) -> None:
    assert a_research(client, done="1:0", gaps=["Fences", "Clocks"]) == [
        "1 of 2 researchers failed: Retries. Nothing here is theirs."
    ]
    assert a_research(client, done="2:1", gaps=["Fences", "Clocks"]) == [
        "2 of 4 researchers failed: Retries; Fences. Nothing here is theirs."
    ]


def test_the_report_is_silent_where_no_researcher_failed(client: TitanClient, fake: FakeTitan) -> None:
    assert a_research(client, done="1:0 1:1") == []
    assert a_research(client, done="1:0 1:1", gaps=["the iteration limit came before this"]) == []
