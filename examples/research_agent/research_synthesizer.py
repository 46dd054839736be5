"""Stage 4 of the research agent: all sections merged into a report of five parts.

Runs as a Titan job. Publishes report.md under research:<run>:report, then sets research:<run>:synth:done.

Each part is asked for on its own, so that one unusable answer costs one part: it is then put together from the
researchers' findings, and the report says so. With --quote all parts are, and the model only chooses: a small
model picks well but words badly. A job is one file, so the few functions that stages share stand in each.
"""

import argparse
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from titan_sdk import TitanClient, action, errors, model

DEEP_DIVE_WORDS = 400
BORNE_OUT = 0.5  # share of a statement's words that the findings must hold; paraphrases of strong models reach it
QUOTED = 0.6  # share of a sentence's word pairs that must be said for it to count as quoted
SAME = 0.6  # share of words that makes two sentences one
CANDIDATES = 10  # findings the model chooses among: some 300 tokens of a prompt
SENTENCE_WORDS = 6  # a sentence with fewer words that carry meaning says little: it weighs less in proportion


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the five parts of the report."""

    title: str
    task: str  #: what the model is asked to do
    fewest: int
    most: int  #: sentences, bullets, paragraphs or questions
    longest: int  #: characters of one of them
    is_factual: bool = True  #: must be borne out by the findings


SUMMARY = Part(
    title="Executive Summary", task="Answer the question directly, in 3 sentences.", fewest=3, most=3, longest=350
)
FINDINGS = Part(
    title="Key Findings",
    task="Name the 5 most important findings, each concrete and specific.",
    fewest=5,
    most=5,
    longest=300,
)
DEEP_DIVE = Part(
    title="Deep Dive",
    task="Write one integrated narrative that connects all sections: 3 to 5 paragraphs, about 400 words together.",
    fewest=3,
    most=5,
    longest=1000,
)
RECOMMENDATIONS = Part(
    title="Practical Recommendations",
    task="Give 3 to 5 takeaways that the reader can act on.",
    fewest=3,
    most=5,
    longest=300,
    is_factual=False,
)
OPEN_QUESTIONS = Part(
    title="Open Questions",
    task="Name 2 to 5 questions about the subject that this research did not answer.",
    fewest=2,
    most=5,
    longest=200,
    is_factual=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What one researcher found."""

    subtopic: str
    findings: list[str]
    sources: list[str]
    notes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What the report is made of."""

    query: str
    sections: list[Section]  #: their findings carry the numbers of `sources`
    sources: list[str]  #: source n is sources[n - 1]
    gaps: list[str]  #: what the evaluator missed and nobody researched
    evidence: int  #: characters of findings that the model is shown

    @property
    def findings(self) -> list[str]:
        """All findings, in the order of the sections."""
        return [finding for section in self.sections for finding in section.findings]


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
    """Write the report, publish it, and tell the orchestrator."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("run_id")
    arguments.add_argument("query")
    arguments.add_argument("--evidence", type=int, default=6000, help="characters of findings shown to the model")
    arguments.add_argument("--quote", action="store_true", help="put the report together from the findings")
    options = arguments.parse_args()
    store = Store(client := TitanClient(), options.run_id)
    with action("synthesizer", kind="agent") as synthesizer:  # what the stage does stands below it on the run's page
        synthesizer.set_input(options.query)
        sections, gaps = read_sections(store)
        material = gather(options.query, sections, gaps, evidence=options.evidence)
        print(f"[SYNTHESIZER] {len(sections)} sections, {len(material.findings)} findings", flush=True)
        written, notes = (quoted_parts if options.quote else worded_parts)(client, material)
        planner_notes = json.loads(store.get("plan") or "{}").get("notes", [])
        name = client.transport.request_json("GET", "/api/health")["model"]
        made = [f"Run {options.run_id}, model {name}.", *failures(store), *planner_notes, *notes]

        report = as_markdown(material, written, made)
        Path("report.md").write_text(report, encoding="utf-8")
        print(report)
        store.publish("report", "report.md")
        store.put("synth:done", "1")
        synthesizer.set_output(report)


