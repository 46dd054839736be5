"""A graph of langgraph, told of by OpenInference. Where to, and which model, the environment says."""

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.prebuilt import create_react_agent
from openinference.instrumentation import using_attributes
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(compression=Compression.Gzip)))
LangChainInstrumentor().instrument(tracer_provider=provider)


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"sunny in {city}"


model = ChatOpenAI(model="gpt-4o-mini")
agent = create_react_agent(model, [get_weather], name="weather_agent", prompt="Be brief.")
with using_attributes(session_id="session-1", user_id="user-1", tags=["demo"]):
    print(agent.invoke({"messages": [("user", "How is the weather in Paris?")]})["messages"][-1].content)
provider.shutdown()
