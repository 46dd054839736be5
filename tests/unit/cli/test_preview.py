"""The beginning of what was asked and answered, on one line, whatever form it was recorded in."""

import json

import pytest

from titan.cli.views.preview import MOST_CHARACTERS, gist_of

ASKED = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": "Where is\n my order?"},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]},
]
CALL = {"id": "c", "function": {"name": "find", "arguments": '{"order": 1077}'}}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("Where is\n  my order?", "Where is my order?"),
        (ASKED, "Where is my order?"),
        ({"messages": ASKED, "model": "m"}, "Where is my order?"),
        ({"args": [], "kwargs": {"messages": ASKED}}, "Where is my order?"),
        ({"args": [ASKED], "kwargs": {}}, "Where is my order?"),
        ({"args": ["What is LoRA?"], "kwargs": {}}, "What is LoRA?"),
        ({"args": ["lora"], "kwargs": {"limit": 5}}, '{"args": ["lora"], "kwargs": {"limit": 5}}'),
        (["no message", {"role": "user", "content": "one"}], "no message one"),
        ({"args": 7, "kwargs": {}}, '{"args": 7, "kwargs": {}}'),
        ({"choices": [{"message": {"role": "assistant", "content": "It is here."}}]}, "It is here."),
        (
            {"candidates": [{"content": {"role": "model", "parts": [{"text": "It is"}, {"text": "here."}]}}]},
            "It is here.",
        ),
        ({"role": "assistant", "content": [{"type": "image"}, {"type": "text", "text": "Look."}]}, "Look."),
        ({"role": "assistant", "content": None, "tool_calls": [CALL, "odd"]}, 'find({"order": 1077})'),
        ({"role": "assistant", "content": "", "tool_calls": [{"name": "now"}]}, "now()"),
        ({"role": "assistant", "content": None}, ""),
        ([{"role": "assistant", "content": "First."}, {"role": "assistant", "content": "Last."}], "Last."),
        ({"content": "I look."}, "I look."),
        ({"answer": 42}, '{"answer": 42}'),
        ([1, 2], "[1, 2]"),
        (7, "7"),
        (None, ""),
        (" ", ""),
        ({}, "{}"),
        ("a" * 300, "a" * (MOST_CHARACTERS - 1) + "…"),
    ],
)
def test_the_preview_of_a_body_is_its_text(body: object, words: str) -> None:
    assert gist_of(json.dumps(body, ensure_ascii=False)) == words


@pytest.mark.parametrize(
    ("beginning", "words"),
    [
        ('"A long text that brea', "A long text that brea …"),
        ('{"model":"m","messages":[{"role":"user","content":"Why?"},{"role":"assis', "Why? …"),
        ('[{"role":"user","content":"Why?"}', "Why? …"),
        ('[{"role":"system","content":"You are', '[{"role":"system","content":"You are …'),
        ('{"rows":[1,2,', '{"rows":[1,2, …'),
        ("", ""),
        ("[" * 900 + "]" * 900, "[" * (MOST_CHARACTERS - 1) + "…"),
        ("[" * 100_000, "[" * (MOST_CHARACTERS - 1) + "…"),
    ],
)
def test_the_preview_of_a_truncated_body_is_its_complete_text(beginning: str, words: str) -> None:
    assert gist_of(beginning) == words
