"""A folder of texts becomes passages that can be searched and cited."""

import gzip
import json
from pathlib import Path

import pytest
import research_corpus

HANDBOOK = """# Handbook

Welcome.

## Leases

A lease is good for 10 s.
It is renewed every 3 s.

```
## not a heading
```

## What happens when a worker dies

Its jobs run again.
"""


def headings_and_lines(text: str, name: str = "handbook.md") -> list[tuple[str, int]]:
    """Return heading and first line of each passage."""
    return [(str(passage["heading"]), int(passage["line"])) for passage in research_corpus.split(name, text)]


def test_a_passage_knows_its_heading_and_its_line() -> None:
    assert headings_and_lines(HANDBOOK) == [
        ("Handbook", 3),
        ("Handbook: Leases", 7),
        ("What happens when a worker dies", 16),
    ]


def test_code_in_a_fence_stays_with_its_section() -> None:
    leases = list(research_corpus.split("handbook.md", HANDBOOK))[1]

    assert leases["text"] == "A lease is good for 10 s.\nIt is renewed every 3 s.\n\n```\n## not a heading\n```"


def test_long_sections_become_several_passages_of_at_most_900_characters() -> None:
    paragraph = "word " * 60
    text = "# Long\n\n" + "\n\n".join([paragraph] * 10)

    lengths = [len(str(passage["text"])) for passage in research_corpus.split("long.md", text)]

    assert max(lengths) <= research_corpus.PASSAGE_CHARACTERS
    assert sum(lengths) >= 10 * len(paragraph.strip())


def test_nothing_of_a_text_is_lost() -> None:
    words = [word for word in HANDBOOK.split() if word != "#"]

    passages = " ".join(
        f"{passage['heading']} {passage['text']}" for passage in research_corpus.split("a.md", HANDBOOK)
    )

    assert set(words) - set(passages.replace(":", "").split()) <= {"##"}


def test_code_is_cited_by_its_definitions() -> None:
    code = "import os\n\n\nclass Lease:\n    pass\n\n\ndef renew(lease):\n    return lease\n"

    assert headings_and_lines(code, "lease.py") == [("", 1), ("class Lease", 4), ("def renew", 8)]


def test_a_folder_is_read_without_hidden_files_data_and_binaries(tmp_path: Path) -> None:
    for name, content in {
        "b.md": b"# B\n\ntext\n",
        "a/deep.txt": b"text\n",
        ".hidden.md": b"no\n",
        ".git/config.md": b"no\n",
        "node_modules/x.md": b"no\n",
        "data.json": b"{}",
        "picture.md": b"\x89PNG\0\0",
        "latin.txt": b"J\xf6rg",
        "empty.md": b"",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)

    corpus = research_corpus.read_corpus(tmp_path)

    assert corpus.files == ["b.md", "empty.md", "a/deep.txt"]
    assert sorted(corpus.skipped) == ["data.json", "latin.txt", "picture.md"]
    assert [passage["file"] for passage in corpus.passages] == ["b.md", "a/deep.txt"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match=r"missing': expected a folder of texts"):
        research_corpus.read_corpus(tmp_path / "missing")


def test_a_pack_holds_a_passage_in_each_line() -> None:
    passages = list(research_corpus.split("größe.md", "# Größe\n\nÜber 10 m.\n"))

    packed = research_corpus.pack(research_corpus.Corpus(passages=passages, files=["größe.md"]))

    assert [json.loads(line) for line in gzip.decompress(packed).splitlines()] == passages
