"""Language models behind one port: any OpenAI-compatible endpoint, a small local one, a scripted one."""
