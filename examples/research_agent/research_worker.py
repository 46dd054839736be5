"""Stage 2 of the research agent: one subtopic researched, in the user's own files when there is a corpus.

Runs as a Titan job, many side by side. Publishes result_<iteration>_<index>.txt under
research:<run>:result:<iteration>:<index>, then sets research:<run>:researcher:<iteration>:<index>:done.

With a corpus every finding carries the number of its source. A model's sentence that its passage does not
bear out is left out; with --quote the source's own sentence stands in place of the model's, because a small
model picks well but words badly. A job is one file, so the few functions that stages share stand in each.
"""

import argparse
import gzip
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from titan_sdk import TitanClient, action, errors, model

MOST_PASSAGES = 8
FEWEST_FINDINGS = 2
MOST_FINDINGS = 8
STATEMENT_CHARACTERS = 300  # two sentences
CANDIDATES = 10  # sentences to choose from: some 300 tokens of a prompt
QUOTED_FINDINGS = 6  # four sections of six sentences of 16 words make a deep dive of 400 words
BORNE_OUT = 0.5  # share of a statement's words that its passage must hold; paraphrases of strong models reach it
QUOTED = 0.6  # share of a sentence's word pairs that must be said for it to count as quoted
SAME = 0.6  # share of words that makes two sentences one
NAMED_SUBTOPIC = 1.5  # weight of the subtopic's words; the query's weigh 1
TABULAR = 0.4  # weight of a row of a table with three cells or more, which rarely reads as a sentence
SENTENCE_WORDS = 6  # a sentence with fewer words that carry meaning says little: it weighs less in proportion
CHOSEN_SENTENCES = 3  # more only make the local model slower: 60 words take it 1.5 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a file, under one heading."""

    file: str
    line: int  #: where it begins, from 1
    heading: str
    text: str

    def __str__(self) -> str:
        """Return the passage as a source is cited."""
        return f"{self.file}, line {self.line}" + (f": {self.heading}" if self.heading else "")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Sentence:
    """A sentence of a passage; sorted, they stand as they stand there."""

    source: int  #: the passage's number, from 1
    position: int  #: among the sentences of the passage
    text: str

    def __str__(self) -> str:
        """Return the sentence with its source."""
        return f"{self.text} [{self.source}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one researcher is to find out."""

    subtopic: str
    query: str
    evidence: int = 6000  #: characters of passages that the model is shown
    quote: bool = False  #: findings are sentences of the sources, chosen by the model rather than worded by it


@dataclass(frozen=True, slots=True, kw_only=True)
class Research:
    """What was found."""

    findings: list[str]  #: sentences; with a corpus, each ends with its source: "… [2]"
    sources: list[Passage]  #: source n is sources[n - 1]
    notes: list[str]  #: what a reader has to know about how the findings came about


class Store:
    """The run's part of the shared store. Each use is recorded as a call of a tool: what went in, what came out."""

    def __init__(self, client: TitanClient, run_id: str) -> None:
        self.client, self.prefix = client, f"research:{run_id}:"

    @action("store_get", kind="tool", impact="read")
    def get(self, key: str) -> str | None:
        return self.client.store_get(self.prefix + key)

    @action("store_put", kind="tool", impact="low", effect="external")
    def put(self, key: str, value: str) -> None:
        self.client.store_put(self.prefix + key, value)

    @action("fetch_file", kind="tool", impact="read")
    def fetch(self, key: str, file: str) -> bool:
        return self.client.get_artifact(self.prefix + key, file)

    @action("publish_file", kind="tool", impact="low", effect="external")
    def publish(self, key: str, file: str) -> None:
        self.client.publish_artifact(self.prefix + key, file)


