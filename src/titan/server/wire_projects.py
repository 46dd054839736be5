"""The values of the wire about projects."""

from typing import Annotated

from msgspec import Meta, Struct


class ProjectView(Struct, kw_only=True):
    """A project."""

    name: str
    keeps_content: Annotated[bool, Meta(description="Whether inputs and outputs are stored of runs that begin now.")]


class ProjectsAnswer(Struct, kw_only=True):
    """GET /api/v1/projects, by name."""

    data: list[ProjectView]
