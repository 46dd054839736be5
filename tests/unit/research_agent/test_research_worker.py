"""The researcher: passages found, statements checked, sentences quoted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import research_worker
from research_worker import (
    Passage,
    Research,
    Task,
    as_text,
    attribute,
    rank_sentences,
    research_in_corpus,
    research_knowledge,
    search,
    sentences,
    weigh,
)

from tests.support.fake_titan import FakeTitan
from tests.support.sources import ROOT
from titan_sdk import TitanClient

QUERY = "What happens to a job when its worker dies?"
LEASES = "A lease is good for 10 s and renewed every 3 s. When a worker dies its lease ends, and the job runs again."
COOKING = "Boil the potatoes for twenty minutes in plenty of salted water. Drain them and let them steam dry."
SLOTS = "Each worker offers slots to the server. A slot runs one job at a time until that job has ended."


def a_passage(text: str, *, file: str = "guide.md", heading: str = "") -> Passage:
    """Return a passage that begins at line 1."""
    return Passage(file=file, line=1, heading=heading, text=text)


CORPUS = [a_passage(COOKING, file="soup.md"), a_passage(SLOTS, heading="Slots"), a_passage(LEASES, heading="Leases")]


def a_task(*, subtopic: str = "Leases", quote: bool = False) -> Task:
    """Return what a researcher is to find out."""
    return Task(subtopic=subtopic, query=QUERY, quote=quote)


def statements(*texts: str) -> str:
    """Return a model's answer."""
    return json.dumps({"statements": texts})


def test_the_search_finds_the_passage_with_the_rarest_words_first() -> None:
    found = search(CORPUS, weigh(CORPUS, a_task()))

    assert [passage.heading for passage in found] == ["Leases", "Slots"]


def test_a_corpus_without_any_of_the_words_gives_nothing(client: TitanClient) -> None:
    research = research_in_corpus(client, a_task(), [a_passage(COOKING)])

    assert research == Research(findings=[], sources=[], notes=["No passage of the corpus holds any word of this."])


