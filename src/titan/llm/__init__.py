"""Language models behind the port LanguageModel: OpenAI-compatible endpoints, a local, a scripted and a recorded model."""
