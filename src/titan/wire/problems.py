"""The body of every refusal."""

from msgspec import Struct


class Problem(Struct, kw_only=True):
    """What went wrong, for people and programs."""

    type: str
    message: str
    subject: str = ""
    expected: str = ""
    found: str = ""
    next_step: str = ""


class ProblemAnswer(Struct, kw_only=True):
    """The body of every answer from 400 on."""

    error: Problem
