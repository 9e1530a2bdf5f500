"""The terms of an auction by name, their fingerprint, and those that a transcript names.

The names of rules and payments are those of `verify`.
"""

from collections.abc import Mapping
from typing import Any

from tokenauction.mechanisms import (
    AggregationRule,
    Mechanism,
    OpinionPool,
    PaymentRule,
)
from tokenauction.mechanisms.auction import CRITICAL_BID, NO_PAYMENT, Terms
from tokenauction.proofs.loading import CannotLoad, load_payment, load_targets
from tokenauction.proofs.targets import part_of


def terms_of(rule: str, payment: str, sampling: str | None, expected: bool) -> Terms:
    """Terms by name: `linear`, `cap(highest=2)`, `file.py::name`; `critical-bid`, `pay-your-bid`.

    A mechanism brings its payment with it. Without a sampling, stable sampling for linear pools and
    the race for other rules. Raises CannotLoad.

    >>> terms_of("log-linear", "critical-bid", None, True).sampling
    'race'
    """
    target = _one_target(rule)
    paid: PaymentRule | str
    if isinstance(target, Mechanism):
        if payment != CRITICAL_BID:
            raise CannotLoad(
                f"{rule} has a payment of its own: leave {payment} out, or name a rule"
            )
        function, paid = target.rule, target.payment
    else:
        function, paid = target, _payment(rule, payment)
    linear = isinstance(function, OpinionPool) and not function.logarithmic
    try:
        return Terms(function, paid, sampling or ("stable" if linear else "race"), expected)
    except TypeError as problem:
        raise CannotLoad(str(problem)) from None


def rule_of(name: str) -> AggregationRule:
    """A rule by name, where nobody pays by it; raises CannotLoad for one that has a payment.

    >>> rule_of("cap(highest=2)").label
    'cap(highest=2)'
    """
    terms = terms_of(name, CRITICAL_BID, "race", False)
    if isinstance(terms.payment, PaymentRule):
        raise CannotLoad(
            f"{name} has the payment {terms.payment_label}, and a rule alone is needed here: "
            f"leave the payment out ({terms.rule.label})"
        )
    return terms.rule


def _one_target(rule: str) -> AggregationRule | Mechanism:
    found = load_targets([rule])
    if len(found) != 1:
        names = ", ".join(one.name for one in found)
        raise CannotLoad(f"{rule} has several rules ({names}): name one, as {rule}::NAME")
    return found[0]


def _payment(rule: str, payment: str) -> PaymentRule | str:
    """The payment of a rule that has been found."""
    if payment in (CRITICAL_BID, NO_PAYMENT):
        return payment
    try:
        return load_payment(payment, beside=part_of(rule).path)
    except CannotLoad as problem:
        more = "" if "::" in payment else f"; or {CRITICAL_BID}, or {NO_PAYMENT}"
        raise CannotLoad(f"{problem}{more}") from None


def fingerprint_of_terms(terms: Terms) -> str | None:
    """A digest of what the rules of an auction compute; None where one cannot be traced."""
    from tokenauction.proofs.examination import Examined, fingerprint

    return fingerprint([Examined(function) for function in terms.functions])


def terms_of_transcript(header: Mapping[str, Any], rule: str | None, payment: str | None) -> Terms:
    """The terms that a transcript names, or those that the auditor names instead.

    A file that a transcript names is not run: the auditor has to name it. Raises CannotLoad, and
    ValueError for a rule that computes something else than the one that ran.
    """
    known = header.get("identity") or {}
    named = rule or known.get("rule") or str(header["rule"]).replace("_", "-")
    charged = payment or known.get("payment") or str(header["payment"]).replace("_", "-")
    for given, name, option in ((rule, named, "--rule"), (payment, charged, "--payment")):
        if given is None and (".py" in name or "::" in name):
            raise CannotLoad(f"the transcript names {name}; to run that file, give {option} {name}")
    terms = terms_of(named, charged, str(header["sampling"]), bool(header["expected"]))
    _check_fingerprint(header, terms, (rule, payment))
    return terms


def _check_fingerprint(
    header: Mapping[str, Any], terms: Terms, named: tuple[str | None, str | None]
) -> None:
    """That the terms compute what ran, where the transcript says what that was."""
    recorded = (header.get("identity") or {}).get("fingerprint")
    found = fingerprint_of_terms(terms) if recorded else None
    if recorded == found:
        return
    ran = f"{header['rule']}, {header['payment']}, fingerprint {recorded}"
    if named == (None, None):
        raise ValueError(
            f"{terms.rule.label} computes something else now than when the transcript was written "
            f"({ran})"
        )
    what = " and ".join(
        f"{option} {name}"
        for option, name in zip(("--rule", "--payment"), named, strict=True)
        if name
    )
    raise ValueError(
        f"the transcript was written under another rule or payment ({ran}) than {what} "
        f"(fingerprint {found})"
    )