def failures(store: Store) -> Iterator[str]:
    """Yield one line that names what no researcher could find out, when there was such a failure."""
    asked: list[str] = []
    failed: list[str] = []
    iteration = 1
    subtopics: list[str] = json.loads(store.get("plan") or "{}").get("subtopics", [])
    while subtopics:
        done = [store.get(f"researcher:{iteration}:{index}:done") is not None for index in range(len(subtopics))]
        if not any(done):
            break  # the iteration limit came before these
        asked += subtopics
        failed += [subtopic for subtopic, is_done in zip(subtopics, done, strict=True) if not is_done]
        decision = json.loads(store.get(f"eval:{iteration}") or "{}")
        subtopics = decision.get("gaps", [])
        iteration += 1
    if failed:
        yield f"{len(failed)} of {len(asked)} researchers failed: {'; '.join(failed)}. Nothing here is theirs."


def gather(query: str, sections: Sequence[Section], gaps: list[str], *, evidence: int) -> Material:
    """Return the sections with one numbering of all sources; a source that two of them cite has one number."""
    sources: list[str] = []
    merged: list[Section] = []
    for section in sections:
        numbers: dict[str, int] = {}
        for entry in section.sources:
            number, _, source = entry.partition(" ")
            if source not in sources:
                sources.append(source)
            numbers[number] = sources.index(source) + 1
        findings = [_renumbered(finding, numbers) for finding in section.findings]
        merged.append(replace(section, findings=findings))
    return Material(query=query, sections=merged, sources=sources, gaps=gaps, evidence=evidence)


def _renumbered(finding: str, numbers: dict[str, int]) -> str:
    return re.sub(r"\[\d+\]", lambda found: f"[{numbers[found[0]]}]" if found[0] in numbers else "", finding)


# --- parts worded by the model -----------------------------------------------------------------------------


def worded_parts(client: TitanClient, material: Material) -> tuple[dict[Part, list[str]], list[str]]:
    """Return what the model wrote, part by part, and what a reader has to know about it.

    A part whose answer is twice unusable is put together from the findings instead.
    """
    parts = assembled_parts(material, rank(material))
    notes = []
    for part in parts:
        try:
            parts[part] = ask_for(client, part, material)
        except (errors.UnusableAnswer, errors.ModelUnavailable, errors.ModelRefused) as error:
            notes.append(f"{part.title} was put together from the findings; the model's answer: {error.found}.")
    parts[OPEN_QUESTIONS] = different([*missed(material), *parts[OPEN_QUESTIONS]])
    return parts, notes


def ask_for(client: TitanClient, part: Part, material: Material) -> list[str]:
    """Return the model's sentences, bullets, paragraphs or questions for a part.

    Raises:
        UnusableAnswer: the answers were repeated, too few, or not borne out by the findings.
        ModelUnavailable, ModelRefused: as the model's endpoint says.
    """

    def usable(value: dict[str, list[str]]) -> list[str]:
        items = [cited for item in different(value["items"]) if (cited := cite(part, item, material))]
        return items[: part.most]

    def complaints(value: dict[str, list[str]]) -> list[str]:
        count = len(usable(value))
        wanted = "are different" + (" and borne out by the findings" if part.is_factual else "")
        return [] if count >= part.fewest else [f"only {count} of {len(value['items'])} items {wanted}"]

    cited = " Keep the numbers of the sources, such as [1], with what they say." if material.sources else ""
    prompt = f"Question: {material.query}\n\n{_shown(material)}\n\n{part.task} Use only what stands above.{cited}"
    return usable(model.ask(prompt, _schema(part), max_tokens=2048, attempts=2, check=complaints, client=client))


def _schema(part: Part) -> dict[str, object]:
    items = {"type": "string", "minLength": 10, "maxLength": part.longest}
    listed = {"type": "array", "items": items, "minItems": part.fewest, "maxItems": part.most}
    return {"type": "object", "properties": {"items": listed}, "required": ["items"], "additionalProperties": False}


def _shown(material: Material) -> str:
    share = material.evidence // max(1, len(material.sections))
    return "\n\n".join(
        f"{section.subtopic}:\n{' '.join(section.findings) or 'nothing was found'}"[:share]
        for section in material.sections
    )


