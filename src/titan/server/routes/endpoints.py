"""Tool endpoints: services that answer the tools of worlds in the mode passthrough."""

from titan.evaluate.definitions import EndpointDefinition
from titan.evaluate.registry import Registry
from titan.model.evaluations import ToolEndpoint
from titan.ports.runs_store import CallReader, CallTransaction
from titan.rules.access import Permission
from titan.server.definitions import check_address, check_slug, read_definition, unknown
from titan.server.http.call import Call
from titan.server.http.route import Routes
from titan.server.views.evaluations import endpoint_view
from titan.wire.base import OkAnswer
from titan.wire.evaluations import EndpointBody, EndpointsAnswer, EndpointView

route = Routes()

_ENDPOINT = "/api/projects/{project}/endpoints/{endpoint}"


@route("PUT " + _ENDPOINT, Permission.EVALUATE)
async def put_endpoint(call: Call, body: EndpointBody) -> EndpointView:
    """Register a tool endpoint, or replace its definition; calls from now on go there."""
    definition = read_definition("definition", body.definition, EndpointDefinition)
    check_slug(call.path("endpoint"))
    check_address(call.caller, definition)

    def act(tx: CallTransaction) -> ToolEndpoint:
        return Registry(tx=tx, project_id=call.project_id).put_endpoint(call.path("endpoint"), definition)[0]

    return endpoint_view(await call.change_runs(act))


@route("GET /api/projects/{project}/endpoints", Permission.SEE_EVALUATED)
def list_endpoints(call: Call, reader: CallReader) -> EndpointsAnswer:
    """List the tool endpoints of a project."""
    return EndpointsAnswer(endpoints=[endpoint_view(one) for one in reader.tool_endpoints(call.project_id)])


@route("DELETE " + _ENDPOINT, Permission.EVALUATE)
def delete_endpoint(call: Call, tx: CallTransaction) -> OkAnswer:
    """Delete a tool endpoint; calls of tools that name it fail from now on."""
    if tx.tool_endpoint(call.project_id, call.path("endpoint")) is None:
        raise unknown("endpoint", call.path("endpoint"), "GET /api/projects/{project}/endpoints lists them.")
    tx.forget_tool_endpoint(call.project_id, call.path("endpoint"))
    return OkAnswer()
