"""What every line of a transcript has to follow from: the checks of an audit, line after line.

The settlement that ran runs again, on what the lines record or what the agents give again.
"""

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tokenauction.mechanisms.auction.agents import Agents, Session, check_names
from tokenauction.mechanisms.auction.bidding import Bids
from tokenauction.mechanisms.auction.inputs import (
    HostArray,
    arithmetic_of,
    checked_bids,
    checked_distributions,
    host_view,
    on_host,
)
from tokenauction.mechanisms.auction.randomness import commitment, step_secret
from tokenauction.mechanisms.auction.settlement import Terms
from tokenauction.mechanisms.auction.token_auction import (
    CONTEXT_LIMIT,
    END_OF_TEXT,
    MOST_TOKENS,
)
from tokenauction.mechanisms.auction.transcript import DRAWN, FULL, START, line_hash
from tokenauction.mechanisms.auction.transcript_fields import (
    check_joins,
    fingerprint_as_shown,
    is_count,
    numbers_of,
    text_of,
    vocabulary_of,
)
from tokenauction.mechanisms.auction.vocabulary import Vocabulary

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
ALTERED = "its hash is not that of its content after the line before: one of the two was changed"

# With a space in either, a commitment could be opened in two ways.
_SECRET, _NONCE = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{32}")
_OF_AGENTS = ("wanted", "pulls", "realised", "expected")


class Disagreement(Exception):
    """A line that does not say what follows from the lines before it."""


