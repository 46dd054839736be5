"""The model endpoint in the words of OpenAI's chat completions: requests, answers, their record."""
