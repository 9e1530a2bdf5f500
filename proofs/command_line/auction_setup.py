"""From what the user names to an auction: agents, terms, and what a transcript says of them.

The names of rules and payments are those of `verify`; agents are a scenario's, n-grams of text
files, or causal models. What a transcript says of its agents is enough to make them again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tokenauction.mechanisms import (
    AggregationRule,
    Mechanism,
    OpinionPool,
    PaymentRule,
    ProfileFunction,
)
from tokenauction.mechanisms.auction import CRITICAL_BID, NO_PAYMENT, Agent, Agents, Terms
from tokenauction.mechanisms.auction.audit import NotATranscript
from tokenauction.mechanisms.models.scenarios import SCENARIOS, agents_of_files
from tokenauction.proofs.loading import CannotLoad, load_file, load_targets

DEFAULT_SCENARIO = "co-marketing"


@dataclass(frozen=True)
class AgentsAsked:
    """The agents that the user asks for: a scenario, or text files, or prompts to causal models.

    `models` has one entry, with an empty name, for one model of all agents.
    """

    scenario: str | None = None
    corpora: Mapping[str, str] | None = None
    models: Mapping[str, str] | None = None
    prompts: Mapping[str, str] | None = None
    device: str | None = None
    dtype: str | None = None

    def __post_init__(self) -> None:
        if sum(map(bool, (self.scenario, self.corpora, self.models))) > 1:
            raise ValueError("name a scenario, or --corpus, or --model: agents of one kind")
        if bool(self.models) != bool(self.prompts):
            raise ValueError(
                "--model needs --agent NAME=PROMPT for each agent, and --agent a model"
            )
        if not self.models and (self.device, self.dtype) != (None, None):
            raise ValueError(
                "--device and --dtype are of causal models: name one with --model, or leave them "
                "out"
            )

    def made(self) -> Agents | Sequence[Agent]:
        """The agents; raises ValueError where a file or a model cannot be used."""
        if self.corpora:
            return agents_of_files(self.corpora)
        if self.models and self.prompts:
            return self._causal(self.models, self.prompts)
        return SCENARIOS[self.scenario or DEFAULT_SCENARIO].agents()

    def _causal(self, models: Mapping[str, str], prompts: Mapping[str, str]) -> Agents:
        from tokenauction.mechanisms.models.causal_models import CausalModels

        if set(models) == {""}:
            return CausalModels.from_prompts(
                models[""], prompts, device=self.device, dtype=self.dtype
            )
        if set(models) != set(prompts):
            raise ValueError(
                "--model NAME=PATH is needed for each --agent NAME=PROMPT, or one PATH"
            )
        pairs = {name: (models[name], prompt) for name, prompt in prompts.items()}
        return CausalModels.from_models(pairs, device=self.device, dtype=self.dtype)

    @property
    def name(self) -> str:
        """What tables call these agents together."""
        return (self.scenario or DEFAULT_SCENARIO) if self._shipped else "own"

    def prompt(self, given: str | None) -> str:
        """How the text begins: as is given, or as the scenario says.

        For n-gram agents without white space at its end: a space is the beginning of their next
        word, and alone a word that they have never met. Raises ValueError for what is not UTF-8.
        """
        if given is None:
            return SCENARIOS[self.scenario or DEFAULT_SCENARIO].prompt if self._shipped else ""
        try:
            given.encode()
        except UnicodeEncodeError:
            raise ValueError("the prompt is not UTF-8") from None
        return given if self.models else given.rstrip()

    def bids(self, agents: int) -> tuple[float, ...]:
        """The bids unless the user says otherwise."""
        scenario = SCENARIOS[self.scenario or DEFAULT_SCENARIO]
        return scenario.bids if self._shipped else (1.0,) * agents

    @property
    def _shipped(self) -> bool:
        return not self.corpora and not self.models

    def as_identity(self) -> dict[str, Any]:
        """What a transcript keeps."""
        if self._shipped:
            return {"scenario": self.scenario or DEFAULT_SCENARIO}
        if self.corpora:
            return {"corpora": dict(self.corpora)}
        return {"models": dict(self.models or {}), "prompts": dict(self.prompts or {})}


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
    if "::" in payment:
        return _payment_in_file(payment)
    try:
        paid = _one_target(f"{rule}+{payment}")
    except CannotLoad as problem:
        raise CannotLoad(f"{problem}; or {CRITICAL_BID}, or {NO_PAYMENT}") from None
    assert isinstance(paid, Mechanism)
    return paid.payment


def _payment_in_file(payment: str) -> PaymentRule:
    path, _, name = payment.rpartition("::")
    found = getattr(load_file(path), name, None)
    if not isinstance(found, PaymentRule):
        raise CannotLoad(f"{path}: {name} is not a payment rule")
    return found


def fingerprint(*functions: ProfileFunction) -> str | None:
    """A digest of what rules compute, of their traces; None where one cannot be traced."""
    from tokenauction.proofs.examination import Examined

    parts = [Examined(function) for function in functions]
    if any(part.untraceable for part in parts):
        return None
    texts = [text for part in parts for text in part.canonical_texts()]
    return sha256("\n".join(texts).encode()).hexdigest()[:16]


def fingerprint_of_terms(terms: Terms) -> str | None:
    """A digest of what the rules of an auction compute."""
    return fingerprint(*terms.functions)


def identity(asked: AgentsAsked, terms: Terms, rule: str, payment: str) -> dict[str, Any]:
    """What a transcript says of the rules and the agents, for an audit to find them again."""
    return {
        "rule": rule,
        "payment": payment,
        "fingerprint": fingerprint_of_terms(terms),
        "agents": asked.as_identity(),
    }


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


def agents_named(header: Mapping[str, Any]) -> str:
    """What a transcript says of how to make its agents again, in words."""
    known = (header.get("identity") or {}).get("agents") or {}
    return "; ".join(f"{kind} {what}" for kind, what in known.items()) or "nothing"


def agents_of_transcript(header: Mapping[str, Any]) -> Agents:
    """The agents that a transcript names, made again; raises ValueError."""
    from tokenauction.mechanisms.auction.agents import together

    known = (header.get("identity") or {}).get("agents")
    if not known:
        raise ValueError("the transcript does not say how to make its agents again")
    return together(AgentsAsked(**known).made())


def are_those_that_ran(agents: Agents, header: Mapping[str, Any]) -> bool:
    """Whether agents made again have the names, descriptions and vocabulary of a transcript."""
    ran = [(one.get("name"), one.get("description")) for one in header["agents"]]
    again = [
        (name, dict(description))
        for name, description in zip(agents.names, agents.descriptions, strict=True)
    ]
    same_words = header["vocabulary"].get("fingerprint") == agents.vocabulary.fingerprint
    return ran == again and same_words


def check_begun(path: str) -> None:
    """Raises NotATranscript for an empty file."""
    if Path(path).is_file() and Path(path).stat().st_size == 0:
        raise NotATranscript(
            f"{path} is empty: a run that ends before its first token leaves no transcript"
        )