class Checks:
    """The state of an audit: what the next line has to follow from.

    `tolerance` is the widest that a line was compared by, `text_checked` whether the text is known
    to be that of the tokens.
    """

    def __init__(self, terms: Terms, agents: Agents | None) -> None:
        self.step, self.hash = 0, START
        self.tolerance, self.text_checked = TOLERANCE["float64"], False
        self._terms, self._agents = terms, agents
        self._session: Session | None = None
        self._tokens: list[int] = []
        self._expected: list[HostArray] = []
        self._realised: list[HostArray] = []
        self._stopped: str | None = None

    def check(self, line: Any) -> None:
        """One line more; raises Disagreement."""
        if not isinstance(line, dict):
            raise Disagreement("it is not a JSON object")
        try:
            kind = {"auction": self._header, "token": self._token, "end": self._end}[line["type"]]
            if (line["type"] == "auction") != (self.hash == START):
                raise Disagreement("a transcript has one first line, and it comes first")
            kind(line)
            self.hash = hash_of(self.hash, line)
        except (KeyError, TypeError, IndexError, AttributeError, RecursionError) as problem:
            raise Disagreement(f"a field is missing or malformed: {problem!r}") from problem
        except (ValueError, ArithmeticError) as problem:
            raise Disagreement(str(problem)) from problem
        if line.get("hash") != self.hash:
            raise Disagreement(ALTERED)

    def _header(self, line: dict[str, Any]) -> None:
        terms, shown = self._terms, line["vocabulary"]
        self._line = line
        self._names = tuple(text_of(agent["name"]) for agent in line["agents"])
        check_names(self._names)
        self._bids = Bids(
            terms.rule,
            checked_bids(numbers_of([one["bid"] for one in line["agents"]]), self._names),
        )
        text_of(line["prompt"])
        self._vocabulary: Vocabulary | None = None
        if line["record"] not in (FULL, DRAWN):
            raise Disagreement(f"record is {line['record']!r}, not {FULL!r} or {DRAWN!r}")
        if line["record"] == FULL:
            self._vocabulary = vocabulary_of(shown)
        elif "pieces" in shown:
            raise Disagreement(f"it has pieces, and record is {line['record']!r}")
        if self._agents is not None:
            if self._agents.names != self._names:
                raise Disagreement(
                    f"its agents are {', '.join(self._names)}, not {', '.join(self._agents.names)}"
                )
            of_agents = fingerprint_as_shown(shown, self._agents.vocabulary)
            _same("vocabulary", shown["fingerprint"], of_agents)
            described = [dict(one) for one in self._agents.descriptions]
            _same("agents", [agent["description"] for agent in line["agents"]], described)
            self._vocabulary = self._agents.vocabulary
            self._session = self._agents.open(line["prompt"])
        assert self._vocabulary is not None
        check_joins(shown, None if self._agents is None else self._vocabulary)
        again = fingerprint_as_shown(shown, self._vocabulary)
        _same("vocabulary", shown["fingerprint"], again)
        _same("number of tokens", shown["tokens"], len(self._vocabulary))
        _same("list of end tokens", shown["end"], sorted(self._vocabulary.end))
        if "pieces" in shown and tuple(shown["pieces"]) != self._vocabulary.pieces:
            raise Disagreement("its word pieces are not the agents'")
        for name, value in (
            ("rule", terms.rule.label),
            ("payment", terms.payment_label),
            ("sampling", terms.sampling),
            ("expected", terms.expected),
        ):
            _same(name, line[name], value)
        if not is_count(line["max_tokens"], len(line["step_commitments"])):
            raise Disagreement("there is not one commitment for each of max_tokens steps")

    def _token(self, line: dict[str, Any]) -> None:
        if self._stopped:
            raise Disagreement(f"there is a token after the text stopped ({self._stopped})")
        if not is_count(line["step"], self.step):
            raise Disagreement(
                f"it is step {line['step']} where step {self.step} is due: lines are missing or "
                "out of order"
            )
        if not _SECRET.fullmatch(line["secret"]) or not _NONCE.fullmatch(line["nonce"]):
            raise Disagreement("the secret and the nonce are not 64 and 32 hexadecimal digits")
        _same(
            "commitment to the randomness",
            self._line["step_commitments"][self.step],
            commitment(line["secret"], line["nonce"]),
        )
        assert self._vocabulary is not None
        tolerance = TOLERANCE[line["arithmetic"]]
        self.tolerance = max(self.tolerance, tolerance)
        dists = self._distributions(line, tolerance)
        again = self._terms.settle(self._bids, dists, line["secret"])
        vocabulary = self._vocabulary
        if not is_count(line["token"], again.token):
            raise Disagreement(
                f"the token is {again.token} ({vocabulary.pieces[again.token]!r}), and the line "
                f"says {line['token']}"
            )
        ended = again.token in vocabulary.end
        _same("piece", line["piece"], "" if ended else vocabulary.pieces[again.token])
        if "aggregate" in line:
            self._close("aggregate", line["aggregate"], on_host(again.aggregate), tolerance)
        self._close("probability", [line["probability"]], [again.probability], tolerance)
        self._close("wanted", line["wanted"], again.wanted, tolerance)
        self._close("pulls", line["pulls"], again.pulls, tolerance)
        self._close("realised", line["realised"], again.realised, tolerance, payments=True)
        self._check_asked(line)
        if again.expected is not None:
            self._close("expected", line["expected"], again.expected, tolerance, payments=True)
            self._expected.append(np.array(line["expected"]))
        self._realised.append(np.array(line["realised"]))
        self._tokens.append(again.token)
        self.step += 1
        self._stopped = END_OF_TEXT if ended else self._limit()
        if self._session is not None and not self._stopped:
            self._session.append(again.token)

    def _limit(self) -> str | None:
        """Why the text cannot go on after a token that does not end it."""
        if self.step == self._line["max_tokens"]:
            return MOST_TOKENS
        room = None if self._session is None else self._session.room
        return CONTEXT_LIMIT if room is not None and room < 1 else None

    def _check_asked(self, line: dict[str, Any]) -> None:
        if (line["expected"] is not None) != self._terms.expected:
            raise Disagreement("expected payments are missing, or were not asked for")

    def _distributions(self, line: dict[str, Any], tolerance: float) -> Any:
        vocabulary, recorded = self._vocabulary, None
        assert vocabulary is not None
        for field in ("distributions", "aggregate"):
            if (field in line) != (self._line["record"] == FULL):
                has = "has" if field in line else "lacks"
                raise Disagreement(f"record is {self._line['record']!r}, and it {has} {field!r}")
        if "distributions" in line:
            rows = np.array(
                [numbers_of(row) for row in line["distributions"]], dtype=line["arithmetic"]
            )
            for name, total in zip(self._names, rows.sum(axis=1, dtype=np.float64), strict=True):
                self._close(f"sum of the distribution of {name!r}", [float(total)], [1], tolerance)
            recorded = checked_distributions(
                rows, self._names, len(vocabulary), self._terms.positive
            )
        if self._session is None:
            return recorded
        wanted = checked_distributions(
            host_view(self._session.distributions()),
            self._names,
            len(vocabulary),
            self._terms.positive,
        )
        _same("arithmetic", line["arithmetic"], arithmetic_of(wanted))
        if recorded is not None:
            given = np.asarray(wanted.tolist()) if not isinstance(wanted, np.ndarray) else wanted
            for name, row, again in zip(self._names, recorded, given, strict=True):
                if np.abs(row - again).max() > tolerance:
                    raise Disagreement(f"the distribution is not the one that {name!r} gives")
            return recorded
        return wanted

    def _close(
        self,
        what: str,
        claimed: Sequence[float],
        again: Sequence[float] | HostArray,
        tolerance: float,
        payments: bool = False,
    ) -> None:
        if len(claimed) != len(again):
            raise Disagreement(f"{what} has {len(claimed)} entries, not {len(again)}")
        for i, (one, other) in enumerate(zip(numbers_of(claimed), again, strict=True)):
            scale = float(self._bids.values.max()) if payments else 1.0
            if not math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance * scale):
                raise Disagreement(f"{what}{self._of(what, i)} is {other}, and the line says {one}")

    def _of(self, what: str, number: int) -> str:
        if what == "aggregate":
            return f" of token {number}"
        return f" of {self._names[number]!r}" if what in _OF_AGENTS else ""

    def _end(self, line: dict[str, Any]) -> None:
        assert self._vocabulary is not None
        if not is_count(line["tokens"], self.step):
            raise Disagreement(f"it counts {line['tokens']} tokens, and {self.step} lines have one")
        self._check_text(text_of(line["text"]))
        if not is_count(line["seed"], abs(int(line["seed"]))) or not _NONCE.fullmatch(
            line["nonce"]
        ):
            raise Disagreement("the seed and the nonce are not a number and 32 hexadecimal digits")
        _same(
            "commitment to the seed",
            self._line["seed_commitment"],
            commitment(str(line["seed"]), line["nonce"]),
        )
        for number, published in enumerate(self._line["step_commitments"]):
            nonce = step_secret(int(line["nonce"], 16), number)[:32]
            opened = commitment(step_secret(line["seed"], number), nonce)
            _same("commitment to the randomness that the seed gives", published, opened)
        realised = np.sum(self._realised, axis=0)
        self._close("realised", line["realised"], realised, 1e-9, payments=True)
        self._close("revenue", [line["revenue"]], [float(realised.sum())], 1e-9, payments=True)
        self._check_asked(line)
        if self._terms.expected:
            total = np.sum(self._expected, axis=0)
            self._close("expected", line["expected"], total, 1e-9, payments=True)
        # The context limit is the agents' own: it cannot be looked at without them.
        due = self._stopped or (CONTEXT_LIMIT if self._session is None else None)
        if due is None:
            raise Disagreement("the text ends where it could go on")
        _same("end of the text", line["stopped"], due)

    def _check_text(self, text: str) -> None:
        """The text is that of the tokens, by the pieces of the first line or by the agents'.

        Of a vocabulary whose tokens do not join only the agents know how it reads.
        """
        assert self._vocabulary is not None
        joins = self._line["vocabulary"]["joins"]
        self.text_checked = joins or self._agents is not None
        if self.text_checked:
            decode = self._vocabulary.decode if joins else self._vocabulary.decode_in_context
            _same("text", text, decode(self._tokens))


def hash_of(before: str, line: dict[str, Any]) -> str:
    """The hash of a line as read, its own hash left out."""
    return line_hash(before, {name: value for name, value in line.items() if name != "hash"})


def _same(what: str, claimed: Any, again: Any) -> None:
    """Equal as JSON, in which 1, 1.0 and true are different; raises Disagreement."""
    if json.dumps(claimed, sort_keys=True) != json.dumps(again, sort_keys=True):
        raise Disagreement(f"the {what} is {again!r}, and the line says {claimed!r}")