def main() -> None:
    """Research, publish, and tell the orchestrator."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("run_id")
    arguments.add_argument("iteration", type=int)
    arguments.add_argument("index", type=int)
    arguments.add_argument("subtopic")
    arguments.add_argument("query")
    arguments.add_argument("--evidence", type=int, default=6000, help="characters of passages shown to the model")
    arguments.add_argument("--quote", action="store_true", help="findings are sentences of the sources")
    options = arguments.parse_args()
    client = TitanClient()
    name, number = f"researcher-{options.iteration}-{options.index}", f"{options.iteration}:{options.index}"
    print(f"[{name.upper()}] Subtopic: {options.subtopic}", flush=True)

    task = Task(subtopic=options.subtopic, query=options.query, evidence=options.evidence, quote=options.quote)
    with action(name, kind="agent") as researcher:  # what the stage does stands below it on the run's page
        researcher.set_input(options.subtopic, query=options.query)
        store = Store(client, options.run_id)
        if store.fetch("corpus", "corpus.jsonl.gz"):
            research = research_in_corpus(client, task, read_corpus("corpus.jsonl.gz"))
        else:
            research = research_knowledge(client, task)
        result = Path(f"result_{options.iteration}_{options.index}.txt")
        result.write_text(as_text(options.subtopic, research), encoding="utf-8")
        print(result.read_text(encoding="utf-8"))
        store.publish(f"result:{number}", str(result))
        store.put(f"researcher:{number}:done", "1")
        researcher.set_output(research.findings)


def as_text(subtopic: str, research: Research) -> str:
    """Return the result file: a heading and a list for each of the three parts."""
    said = " ".join(research.findings)
    sources = [f"[{n}] {source}" for n, source in enumerate(research.sources, start=1) if f"[{n}]" in said]
    parts = {"Findings": research.findings, "Sources": sources, "Notes": research.notes}
    lists = ("\n".join((f"## {name}", *(f"- {item}" for item in items))) for name, items in parts.items())
    return "\n\n".join((f"# {subtopic}", *lists)) + "\n"


# --- from a corpus -----------------------------------------------------------------------------------------


def read_corpus(file: str) -> list[Passage]:
    """Return the passages that the orchestrator packed."""
    with action("read_corpus", kind="tool", impact="read") as reading, gzip.open(file, "rt", encoding="utf-8") as lines:
        reading.set_input(file)
        passages = [Passage(**json.loads(line)) for line in lines]
        reading.set_output({"passages": len(passages)})  # not the passages: they may be 20 MB
    return passages


def search(passages: Sequence[Passage], weights: Mapping[str, float]) -> list[Passage]:
    """Return the eight best passages by BM25, best first; fewer when the words stand in fewer."""
    with action("search", kind="tool", impact="read") as searching:
        searching.set_input(words=weights)
        best = best_passages(passages, weights)
        searching.set_output([str(passage) for passage in best])
    return best


def best_passages(passages: Sequence[Passage], weights: Mapping[str, float]) -> list[Passage]:
    """Do what `search` records."""
    words = [Counter(all_stems(f"{passage.heading} {passage.heading} {passage.text}")) for passage in passages]
    usual_length = sum(counts.total() for counts in words) / max(1, len(words))

    def score(number: int) -> float:
        counts = words[number]
        scale = 1.5 * (0.25 + 0.75 * counts.total() / usual_length)  # k1 1.5 and b 0.75, as is usual
        return math.fsum(weight * counts[word] * 2.5 / (counts[word] + scale) for word, weight in weights.items())

    scores = {number: score(number) for number in range(len(passages))}
    best = sorted(filter(scores.get, scores), key=lambda number: -scores[number])
    return [passages[number] for number in best[:MOST_PASSAGES]]


def weigh(passages: Sequence[Passage], task: Task) -> dict[str, float]:
    """Return the words to look for: rare ones weigh more, and the subtopic's 1.5 times as much as the query's."""
    frequency = Counter(word for passage in passages for word in stems(f"{passage.heading} {passage.text}"))
    wanted = {**dict.fromkeys(stems(task.query), 1.0), **dict.fromkeys(stems(task.subtopic), NAMED_SUBTOPIC)}
    count = len(passages)
    return {
        word: weight * math.log(1 + (count - frequency[word] + 0.5) / (frequency[word] + 0.5))
        for word, weight in wanted.items()
    }


def research_in_corpus(client: TitanClient, task: Task, corpus: Sequence[Passage]) -> Research:
    """Return what the corpus says of the subtopic, each finding with its source."""
    weights = weigh(corpus, task)
    passages = search(corpus, weights)
    if not passages:
        return Research(findings=[], sources=[], notes=["No passage of the corpus holds any word of this."])
    ranked = rank_sentences(passages, weights)
    return (quoted if task.quote else worded)(client, task, passages, ranked)


def quoted(client: TitanClient, task: Task, passages: list[Passage], ranked: list[Sentence]) -> Research:
    """Return sentences of the passages as they stand there; the model chooses among the best."""
    chosen, notes = choose_sentences(client, task, ranked)
    best = [*chosen, *(sentence for sentence in ranked if sentence not in chosen)][:QUOTED_FINDINGS]
    if best:
        notes.append(f"{len(best)} sentences of the sources; the model chose {len(chosen) or 'none'} of them.")
    return Research(findings=[str(sentence) for sentence in sorted(best)], sources=passages, notes=notes)


def worded(client: TitanClient, task: Task, passages: list[Passage], ranked: list[Sentence]) -> Research:
    """Return what the model says of the passages, as far as they bear it out; else the sentences themselves."""
    shown = "\n\n".join(f"[{number}] {passage.text}" for number, passage in enumerate(passages, start=1))
    statements, notes = ask_for_statements(
        client,
        f"Passages:\n{shown[: task.evidence]}\n\nSubtopic: {task.subtopic}\n\nState what the passages say about it,"
        f" using only them, to help answer the question: {task.query}\n"
        "End each statement with the number of its passage, such as [1].",
    )
    findings = [cited for text in statements if (cited := attribute(text, passages))]
    if len(findings) < len(statements):
        notes.append(f"{len(statements) - len(findings)} statement(s) of the model left out: not borne out.")
    if len(findings) < FEWEST_FINDINGS:
        findings = [str(sentence) for sentence in sorted(ranked[:QUOTED_FINDINGS])]
        notes.append("These are sentences of the sources instead.")
    return Research(findings=findings, sources=passages, notes=notes)


def attribute(statement: str, passages: Sequence[Passage]) -> str | None:
    """Return the statement with the number of the passage that bears it out; None when none does.

    The model's own number is kept when that passage holds half of the words; else the best passage is named.
    """
    text = re.sub(r"\s*\[[\d,\s]*\]", "", statement).strip()
    words = stems(text)
    if len(words) < 3:
        return None
    named = {int(number) for group in re.findall(r"\[([\d,\s]*)\]", statement) for number in re.findall(r"\d+", group)}
    shares = {
        number: len(words & stems(f"{passage.heading} {passage.text}")) / len(words)
        for number, passage in enumerate(passages, start=1)
    }
    best = max(shares, key=lambda number: (shares[number] >= BORNE_OUT and number in named, shares[number]))
    return f"{text} [{best}]" if shares[best] >= BORNE_OUT else None


def rank_sentences(passages: Sequence[Passage], weights: Mapping[str, float]) -> list[Sentence]:
    """Return the ten sentences that bear most on the words, best first.

    A word that better sentences hold already counts half as much for each of them, so that the sentences
    together cover all words.
    """
    left = [
        Sentence(source=source, position=position, text=text)
        for source, passage in enumerate(passages, start=1)
        for position, text in enumerate(sentences(passage.text))
    ]
    covered: Counter[str] = Counter()
    best: list[Sentence] = []

    def score(sentence: Sentence) -> float:
        words = stems(sentence.text)
        weight = math.fsum(weights.get(word, 0.0) * 0.5 ** covered[word] for word in words) / math.sqrt(8 + len(words))
        return weight * min(1, len(words) / SENTENCE_WORDS) * (TABULAR if sentence.text.count(" — ") > 1 else 1.0)

    while left and len(best) < CANDIDATES and score(sentence := max(left, key=score)):
        best.append(sentence)
        covered.update(stems(sentence.text))
        left = [other for other in left if not is_same(sentence.text, other.text)]
    return best


def choose_sentences(client: TitanClient, task: Task, ranked: Sequence[Sentence]) -> tuple[list[Sentence], list[str]]:
    """Return the sentences that the model copies when asked which answer the query, and what to say about it."""
    listed = "\n".join(f"{number}. {sentence.text}" for number, sentence in enumerate(ranked, start=1))
    statements, notes = ask_for_statements(
        client,
        f"Sentences:\n{listed}\n\nQuestion: {task.query}\nCopy the three sentences that answer the question best.",
        most=CHOSEN_SENTENCES,
    )
    said = {pair for statement in statements for pair in pairs(statement)}
    return [sentence for sentence in ranked if is_quoted(sentence.text, said)][:CHOSEN_SENTENCES], notes


def sentences(markdown: str, *, fewest_words: int = 5) -> Iterator[str]:
    """Yield the sentences of a passage, most markup removed: up to 60 words each; code is passed over."""
    prose = re.sub(r"(?ms)^```.*?(?:^```|\Z)", "", markdown)
    prose = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", prose)
    prose = re.sub(r"(?m)^\s*\|.*\|\s*\n\s*\|[\s:|-]+\|\s*$", "", prose)  # the head of a table
    prose = re.sub(r"(?m)^[\s|:-]+$|^#+ .*$|\*{1,3}|<[^>\n]{1,80}>", "", prose)
    prose = re.sub(r"(?m)^\s*\|(.*)\|\s*$", table_row, prose)
    for unit in re.split(r"\n\s*\n|(?:\n|^)\s*(?:[-+>]|\d+[.)])\s+", prose):
        for sentence in re.split(r"(?<=[.!?])\s+(?=[^a-z\s])", " ".join(unit.split())):
            plain = sentence.strip(" —|")
            if fewest_words <= len(plain.split()) <= 60:
                yield plain[0].upper() + plain[1:] + ("" if plain[-1] in ".!?:;)" else ".")


def table_row(row: re.Match[str]) -> str:
    """Return a row of a table as a sentence of its own: "when: what", or "a — b — c"."""
    cells = [cell.strip() for cell in row[1].split("|") if cell.strip()]
    return f"\n\n{(': ' if len(cells) == 2 else ' — ').join(cells)}\n\n"


# --- from what the model knows -----------------------------------------------------------------------------


def research_knowledge(client: TitanClient, task: Task) -> Research:
    """Return what the model knows of the subtopic; nothing checks it."""
    statements, notes = ask_for_statements(
        client,
        f"Question: {task.query}\nSubtopic: {task.subtopic}\n\nState what is known about the subtopic that helps to"
        " answer the question: 5 to 8 precise statements with facts, figures and tradeoffs.",
    )
    said = (sentence for statement in statements for sentence in sentences(finished(statement), fewest_words=3))
    return Research(findings=different(said), sources=[], notes=notes)


def finished(statement: str) -> str:
    """Return a statement without the sentence in which the schema's largest length cut it off."""
    if len(statement) < STATEMENT_CHARACTERS - 5 or statement[-1] in ".!?":
        return statement
    return statement[: max(statement.rfind(end) for end in ".!?") + 1]


