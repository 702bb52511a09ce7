"""What asking a model asks of the outside world, as Protocols; `domain/adapters/models` answers them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from domain.models.likelihood import Token
from domain.models.question import printable

if TYPE_CHECKING:  # it loads numpy, which whoever only reads the registry can do without
    from domain.audio.analysis import NotAnalysed
    from domain.models.windows import Window


class Failure(StrEnum):
    """Why a model gave no answer that can be used."""

    TIMEOUT = "timeout"
    AWAY = "away"  # refused, cut off, or noise
    RESTS = "rests"  # it failed often enough to be left alone, or asked for that
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNAUTHORIZED = "unauthorized"
    BAD_REQUEST = "bad_request"
    INVALID_JSON = "invalid_json"
    CUT_SHORT = "cut_short"
    OFF_SCHEMA = "off_schema"
    REFUSED = "refused"
    LOST = "lost"  # whoever asked died before it was answered


# What is broken in the answer, so that asking once more may mend it.
ILL_FORMED = frozenset({Failure.INVALID_JSON, Failure.CUT_SHORT})
# Nobody knows whether the other side worked, and charged for it.
UNSETTLED = frozenset({Failure.TIMEOUT, Failure.AWAY, Failure.LOST})


@dataclass(frozen=True, kw_only=True)
class Used:
    """Tokens of one call, as the server counted them."""

    text_in: int = 0
    audio_in: int = 0
    out: int = 0


class ModelFailed(Exception):
    """A model gave no answer that can be used. Its text is printable and holds no key and no address.

    after_s: when it may be asked again; None where that would not help. used: what was charged all the same.
    """

    def __init__(
        self, failure: Failure, text: str, *, after_s: float | None = None, used: Used | None = None
    ) -> None:
        text = printable(text)
        super().__init__(f"{failure}: {text}")
        self.failure = failure
        self.text = text
        self.after_s = after_s
        self.used = used


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a model answered. text: JSON, or what holds it; tokens: empty where it tells none."""

    text: str
    tokens: tuple[Token, ...] = ()
    used: Used = Used()
    model: str = ""


class AudioModel(Protocol):
    """A provider's models, asked over a network, behind a timeout and a breaker."""

    @property
    def provider(self) -> str:
        """What the registry calls it: qwen or openai."""
        ...

    @property
    def inside(self) -> bool:
        """Whether what it is sent stays in the house."""
        ...

    async def ask(self, model: str, window: "Window") -> Said:
        """One window, heard by one of the provider's models. Raises ModelFailed."""
        ...


@dataclass(frozen=True)
class Configured:
    """A model that the settings name, by its provider."""

    provider: str
    model: str


@dataclass(frozen=True)
class Models:
    """The models that this process can ask; none unless an endpoint or a key is set.

    policy: off, propose or apply: what is done about a challenger that is found to be better. cut: the
    windows of a file, for whoever has no samples.
    """

    providers: Mapping[str, AudioModel] = field(default_factory=dict)
    configured: tuple[Configured, ...] = ()
    policy: str = "propose"
    cut: "Callable[[Path], Awaitable[tuple[Window, ...] | NotAnalysed]] | None" = None


NO_MODELS = Models()