def cite(part: Part, text: str, material: Material) -> str | None:
    """Return a statement with numbers of sources that exist; None when it is to be factual and is not borne out.

    A statement without a number gets those of the finding that says most of it.
    """
    count = len(material.sources)
    known = re.sub(r"\s*\[(\d+)\]", lambda found: found[0] if 0 < int(found[1]) <= count else "", text)
    words = stems(without_numbers(known))
    findings = {finding: len(words & stems(without_numbers(finding))) for finding in material.findings}
    if not part.is_factual or not findings:
        return known
    if len(words & stems(without_numbers(" ".join(findings)))) < BORNE_OUT * len(words):
        return None
    best = max(findings, key=lambda finding: findings[finding])
    if re.search(r"\[\d+\]", known) or findings[best] < BORNE_OUT * len(words):
        return known
    return known + "".join(f" {number}" for number in re.findall(r"\[\d+\]", best))


# --- parts put together from the findings ------------------------------------------------------------------


def quoted_parts(client: TitanClient, material: Material) -> tuple[dict[Part, list[str]], list[str]]:
    """Return parts made of findings that the model chose, and what a reader has to know about them."""
    ranked = rank(material)
    chosen = choose_findings(client, ranked[:CANDIDATES], material.query)
    parts = assembled_parts(material, [*chosen, *(finding for finding in ranked if finding not in chosen)])
    origin = "the sources' own sentences" if material.sources else "the researchers' statements"
    count = len(chosen) or "none"
    return parts, [f"All parts are put together from {origin}; the model chose {count} of them as most important."]


def rank(material: Material) -> list[str]:
    """Return the different findings, best first.

    A word of the query that better findings hold already counts half as much for each of them, so that the
    first findings together cover all of it.
    """
    frequency = Counter(word for finding in material.findings for word in stems(finding))
    weights = {word: 1 / math.sqrt(frequency[word]) for word in stems(material.query) if frequency[word]}
    covered: Counter[str] = Counter()
    left = different(material.findings)
    ranked: list[str] = []

    def score(finding: str) -> float:
        words = stems(without_numbers(finding))
        weight = math.fsum(weights.get(word, 0.0) * 0.5 ** covered[word] for word in words) / math.sqrt(8 + len(words))
        return (0.01 + weight) * min(1, len(words) / SENTENCE_WORDS)

    while left:
        best = max(left, key=score)
        left.remove(best)
        ranked.append(best)
        covered.update(stems(without_numbers(best)))
    return ranked


def choose_findings(client: TitanClient, candidates: list[str], query: str) -> list[str]:
    """Return the findings that the model copies when asked which answer the query; none when it copies none."""
    listed = "\n".join(f"{n}. {without_numbers(text)}" for n, text in enumerate(candidates, start=1))
    prompt = f"Sentences:\n{listed}\n\nQuestion: {query}\nCopy the three sentences that answer the question best."
    try:
        copied = model.ask(prompt, _schema(replace(SUMMARY, fewest=1)), attempts=2, client=client)["items"]
    except (errors.UnusableAnswer, errors.ModelUnavailable, errors.ModelRefused):
        return []
    said = {pair for statement in copied for pair in pairs(statement)}
    return [candidate for candidate in candidates if is_quoted(candidate, said)][: SUMMARY.most]


def assembled_parts(material: Material, ranked: Sequence[str]) -> dict[Part, list[str]]:
    """Return all five parts, made of the findings by rule alone, the first ones first."""
    key_findings = ranked[SUMMARY.most :] if len(ranked) >= SUMMARY.most + FINDINGS.most else ranked
    return {
        SUMMARY: list(ranked[: SUMMARY.most]),
        FINDINGS: list(key_findings[: FINDINGS.most]),
        DEEP_DIVE: list(paragraphs(material)),
        RECOMMENDATIONS: list(recommendations(material, ranked))[: RECOMMENDATIONS.most],
        OPEN_QUESTIONS: list(open_questions(material)),
    }


def paragraphs(material: Material) -> Iterator[str]:
    """Yield a paragraph for each section, together about 400 words."""
    sections = [section for section in material.sections if section.findings]
    told: list[str] = []
    for section in sections:
        words_left = DEEP_DIVE_WORDS // len(sections)
        said = []
        for finding in section.findings:
            if words_left > 0 and not any(is_same(finding, other) for other in told):
                said.append(finding)
                told.append(finding)
                words_left -= len(finding.split())
        if said:
            yield f"**{section.subtopic}.** {' '.join(said)}"


_ADVICE = re.compile(
    r"(?i)^(?:always|avoid|call|check|choose|give|install|keep|make|name|never|prefer|put|run|see|set|start|stop|try|use"
    r"|write)\b|\b(?:should|must|need to|recommended|prefer|instead of|make sure)\b"
)


