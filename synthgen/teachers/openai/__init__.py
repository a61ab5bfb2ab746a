"""The `openai` teacher: OpenAI and every server that speaks its API."""

from synthgen.teachers.openai.teacher import OpenAI

__all__ = ["OpenAI"]