def test_a_statement_keeps_the_number_of_the_passage_that_bears_it_out(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append(
        statements("When the worker dies, its lease ends [1].", "One slot runs one job at a time [2]")
    )

    research = research_in_corpus(client, a_task(), CORPUS)

    assert research.findings == ["When the worker dies, its lease ends. [1]", "One slot runs one job at a time [2]"]
    assert research.notes == []


def test_a_statement_with_the_wrong_number_gets_the_right_one() -> None:
    assert attribute("A lease is renewed every 3 s [7].", CORPUS) == "A lease is renewed every 3 s. [3]"


def test_a_statement_without_a_number_gets_one() -> None:
    assert attribute("Potatoes boil for twenty minutes", CORPUS) == "Potatoes boil for twenty minutes [1]"


def test_statements_that_no_passage_bears_out_are_left_out_and_counted(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append(
        statements(
            "When a worker dies its lease ends [1]",
            "The lease is renewed every 3 s [1]",
            "Titan is a team of friendly robots in space [1]",
        )
    )

    research = research_in_corpus(client, a_task(), CORPUS)

    assert len(research.findings) == 2
    assert research.notes == ["1 statement(s) of the model left out: not borne out."]


def test_with_too_few_usable_statements_the_sources_speak_for_themselves(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append(
        statements("Titan is a team of friendly robots in space", "Robots love to dance in space")
    )

    research = research_in_corpus(client, a_task(), CORPUS)

    assert "When a worker dies its lease ends, and the job runs again. [1]" in research.findings
    assert research.notes[-1] == "These are sentences of the sources instead."


def test_an_unusable_answer_is_retried_and_then_named(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.extend([statements(*["The same statement again"] * 3), "no JSON at all"])

    research = research_in_corpus(client, a_task(), CORPUS)

    assert research.findings
    assert research.notes[0].startswith("The model gave no usable statements: it is no JSON")
    assert len(fake.received) == 2


def test_a_model_that_is_away_costs_its_words_only(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append(503)

    research = research_in_corpus(client, a_task(), CORPUS)

    assert research.findings
    assert research.notes[0].startswith("The model gave no usable statements:")


def test_quoting_takes_the_sentences_the_model_copies_and_fills_up_with_the_best(
    client: TitanClient, fake: FakeTitan
) -> None:
    copied = "2. A slot runs one job at a time until that job has ended."
    fake.model_answers.append(statements(copied, "And some nonsense that stands nowhere at all"))

    research = research_in_corpus(client, a_task(quote=True), CORPUS)

    assert "A slot runs one job at a time until that job has ended. [2]" in research.findings
    assert "When a worker dies its lease ends, and the job runs again. [1]" in research.findings
    assert not any("nonsense" in finding for finding in research.findings)
    assert research.notes == ["4 sentences of the sources; the model chose 1 of them."]


def test_quotations_are_in_the_order_of_their_sources(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append(statements("nothing that stands there", "nor this sentence here"))

    research = research_in_corpus(client, a_task(quote=True), CORPUS)

    assert research.findings == [
        "A lease is good for 10 s and renewed every 3 s. [1]",
        "When a worker dies its lease ends, and the job runs again. [1]",
        "Each worker offers slots to the server. [2]",
        "A slot runs one job at a time until that job has ended. [2]",
    ]


def test_sentences_are_ranked_so_that_together_they_cover_all_words() -> None:
    text = "The worker dies and its job is lost. The worker dies and that job is gone. A lease ends after ten seconds."

    ranked = rank_sentences([a_passage(text)], {"worker": 1.0, "di": 1.0, "job": 1.0, "leas": 0.9})

    assert [sentence.text for sentence in ranked] == [
        "The worker dies and its job is lost.",
        "A lease ends after ten seconds.",
    ]


def test_without_a_corpus_the_models_statements_are_used_unchecked(client: TitanClient, fake: FakeTitan) -> None:
    fake.model_answers.append(
        statements("Leases end by themselves.", "Leases end by themselves", "Fences stop late writes.")
    )

    research = research_knowledge(client, a_task())

    assert research == Research(
        findings=["Leases end by themselves.", "Fences stop late writes."], sources=[], notes=[]
    )


def test_a_sentence_that_the_largest_length_cut_off_is_left_out(client: TitanClient, fake: FakeTitan) -> None:
    story = "The team works on leases. 2. The team works on leases. 3. Fences stop late writes. " + "and so on " * 40
    fake.model_answers.append(statements(story[:300], "Slots are counted from live leases."))

    research = research_knowledge(client, a_task())

    assert research.findings == [
        "The team works on leases.",
        "Fences stop late writes.",
        "Slots are counted from live leases.",
    ]


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        (
            "It has five words here. Another has one word more.",
            ["It has five words here.", "Another has one word more."],
        ),
        ("Too short.\n\nThis one is long enough, though", ["This one is long enough, though."]),
        ("**Bold** text with a [link](http://x) inside it.", ["Bold text with a link inside it."]),
        ("Keep `code --flag` in the sentence as it is.", ["Keep `code --flag` in the sentence as it is."]),
        ("- first point of a list\n- second point of a list", ["First point of a list.", "Second point of a list."]),
        ("A sentence that breaks\nover two lines of text.", ["A sentence that breaks over two lines of text."]),
        ("```\ncode is not a sentence, is it?\n```\nBut this is one sentence.", ["But this is one sentence."]),
        ("| what | then |\n|---|---|\n| a worker dies | its job runs again |", ["A worker dies: its job runs again."]),
        ("| a b c | d e f | g h i |", ["A b c — d e f — g h i."]),
    ],
)
def test_markup_is_no_part_of_a_sentence(markdown: str, expected: list[str]) -> None:
    assert list(sentences(markdown)) == expected


def test_the_result_file_lists_findings_the_sources_they_cite_and_notes() -> None:
    research = Research(
        findings=["A lease ends. [2]"],
        sources=[a_passage("x"), Passage(file="guide.md", line=7, heading="Leases", text="y")],
        notes=["A note."],
    )

    assert as_text("Leases", research) == (
        "# Leases\n\n## Findings\n- A lease ends. [2]\n\n## Sources\n- [2] guide.md, line 7: Leases\n\n"
        "## Notes\n- A note.\n"
    )


RANKED = """
import sys
from pathlib import Path
import research_corpus, research_worker
corpus = research_corpus.read_corpus(Path(sys.argv[1])).passages
for subtopic in ("What happens when something dies", "When the server is away", "What is recorded", "How a job runs"):
    query = "What happens to running jobs when a worker or the server is killed, and what does Titan do about it?"
    task = research_worker.Task(subtopic=subtopic, query=query, quote=True)
    passages = [research_worker.Passage(**passage) for passage in corpus]
    weights = research_worker.weigh(passages, task)
    found = research_worker.best_passages(passages, weights)
    print(found, sorted(weights.items()), research_worker.rank_sentences(found, weights))
"""


def test_the_choice_does_not_depend_on_the_order_of_sets() -> None:
    folder = Path(research_worker.__file__).parent
    said = {
        subprocess.run(
            [sys.executable, "-c", RANKED, str(ROOT / "docs")],
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2", "3", "4", "5")
    }

    assert len(said) == 1