def recommendations(material: Material, order: Sequence[str]) -> Iterator[str]:
    """Yield the findings that say what to do, then what to read or to check; at least three if there is anything."""
    advice = [finding for finding in order if _ADVICE.search(finding)]
    yield from advice
    cited = Counter(number for finding in material.findings for number in re.findall(r"\[(\d+)\]", finding))
    for number, _ in cited.most_common(max(0, RECOMMENDATIONS.fewest - len(advice))):
        yield f"Read {material.sources[int(number) - 1]}: much of this report rests on it. [{number}]"
    if not cited:
        yield from (f"Find a source before you rely on this: {finding}" for finding in order[: RECOMMENDATIONS.fewest])


def open_questions(material: Material) -> Iterator[str]:
    """Yield what the research itself shows to be missing; at least one."""
    yield from missed(material)
    for section in material.sections:
        if len(section.findings) < 2:
            yield f"{section.subtopic}: little or nothing was found."
    found = stems(" ".join(material.findings))
    missing = [word for word in re.findall(r"[^\W_]+", material.query) if stems(word) - found]
    if missing:
        yield f"Nothing that was found names: {', '.join(missing)}."
    if material.sources:
        yield "What stands in the passages that were not read? Each researcher read the eight that fit best."
    else:
        yield "Which sources confirm these statements? They come from the model alone, and nothing checked them."


def missed(material: Material) -> Iterator[str]:
    """Yield the evaluator's last gaps: the iteration limit came before them."""
    yield from (f"{gap}: the evaluator missed it, and it was not researched." for gap in material.gaps)


# --- the report --------------------------------------------------------------------------------------------


def as_markdown(material: Material, parts: dict[Part, list[str]], made: Sequence[str]) -> str:
    """Return the report: five parts, the sources they cite, and how it was made."""
    blocks = [f"# {material.query}"]
    if not material.sources:
        blocks.append("> No source was read: what follows is what the model knows, and nothing has checked it.")
    for part, items in parts.items():
        blocks.append(f"## {part.title}\n\n{_laid_out(part, items) or 'The research found nothing to say here.'}")
    body = "\n\n".join(blocks)
    sources = [f"- [{n}] {source}" for n, source in enumerate(material.sources, start=1) if f"[{n}]" in body]
    if sources:
        body += "\n\n## Sources\n\n" + "\n".join(sources)
    notes = [f"{section.subtopic}: {note}" for section in material.sections for note in section.notes]
    return body + "\n\n## How This Report Was Made\n\n" + "\n".join(f"- {note}" for note in (*made, *notes)) + "\n"


def _laid_out(part: Part, items: Sequence[str]) -> str:
    if part is SUMMARY:
        return " ".join(items)
    if part is DEEP_DIVE:
        return "\n\n".join(items)
    if part is RECOMMENDATIONS:
        return "\n".join(f"{number}. {item}" for number, item in enumerate(items, start=1))
    return "\n".join(f"- {item}" for item in items)


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


# --- the same in evaluator and synthesizer -----------------------------------------------------------------


def read_sections(store: Store) -> tuple[list[Section], list[str]]:
    """Return what every researcher published, in their order, and the gaps that nobody researched."""
    sections: list[Section] = []
    iteration = 1
    subtopics: list[str] = json.loads(store.get("plan") or "{}").get("subtopics", [])
    while subtopics:
        count_before = len(sections)
        for index in range(len(subtopics)):
            file = f"result_{iteration}_{index}.txt"
            if store.fetch(f"result:{iteration}:{index}", file):
                sections.append(read_section(Path(file).read_text(encoding="utf-8")))
        if len(sections) == count_before:
            break
        decision = json.loads(store.get(f"eval:{iteration}") or "{}")
        subtopics = decision.get("gaps", [])
        iteration += 1
    return sections, subtopics


def read_section(text: str) -> Section:
    """Return what research_worker.as_text wrote."""
    title, *parts = re.split(r"(?m)^#+ ", text)[1:]
    lists = {name: re.findall(r"(?m)^- (.*)$", body) for name, _, body in (part.partition("\n") for part in parts)}
    return Section(subtopic=title.strip(), findings=lists["Findings"], sources=lists["Sources"], notes=lists["Notes"])


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
