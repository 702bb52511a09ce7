"""Seals kept answers that hold a secret, and partners' secrets, so that the database alone tells no one."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.ports import SealBroken

_NONCE_BYTES = 12
_KEY_BYTES = 32


class AnswerSealer:
    """AES-256-GCM under a key derived from the house's secret (HKDF, RFC 5869); a nonce at random for each.

    At random is safe here: a key would have to seal some four thousand million answers before two of their
    nonces were likely to meet, and answers are kept for seven days; partners' secrets are few.
    """

    def __init__(self, secret: bytes) -> None:
        derived = HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"catalograph kept answers").derive(secret)
        self._cipher = AESGCM(derived)

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        """Nonce, ciphertext and tag."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, bound_to)

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """What was sealed under the same words. Raises SealBroken."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to)
        except (InvalidTag, ValueError):
            raise SealBroken("these bytes were not sealed by this key, or not for this") from None
