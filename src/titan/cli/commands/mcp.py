"""`titan mcp`: the tools of an agent run's world, for an MCP client that starts a program."""

import os
from typing import Annotated, Final

import typer

from titan.cli.exit_codes import usage_error
from titan.cli.options import EVERYDAY, examples, option

everyday = typer.Typer()

PROXY: Final = "TITAN_PROXY_URL"
TOKEN: Final = "TITAN_RUN_TOKEN"

Proxy = Annotated[str | None, option("--proxy URL", f"The run's proxy; by default {PROXY} of the environment.")]
Token = Annotated[str | None, option("--token TOKEN", f"The run's token; by default {TOKEN} of the environment.")]


@everyday.command(
    epilog=examples("titan mcp --proxy http://127.0.0.1:5000/api/world/runs/eval-1 --token TOKEN"),
    rich_help_panel=EVERYDAY,
)
def mcp(*, proxy: Proxy = None, token: Token = None) -> None:
    """Serve the tools of an agent run's world by MCP on stdin and stdout.

    For agents whose MCP client starts a program; others use streamable HTTP at the proxy's `/mcp`, with the run's token
    as Bearer.
    """
    proxy, token = proxy or os.environ.get(PROXY), token or os.environ.get(TOKEN)
    if not proxy or not token:
        name, option_name = (PROXY, "--proxy") if not proxy else (TOKEN, "--token")
        raise usage_error(option_name, f"a value, or {name} in the environment", "neither")
    import asyncio

    from titan.evaluate.mcp_front import serve_stdio  # the SDK takes half a second to import

    asyncio.run(serve_stdio(proxy, token))
