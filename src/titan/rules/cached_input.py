"""All that went into a model call: sources differ in whether what a cache gave or took is among the input.

OpenAI counts it within, and so do OpenTelemetry's conventions (semantic-conventions, gen-ai spans: "SHOULD include all
types of input tokens, including cached tokens"). Anthropic's and Bedrock's own counts leave it out, and who hands them
on as they are says, for 5,000 tokens from a cache and 100 beside them, an input of 100.
"""


def all_input(
    told: int, cached: int, *, output_tokens: int = 0, total_tokens: int | None = None, is_apart: bool = False
) -> int:
    """Return all input tokens of a call, of which `cached` were read from or written to a cache.

    They are not among those told where the source is known to count them apart (`is_apart`), where they are more than
    those told, and where the total that is told has them besides: all_input(100, 50, total_tokens=150) is 150.
    """
    is_besides = cached > 0 and total_tokens == told + cached + output_tokens
    return told + cached if is_apart or is_besides or cached > told else told
