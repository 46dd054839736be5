"""A LangChain model and tool under the callback of agentsentinel-sdk 0.4: `agentsentinel_langchain.py URL KEY`."""

import contextlib
import sys

import agent_sentinel
from agent_sentinel.integrations.langchain import SentinelCallbackHandler
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool

URL, KEY = sys.argv[1:]
USED = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200}


class Scripted(BaseChatModel):
    is_broken: bool = False

    @property
    def _llm_type(self):
        return "scripted"

    def _generate(self, messages, stop=None, run_manager=None, **others):
        if self.is_broken:
            raise RuntimeError("overloaded")
        answer = ChatGeneration(message=AIMessage("blue"))
        return ChatResult(generations=[answer], llm_output={"model_name": "gpt-4o", "token_usage": USED})


@tool
def look_up(word: str) -> str:
    """Look a word up."""
    if word == "missing":
        raise ValueError("no such word")
    return word.upper()


def main():
    agent_sentinel.configure(
        api_key=KEY, platform_url=URL, agent_id="chain", run_id="chain-1", action_budgets={"never": 1.0}
    )
    handler = SentinelCallbackHandler(run_name="sky")
    question = [HumanMessage("Which colour has the sky?")]
    Scripted(callbacks=[handler]).invoke(question)
    with contextlib.suppress(RuntimeError):
        Scripted(is_broken=True, callbacks=[handler]).invoke(question)
    look_up.invoke({"word": "titan"}, config={"callbacks": [handler]})
    with contextlib.suppress(ValueError):
        look_up.invoke({"word": "missing"}, config={"callbacks": [handler]})
    agent_sentinel.flush()


main()
