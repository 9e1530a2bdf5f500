"""Random numbers that NumPy and torch, host and device, all make alike, from a seed and a counter.

A transcript can be audited only if whoever audits it gets the same numbers as the run got, on
whatever machine. So the generator is a function, not a state: SplitMix64 (Steele, Lea, Flood,
OOPSLA 2014) of a key and a position, in wrapping 64-bit integers. The key is a hash of the seed,
the step, and what the numbers are for. A seed is committed to before the text is known
(`commitment`), and each step can be opened on its own.
"""

import hashlib
import re
import secrets
from typing import Any

from array_api_compat import array_namespace, device

_GAMMA, _FIRST, _SECOND = (
    value - (1 << 64) if value >> 63 else value
    for value in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def fresh_seed() -> int:
    """A seed from the system's randomness."""
    return secrets.randbits(63)


def fresh_nonce() -> str:
    """Sixteen random bytes in hexadecimal, which keep a committed seed from being guessed."""
    return secrets.token_hex(16)


def checked_nonce(nonce: str) -> str:
    """A nonce that somebody chose, in small letters; raises ValueError.

    >>> checked_nonce("00112233445566778899AABBCCDDEEFF")
    '00112233445566778899aabbccddeeff'
    """
    if not re.fullmatch("[0-9a-fA-F]{32}", nonce):
        raise ValueError(f"a nonce is 32 hexadecimal digits (16 bytes), not {nonce!r}")
    return nonce.lower()


def commitment(secret: str, nonce: str) -> str:
    """What is published of a secret, and opened by the secret and the nonce later.

    >>> commitment("7", "00") == commitment("7", "00") != commitment("8", "00")
    True
    """
    return _digest(f"tokenauction commitment {secret} {nonce}")


def step_secret(seed: int, step: int) -> str:
    """All the randomness of one step of a run, 256 bits in hexadecimal.

    It can be shown, for that step to be settled again, without showing that of any other.

    >>> step_secret(1, 0) != step_secret(1, 1) != step_secret(2, 1)
    True
    """
    return _digest(f"tokenauction step {seed} {step}")


def key(secret: str, purpose: str) -> int:
    """The key of the numbers that a step draws for one purpose, a signed 64-bit int.

    >>> key(step_secret(1, 0), "token") != key(step_secret(1, 0), "price")
    True
    """
    return int.from_bytes(bytes.fromhex(_digest(f"{secret} {purpose}"))[:8], "big", signed=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def uniforms(of: int, count: int, like: Any) -> Any:
    """So many numbers in the open unit interval, float64, shape (count,), where `like` lives.

    >>> import numpy as np
    >>> numbers = uniforms(key(step_secret(1, 0), "token"), 1000, np.zeros(1))
    >>> bool((numbers > 0).all() and (numbers < 1).all()), abs(float(numbers.mean()) - 0.5) < 0.03
    (True, True)
    """
    xp = array_namespace(like)
    state = xp.arange(1, count + 1, dtype=xp.int64, device=device(like)) * _GAMMA + of
    state = (state ^ _shifted(state, 30)) * _FIRST
    state = (state ^ _shifted(state, 27)) * _SECOND
    # 52 bits and a half: with 53 the largest number would be rounded to one.
    bits = _shifted(state ^ _shifted(state, 31), 12)
    return (xp.astype(bits, xp.float64) + 0.5) * 2.0**-52


def _shifted(words: Any, places: int) -> Any:
    """A logical shift to the right of signed words."""
    return (words >> places) & ((1 << (64 - places)) - 1)