# --- asking ------------------------------------------------------------------------------------------------


def ask_for_statements(client: TitanClient, prompt: str, *, most: int = MOST_FINDINGS) -> tuple[list[str], list[str]]:
    """Return the model's different statements and what is to be said about them; [] when it gave none in two tries."""
    statement = {"type": "string", "minLength": 20, "maxLength": STATEMENT_CHARACTERS}
    schema = {
        "type": "object",
        "properties": {
            "statements": {"type": "array", "items": statement, "minItems": FEWEST_FINDINGS, "maxItems": most}
        },
        "required": ["statements"],
        "additionalProperties": False,
    }
    try:
        answer = model.ask(prompt, schema, attempts=2, check=complaints, client=client)
    except (errors.UnusableAnswer, errors.ModelUnavailable, errors.ModelRefused) as error:
        return [], [f"The model gave no usable statements: {error.found}."]
    return different(answer["statements"]), []


def complaints(value: dict[str, list[str]]) -> list[str]:
    """Return what is wrong with an answer that fits the schema, for the model to read."""
    count = len(different(value["statements"]))
    return [] if count >= FEWEST_FINDINGS else [f"only {count} statement(s) are not repeated"]


# --- the same in researcher and synthesizer ---------------------------------------------------------------


def different(statements: Iterable[str]) -> list[str]:
    """Return the statements that are not repeated, numbering removed."""
    kept: list[str] = []
    for statement in statements:
        text = re.sub(r"^\W*\d+[.):]\s*", "", " ".join(statement.split()))
        if stems(text) and not any(is_same(text, other) for other in kept):
            kept.append(text)
    return kept


