"""OpenAI's audio models. They take no schema for the answer, so the call of a function is forced instead.

Whether they tell log-probabilities with audio is nowhere said; they are not asked for.
"""

from typing import Any

from domain.adapters.models.chat import Chat, audio_part, first_choice
from domain.models.costs import MOST_OUT
from domain.models.ports import Failure, ModelFailed, Said
from domain.models.question import FUNCTION, SCHEMA, SYSTEM, TEXT
from domain.models.windows import Window


class OpenAI:
    """Answers as the arguments of a function. inside: where the endpoint is the house's own."""

    provider = "openai"

    def __init__(self, chat: Chat, *, inside: bool) -> None:
        self.chat = chat
        self.inside = inside

    async def ask(self, model: str, window: Window) -> Said:
        """What the model says of one window. Raises ModelFailed."""
        about = {"name": FUNCTION, "description": "Takes the labels of the recording.", "parameters": SCHEMA}
        answer = await self.chat.complete(
            {
                "model": model,
                "modalities": ["text"],
                "max_completion_tokens": MOST_OUT,
                "messages": [
                    {"role": "system", "content": SYSTEM},
                    {"role": "user", "content": [audio_part(window.wav), {"type": "text", "text": TEXT}]},
                ],
                "tools": [{"type": "function", "function": about}],
                "tool_choice": {"type": "function", "function": {"name": FUNCTION}},
            }
        )
        choice, _, used = first_choice(answer)
        arguments = _arguments(choice["message"].get("tool_calls"))
        if arguments is None:
            raise ModelFailed(Failure.INVALID_JSON, f"the answer calls no function {FUNCTION}", used=used)
        return Said(text=arguments, used=used, model=str(answer.get("model") or ""))


def _arguments(calls: Any) -> str | None:
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and function.get("name") == FUNCTION:
            arguments = function.get("arguments")
            return arguments if isinstance(arguments, str) else None
    return None
