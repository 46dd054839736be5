"""Words of routes that stand where an id may: a run called so has to be written with an escape (docs/guide/http.md)."""

from titan.server.http.table import ROUTES


def test_one_word_alone_is_in_the_way_of_an_id_that_people_choose() -> None:
    paths = {route.path for route in ROUTES}

    in_the_way = {
        word for word in paths for path in paths if word != path and could_be(path.split("/"), word.split("/"))
    }

    assert in_the_way - {"/api/workers/local"} == {"/api/v1/runs/export"}  # a worker's id is made for it


def could_be(pattern: list[str], path: list[str]) -> bool:
    """Return whether a path is one of the pattern's, with some id in it."""
    return len(pattern) == len(path) and all(
        of_pattern.startswith("{") or of_pattern == part for of_pattern, part in zip(pattern, path, strict=True)
    )
