"""Which tenth of the subjects the challenger answers: by a hash of the subject, so that it stays the same."""

import hashlib
import uuid

CHALLENGER_SHARE = 0.10
_SPACE = 1 << 64


def asks_challenger(subject_id: uuid.UUID, share: float = CHALLENGER_SHARE, salt: str = "labels") -> bool:
    """Whether a subject is of the challenger's share. Nothing but the subject's id and the salt decides.

    A larger share holds every subject of a smaller one. Another salt draws another share.
    """
    digest = hashlib.sha256(f"{salt}:{subject_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * _SPACE