def is_same(one: str, other: str) -> bool:
    """Tell whether two sentences share most of their words."""
    words, others = stems(without_numbers(one)), stems(without_numbers(other))
    return len(words & others) >= SAME * len(words | others)


def is_quoted(sentence: str, said: set[tuple[str, str]]) -> bool:
    """Tell whether most of a sentence's neighbouring words are among those that were said."""
    stands = pairs(sentence)
    return len(stands & said) >= QUOTED * max(1, len(stands))


def pairs(text: str) -> set[tuple[str, str]]:
    """Return the neighbouring words of a text."""
    return set(pairwise(all_stems(without_numbers(text))))


def without_numbers(text: str) -> str:
    """Return a text without the numbers of its sources."""
    return re.sub(r"\[[\d,\s]*\]", "", text)


# --- the same in every stage -------------------------------------------------------------------------------

_WITHOUT_MEANING = """
    a about after all also an and any anything are as at be because been before both but by can could did do does
    each everything for from had happen happens has have how if in into is it its make makes many may more most much
    must no not nothing of on one only or other our out over should so some something such sure than that the their
    them then there these they this those to too up use was we were what when where which while who why will with
    would you your
"""
STOP_WORDS = frozenset(_WITHOUT_MEANING.split())


def all_stems(text: str) -> Iterator[str]:
    """Yield the words of `text` that carry meaning, without their usual English endings."""
    for word in re.findall(r"[^\W_]+", text.lower()):
        if word not in STOP_WORDS:
            yield re.sub(r"(?<=\w{3})(?:ies|ing|ed|es|e|y|(?<!s)s)$", "", word)


def stems(text: str) -> set[str]:
    """Return the same, each once."""
    return set(all_stems(text))


if __name__ == "__main__":
    main()
