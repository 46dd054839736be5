"""What projects of organisations are stored under."""

import pytest

from titan.model.errors import InvalidName
from titan.model.projects import ORGANISATION, beside, name_of_project, organisation_of, project_id_of
from titan.rules.names import check_project


@pytest.mark.parametrize("organisation", [ORGANISATION, "acme", "local.2"])
@pytest.mark.parametrize("name", ["default", "finance/2026", "acme", "Müller & Söhne"])
def test_a_project_is_its_organisation_s_under_its_name(organisation: str, name: str) -> None:
    stored_under = project_id_of(organisation, name)

    assert (organisation_of(stored_under), name_of_project(stored_under)) == (organisation, name)
    assert beside(project_id_of(organisation, "another"), name) == stored_under


def test_projects_of_the_server_s_own_organisation_are_stored_under_their_names() -> None:
    assert project_id_of(ORGANISATION, "finance") == "finance"


def test_no_name_of_a_project_reaches_another_organisation() -> None:
    with pytest.raises(InvalidName, match="printable"):
        check_project(project_id_of("acme", "finance"))
