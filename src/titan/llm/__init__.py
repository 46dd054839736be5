"""Language models behind the port LanguageModel: OpenAI-compatible, local, scripted and recorded."""
