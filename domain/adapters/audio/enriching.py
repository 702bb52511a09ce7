"""Analyses sound for jobs, in processes of the pool; nothing is loaded or started before it is asked."""

import asyncio
import dataclasses
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from domain.audio.analysis import Analysis, NotAnalysed

if TYPE_CHECKING:
    from domain.adapters.audio.orders import Settings
    from domain.adapters.audio.pool import Pool

# What a part is worked out from beside the samples: with another version of that, it is another version too.
RESTS_ON = {"tempo": ("tagged",), "heuristics": ("loudness", "tempo")}


class Analysing:
    """The analyser of a worker process. at_once: how many files it takes at the same time.

    sample_rate_hz, threshold, gpu, weights: as `domain.adapters.audio.analyse.Settings` has them.
    """

    def __init__(
        self,
        at_once: int | None = None,
        *,
        sample_rate_hz: int = 44_100,
        threshold: float = 0.7,
        weights: Path | None = None,
        gpu: bool = False,
    ) -> None:
        """Processes for half of the processors unless said: requests are served on the same machine."""
        self.at_once = at_once or max(1, (os.cpu_count() or 2) // 2)
        self._sample_rate_hz = sample_rate_hz
        self._threshold = threshold
        self._weights = weights
        self._gpu = gpu
        self._lock = Lock()
        self._pool: Pool | None = None

    @property
    def versions(self) -> Mapping[str, str]:
        """The parts of an analysis that can be made now, and by which version.

        A version says what the part rests on and how it was set, so that whatever changes there is analysed
        again, and nothing else.
        """
        from domain.adapters.audio.analyse import VERSIONS

        own = dict(VERSIONS)
        if not self._tags():
            own.pop("tagged", None)
        if "tempo" in own:
            own["tempo"] += f", sure from {self._threshold:g} on"
        return {part: _whole(part, own) for part in own}

    async def analyse(self, path: Path, parts: frozenset[str]) -> Analysis | NotAnalysed:
        """These parts of an analysis of one file, or the finding why there is nothing.

        What they rest on is made with them.
        """
        versions = self.versions
        wanted = frozenset(_with_bases(parts, versions))
        found = await asyncio.to_thread(self._opened().analyse, path, wanted)
        if isinstance(found, NotAnalysed):
            return found
        made = {part: versions[part] for part in found.models if part in versions}
        return dataclasses.replace(found, models=made)

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()

    def _tags(self) -> bool:
        """Whether the taggers' weights are there."""
        from domain.adapters.audio.weights import Weights

        return self._weights is not None and not Weights(self._weights).absent()

    def _settings(self) -> "Settings":
        from domain.adapters.audio.orders import Settings

        return Settings(
            sample_rate_hz=self._sample_rate_hz,
            bpm_confidence_threshold=self._threshold,
            weights=str(self._weights) if self._weights else "",
            gpu=self._gpu,
        )

    def _opened(self) -> "Pool":
        from domain.adapters.audio.pool import Pool

        with self._lock:
            if self._pool is None:
                self._pool = Pool(self.at_once, settings=self._settings())
            return self._pool


def can_analyse() -> bool:
    """Whether what decodes sound is installed; cloud functions that take messages in do without it."""
    return find_spec("av") is not None


def _whole(part: str, own: Mapping[str, str]) -> str:
    """The version of a part with those of what it rests on."""
    below = [_whole(base, own) for base in RESTS_ON.get(part, ()) if base in own]
    return own[part] + (f" ({'; '.join(below)})" if below else "")


def _with_bases(parts: frozenset[str], there: Mapping[str, str]) -> set[str]:
    """The parts, and whatever they rest on."""
    whole = {part for part in parts if part in there}
    for part in parts:
        whole |= _with_bases(frozenset(RESTS_ON.get(part, ())), there)
    return whole
