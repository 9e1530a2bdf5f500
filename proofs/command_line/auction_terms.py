"""The terms of an auction by name, their fingerprint, and those that a transcript names.

The names of rules and payments are those of `verify`.
"""

import shlex
from collections.abc import Mapping
from typing import Any, Final

from tokenauction.mechanisms import (
    CATALOGUE,
    PAYMENTS,
    AggregationRule,
    Mechanism,
    OpinionPool,
    PaymentRule,
)
from tokenauction.mechanisms.auction import CRITICAL_BID, NO_PAYMENT, Terms
from tokenauction.proofs.loading.files import CannotLoad
from tokenauction.proofs.loading.named import load_payment, load_targets
from tokenauction.proofs.loading.targets import part_of

# The rule that each shipped payment rule is about; `pay-your-bid` is about none.
MADE_FOR: Final = {
    "second-price": "linear",
    "vcg-linear": "linear",
    "vcg-log-linear": "log-linear",
}


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


def note_on(terms: Terms, rule: str, payment: str) -> str | None:
    """What to know of a payment that was made for another rule; None where there is nothing.

    `rule` and `payment` are the names that the terms were made from.
    """
    for name, belongs_to in MADE_FOR.items():
        if isinstance(terms.payment, PaymentRule) and (
            terms.payment.function is PAYMENTS[name].function
        ):
            if _computes(terms.rule, CATALOGUE[belongs_to]):
                return None
            pair = rule if isinstance(_one_target(rule), Mechanism) else f"{rule}+{payment}"
            return (
                f"{name} was made for the rule {belongs_to}; with {terms.rule.label} it is charged "
                f"all the same, and means nothing in particular: tokenauction verify "
                f"{shlex.quote(pair)} says which incentives the two have."
            )
    return None


def _computes(rule: AggregationRule, shipped: AggregationRule) -> bool:
    """Whether a rule is known to be a shipped one, whatever it is called."""
    from tokenauction.proofs.core.faithfulness.examination import Examined, fingerprint

    if rule.function is shipped.function:
        return True
    found = fingerprint([Examined(rule)])
    return found is not None and found == fingerprint([Examined(shipped)])


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
    from tokenauction.proofs.core.faithfulness.examination import Examined, fingerprint

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
