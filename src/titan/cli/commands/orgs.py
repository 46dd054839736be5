"""`titan orgs`: the organisations that a server has."""

from typing import Annotated

from titan.cli.options import Answer, argument, asks, noun
from titan.cli.server import Server, read
from titan.cli.terminal import Column, Columns, remark, say, show_table
from titan.cli.views.formats import moment
from titan.wire.server import NewOrganisationAnswer, OrganisationsAnswer, OrganisationView

app = noun("List and create organisations.")

_COLUMNS: Columns[OrganisationView] = (
    Column("ORGANISATION", lambda one, _: one.name),
    Column("MEMBERS", lambda one, _: str(one.members), is_right=True),
    Column("MADE", lambda one, at: moment(one.created_at, now=at) if one.created_at else "–"),
)


@asks(app, "titan orgs", "titan orgs list --json | jq -r '.data[].name'", name="list")
def list_organisations(titan: Server) -> Answer:
    """List organisations: all for who operates the server, else the token's own. MEMBERS counts tokens of people."""
    answer = titan.get("api", "v1", "organisations")
    return Answer(answer, lambda: show_table(_COLUMNS, read(answer, OrganisationsAnswer).data))


@asks(app, "titan orgs create acme", name="create")
def create(titan: Server, name: Annotated[str, argument("NAME", "What it is called: a slug.")]) -> Answer:
    """Make an organisation, and write the token of its first owner to stdout: it is shown this once."""
    answer = titan.post("api", "v1", "organisations", body={"name": name})
    made = read(answer, NewOrganisationAnswer)

    def show() -> None:
        say(made.owner.token)
        remark(f"Token {made.owner.token_id} of the owner of '{made.name}'. Keep it now: it is shown this once.")

    return Answer(answer, show)
