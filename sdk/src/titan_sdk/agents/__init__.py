"""`titan_sdk.agent`: serve a function as an agent over HTTP, and call the tools of its world.

@titan_sdk.agent
def run(task, *, proxy_url, run_token):
    order = titan_sdk.agent.tools.call("get_order", order_id="O1")
    titan_sdk.agent.trace("thinking", "It has not left yet.")
    return f"Your order is {order['status']}."

if __name__ == "__main__":
    titan_sdk.agent.serve(port=8700)
"""

from __future__ import annotations

from titan_sdk.agents.run_proxy import Tools, acting_as, trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from contextlib import AbstractContextManager
    from typing import Any, TypeVar, overload

    from titan_sdk.agents.serving import AgentServer

    F = TypeVar("F", bound=Callable[..., Any])


class AgentApi:
    """See `titan_sdk.agent`."""

    def __init__(self) -> None:
        self._functions: dict[str, Callable[..., Any]] = {}
        #: The tools of the current run: `call(name, **args)` and `list()`.
        self.tools = Tools()
        #: An ASGI application; its token is TITAN_AGENT_TOKEN.
        self.app = _application(self._functions)

    if TYPE_CHECKING:

        @overload
        def __call__(self, function: F, /) -> F: ...
        @overload
        def __call__(self, name: str, /) -> Callable[[F], F]: ...

    def __call__(self, named: Any, /) -> Any:
        """Register a function `run(task, *, proxy_url, run_token)` as an agent, and return it unchanged.

        It returns a text, or an object with `final_response`, and optionally `messages` and `metadata`. It may be a
        coroutine function. Several agents are served at `/{name}`, a single one at any path.

        Raises:
            TypeError: the decorated object is no function.
        """
        if isinstance(named, str):
            return lambda function: self._added(named, function)
        return self._added(getattr(named, "__name__", ""), named)

    def trace(self, event_type: str, payload: Any) -> None:
        """Add an event to the current run, visible at once; a text becomes the payload's `text`.

        `event_type` is one of assistant_message, thinking, system_prompt, handoff, subagent_message, subagent_final and
        custom.

        Raises:
            ValueError: there is no such type of event.
        """
        trace(event_type, payload)

    def acting_as(self, actor: str) -> AbstractContextManager[None]:
        """Attribute the calls and events of a block to a sub-agent: "triage", or below another "triage/refunds"."""
        return acting_as(actor)

    def serve(self, *, port: int = 8700, host: str = "127.0.0.1", token: str | None = None) -> None:
        """Serve the agents until Ctrl-C.

        Args:
            port: 0 for any free one; the address is printed.
            host: one that other machines can reach needs a token.
            token: required as `Authorization: Bearer …`; by default TITAN_AGENT_TOKEN.

        Raises:
            InvalidInput: no function is an agent, or a token is missing.
            OSError: the port is taken.
        """
        with self.server(port=port, host=host, token=token) as server:
            names = ", ".join(server.agents)
            print(f"titan_sdk: {names} at http://{host}:{server.server_address[1]}", flush=True)
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                return

    def server(self, *, port: int = 0, host: str = "127.0.0.1", token: str | None = None) -> AgentServer:
        """Return a listening `socketserver` of the agents; call its `serve_forever()`. See `serve`."""
        from titan_sdk.agents.serving import AgentServer, token_of

        return AgentServer(dict(self._functions), host, port, token=token_of(token))

    def _added(self, name: str, function: Any) -> Any:
        if not callable(function) or isinstance(function, type):
            raise TypeError(
                f"@titan_sdk.agent: expected a function run(task, *, proxy_url, run_token); found {function!r}"
            )
        self._functions[name] = function
        return function


def _application(functions: Mapping[str, Callable[..., Any]]) -> Callable[[Any, Any, Any], Coroutine[Any, Any, None]]:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # a function: uvicorn takes no bound method for ASGI 3
        from titan_sdk.agents.serving import asgi, token_of

        await asgi(functions, scope, receive, send, token=token_of(None))

    return app


agent = AgentApi()
