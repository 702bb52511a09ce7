"""Qwen2-Audio on an OpenAI-compatible endpoint, as vLLM serves it."""

from domain.adapters.models.chat import Chat, audio_part, first_choice, tokens_of
from domain.models.costs import MOST_OUT
from domain.models.ports import Failure, ModelFailed, Said
from domain.models.question import FUNCTION, SCHEMA, SYSTEM, TEXT
from domain.models.windows import Window


class Qwen:
    """Answers of a schema that the server keeps the model to, with the probabilities of its tokens.

    inside: whether the endpoint is the house's own, so that what it is sent does not leave it.
    """

    provider = "qwen"

    def __init__(self, chat: Chat, *, inside: bool) -> None:
        self.chat = chat
        self.inside = inside

    async def ask(self, model: str, window: Window) -> Said:
        """What the model says of one window. Raises ModelFailed."""
        answer = await self.chat.complete(
            {
                "model": model,
                "temperature": 0,
                "max_completion_tokens": MOST_OUT,
                "logprobs": True,
                "top_logprobs": 1,
                "messages": [
                    {"role": "system", "content": SYSTEM},
                    {"role": "user", "content": [audio_part(window.wav), {"type": "text", "text": TEXT}]},
                ],
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": FUNCTION, "strict": True, "schema": SCHEMA},
                },
            }
        )
        choice, _, used = first_choice(answer)
        content = choice["message"].get("content")
        if not isinstance(content, str):
            raise ModelFailed(Failure.INVALID_JSON, "the answer's message is empty", used=used)
        return Said(text=content, tokens=tokens_of(choice), used=used, model=str(answer.get("model") or ""))
