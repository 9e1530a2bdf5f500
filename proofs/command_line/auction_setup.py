"""From what the user names to an auction: agents, terms, and what a transcript says of them.

The names of rules and payments are those of `verify`; agents are a scenario's, n-grams of text
files, or causal models. What a transcript says of its agents is enough to make them again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tokenauction.mechanisms import Mechanism, OpinionPool, PaymentRule, ProfileFunction
from tokenauction.mechanisms.auction import CRITICAL_BID, NO_PAYMENT, Agent, Agents, Terms
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

    @property
    def prompt(self) -> str:
        """How the text begins unless the user says otherwise."""
        return SCENARIOS[self.scenario or DEFAULT_SCENARIO].prompt if self._shipped else ""

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
    charged = payment in (CRITICAL_BID, NO_PAYMENT) or "::" in payment
    found = load_targets([rule if charged else f"{rule}+{payment}"])
    if len(found) != 1:
        names = ", ".join(one.name for one in found)
        raise CannotLoad(f"{rule} has several rules ({names}): name one, as {rule}::NAME")
    target = found[0]
    paid: PaymentRule | str
    if isinstance(target, Mechanism):
        if charged and payment != CRITICAL_BID:
            raise CannotLoad(
                f"{rule} has a payment of its own: leave {payment} out, or name a rule"
            )
        function, paid = target.rule, target.payment
    else:
        function, paid = target, _payment_in_file(payment) if "::" in payment else payment
    linear = isinstance(function, OpinionPool) and not function.logarithmic
    try:
        return Terms(function, paid, sampling or ("stable" if linear else "race"), expected)
    except TypeError as problem:
        raise CannotLoad(str(problem)) from None


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
    recorded = known.get("fingerprint")
    if recorded and fingerprint_of_terms(terms) != recorded:
        raise ValueError(
            f"{named} computes something else now than when the transcript was written "
            f"(fingerprint {recorded})"
        )
    return terms


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
