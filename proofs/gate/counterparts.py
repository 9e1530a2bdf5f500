"""Which claim of the lock a claim of the project is: the one of its name, or that was renamed.

A rule whose target the lock does not have is the one with the same fingerprint that the project no
longer has, or the only one that is gone where it is the only one that is new.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tokenauction.proofs.gate.lock import ClaimKey, Lock


@dataclass(frozen=True)
class Identity:
    """A claim with the fingerprints of its rule and of its property."""

    key: ClaimKey
    fingerprint: str | None
    property_fingerprint: str | None


def counterparts(claims: Sequence[Identity], lock: Lock) -> dict[ClaimKey, ClaimKey]:
    """For every claim that has one, the claim of the lock that it is."""
    targets = renamed_targets(claims, lock)
    found: dict[ClaimKey, ClaimKey] = {}
    for claim in claims:
        old = ClaimKey(targets.get(claim.key.target, claim.key.target), claim.key.property)
        if old in lock:
            found[claim.key] = old
    for claim in claims:
        if claim.key not in found and claim.property_fingerprint is not None:
            target = targets.get(claim.key.target, claim.key.target)
            free = (
                key
                for key in lock
                if key.target == target
                and key not in found.values()
                and lock[key].property_fingerprint == claim.property_fingerprint
            )
            old_name = next(free, None)
            if old_name is not None:
                found[claim.key] = old_name
    return found


def renamed_targets(claims: Iterable[Identity], lock: Lock) -> Mapping[str, str]:
    """For every target that was locked under another name, that name."""
    now = {claim.key.target: claim.fingerprint for claim in claims}
    locked = {key.target: one.fingerprint for key, one in lock.items()}
    new = [target for target in now if target not in locked]
    gone = [target for target in locked if target not in now]
    found: dict[str, str] = {}
    for target in new:
        same = [one for one in gone if now[target] is not None and locked[one] == now[target]]
        if same:
            found[target] = min(same, key=lambda one: one.rpartition("::")[2] != _name(target))
            gone.remove(found[target])
    left = [target for target in new if target not in found]
    if len(left) == 1 and len(gone) == 1 and "+" not in left[0] + gone[0]:
        found[left[0]] = gone[0]
    return found


def _name(target: str) -> str:
    return target.rpartition("::")[2]
