"""What is similar to a recording, worked out slowly: every vector compared in Python, after the row rule."""

import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.access.viewer import Viewer
from domain.ports import Sql
from tests.access_rows.reference import Row, Rows

# The wheel, written out: what stands beside what.
MINOR = ["Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#"]
MAJOR = ["B", "F#", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E"]
WHEEL = {f"{n} minor": (i + 1, "A") for i, n in enumerate(MINOR)} | {
    f"{n} major": (i + 1, "B") for i, n in enumerate(MAJOR)
}
PARTS = {"same": 1.0, "relative": 0.9, "up": 0.8, "down": 0.8, "none": 0.0, None: None}

Given = Mapping[str, Any]


@dataclass
class Heard:
    """Everything that was heard in a database, and who may see the recordings."""

    rows: Rows
    vectors: dict[uuid.UUID, list[Row]]
    features: dict[uuid.UUID, list[Row]]

    @classmethod
    async def load(cls, sql: Sql, rows: Rows | None = None) -> "Heard":
        """All of a database."""
        made = cls(rows or await Rows.load(sql), {}, {})
        for row in await sql.fetch("select *, vector::text as numbers from embedding"):
            numbers = json.loads(row["numbers"]) if row["numbers"] else None
            made.vectors.setdefault(row["entity_id"], []).append({**dict(row), "numbers": numbers})
        for row in await sql.fetch("select * from audio_feature"):
            made.features.setdefault(row["recording_id"], []).append(dict(row))
        return made

    def answer(self, viewer: Viewer, id: uuid.UUID, first: int, given: Given, *, mix: bool) -> Any:
        """The answer as a dictionary; None where the recording may not be seen. Hits name recordings' ids."""
        own = next((row for row in self.rows.tables["recording"] if row["id"] == id), None)
        if own is None or not self.rows.sees(viewer, "recording", own):
            return None
        vector = max(
            (v for v in self.vectors.get(id, []) if v["made_of"] == "sound"),
            key=lambda v: (v["made_at"], v["id"]),
            default=None,
        )
        others = [
            row
            for row in self.rows.tables["recording"]
            if row["id"] != id and self.rows.sees(viewer, "recording", row)
        ]
        hits = []
        for row in others:
            sound = self.sound(vector, row["id"])
            if (mix or sound is not None) and self.passes(viewer, own, row, given, mix=mix):
                hits.append(self.hit(own, row, sound, given.get("tempoWithin") or 6.0, mix=mix))
        hits.sort(key=lambda hit: (-hit["exact"], hit["recording_id"]))
        reason = self.reason(own, vector, others, given, found=bool(hits), mix=mix)
        of = vector or dict.fromkeys(("model", "model_version", "dimensions", "made_at"))
        return {
            "recording_id": id,
            "is_comparable": reason is None,
            "reason": reason,
            **{name: of[name] for name in ("model", "model_version", "dimensions", "made_at")},
            "hits": hits[:first],
        }

    def reason(
        self, own: Row, vector: Row | None, others: list[Row], given: Given, *, found: bool, mix: bool
    ) -> str | None:
        """Why nothing can be compared."""
        if not mix and vector is None:
            return "no_embedding"
        if not mix and vector is not None and vector["numbers"] is None:
            return str(vector["reason"])
        if (mix or given.get("mixable") or given.get("tempoWithin")) and self.tempo(own["id"]) is None:
            return "no_tempo"
        if (mix or given.get("mixable") or given.get("keyCompatible")) and self.place(own["id"]) is None:
            return "no_key"
        if mix or found or any(self.sound(vector, row["id"]) is not None for row in others):
            return None
        heard = any(
            v["made_of"] == "sound" and v["numbers"]
            for row in others
            for v in self.vectors.get(row["id"], [])
        )
        return "other_version" if heard else "nothing_else"

    def sound(self, vector: Row | None, id: uuid.UUID) -> float | None:
        """The cosine of two recordings' vectors."""
        if vector is None or vector["numbers"] is None:
            return None
        space = ("made_of", "model", "model_version", "dimensions")
        for other in self.vectors.get(id, []):
            if other["numbers"] and all(other[name] == vector[name] for name in space):
                a, b = vector["numbers"], other["numbers"]
                lengths = math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b))
                return math.fsum(x * y for x, y in zip(a, b, strict=True)) / lengths
        return None

    def measured(self, id: uuid.UUID, name: str) -> Row | None:
        """A figure of a recording."""
        return next((f for f in self.features.get(id, []) if f["name"] == name), None)

    def tempo(self, id: uuid.UUID) -> float | None:
        """Beats a minute."""
        found = self.measured(id, "tempo_bpm")
        return found["number"] if found and found["number"] and found["number"] > 0 else None

    def place(self, id: uuid.UUID) -> tuple[int, str] | None:
        """The place on the wheel."""
        found = self.measured(id, "key")
        return WHEEL.get(found["text"] or "") if found else None

    def hit(self, own: Row, row: Row, sound: float | None, within: float, *, mix: bool) -> dict[str, Any]:
        """One that was found, and its parts."""
        mine, theirs, place = self.tempo(own["id"]), self.tempo(row["id"]), self.place(row["id"])
        ratio, shift = None, None
        if mine and theirs:
            shifts = {name: 100 * (mine * of / theirs - 1) for name, of in (("1", 1), ("1/2", 0.5), ("2", 2))}
            ratio = min(shifts, key=lambda name: (abs(shifts[name]), name))
            shift = shifts[ratio]
        relation = self.relation(self.place(own["id"]), place)
        tempo = None if shift is None else max(0.0, 1 - abs(shift) / within)
        key = PARTS[relation]
        exact = sound
        if mix:
            assert key is not None
            assert tempo is not None
            exact = 0.4 * key + 0.3 * tempo + 0.3 * max(sound or 0.0, 0.0)
        assert exact is not None
        return {
            "exact": exact,
            "recording_id": row["id"],
            "similarity": round(exact, 4),
            "sound": None if sound is None else round(sound, 4),
            "tempo": None if tempo is None else round(tempo, 4),
            "key": key,
            "tempo_bpm": None if theirs is None else round(theirs, 4),
            "tempo_ratio": ratio,
            "tempo_shift_percent": None if shift is None else round(shift, 4),
            "camelot": f"{place[0]}{place[1]}" if place else None,
            "key_relation": relation,
        }

    @staticmethod
    def relation(own: tuple[int, str] | None, other: tuple[int, str] | None) -> str | None:
        """How one key stands to another."""
        if own is None or other is None:
            return None
        if own == other:
            return "same"
        if own[0] == other[0]:
            return "relative"
        if own[1] != other[1]:
            return "none"
        return {1: "up", 11: "down"}.get((other[0] - own[0]) % 12, "none")

    def passes(self, viewer: Viewer, own: Row, row: Row, given: Given, *, mix: bool) -> bool:
        """Whether a recording meets a filter."""
        ratios = (1.0,) if given.get("halfDouble") is False else (1.0, 2.0, 0.5)
        mixable = mix or bool(given.get("mixable"))
        mine, theirs, place = self.tempo(own["id"]), self.tempo(row["id"]), self.place(row["id"])
        tests = []
        if mixable or given.get("tempoWithin"):
            within = given.get("tempoWithin") or 6.0
            near = mine and theirs and any(abs(mine * r / theirs - 1) * 100 <= within for r in ratios)
            tests.append(bool(near))
        if given.get("tempoMin") is not None or given.get("tempoMax") is not None:
            low, high = given.get("tempoMin") or 0, given.get("tempoMax") or 1_000
            tests.append(bool(theirs and any(low <= theirs * r <= high for r in ratios)))
        if mixable or given.get("keyCompatible"):
            tests.append(self.relation(self.place(own["id"]), place) in ("same", "relative", "up", "down"))
        if given.get("key") is not None:
            tests.append(place is not None and place in {WHEEL[name] for name in given["key"]})
        if given.get("genre") is not None:
            heard = [f["text"] for f in self.features.get(row["id"], []) if f["name"] == "genre"]
            had = {text.lower() for text in (*row["genres"], *heard) if text}
            tests.append(bool(had & {text.lower() for text in given["genre"]}))
        if given.get("yearFrom") is not None or given.get("yearTo") is not None:
            year = self.year(viewer, row)
            low, high = given.get("yearFrom") or 0, given.get("yearTo") or 9_999
            tests.append(year is not None and low <= year <= high)
        return all(tests)

    def year(self, viewer: Viewer, row: Row) -> int | None:
        """When it was recorded, else the P-line's year, else that of the first release."""
        if row["recording_date"]:
            return int(row["recording_date"][:4])
        if row["p_line_year"] is not None:
            return int(row["p_line_year"])
        releases = {one["id"]: one for one in self.rows.tables["release"]}
        years = []
        for track in self.rows.tables["track"]:
            if track["recording_id"] == row["id"] and self.rows.sees(viewer, "track", track):
                release = releases[track["release_id"]]
                date = release["original_release_date"] or release["release_date"]
                if date and self.rows.sees(viewer, "release", release):
                    years.append(int(date[:4]))
        return min(years, default=None)
