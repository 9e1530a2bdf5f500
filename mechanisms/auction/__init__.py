"""The auction as it runs: agents, samplings, critical bids, payments, transcripts, audits."""

from tokenauction.mechanisms.auction.agents import Agent, Agents, Ensemble, FixedAgent, Session
from tokenauction.mechanisms.auction.inputs import BadBids, BadDistribution, BadPayment
from tokenauction.mechanisms.auction.own_bids import NotConverged
from tokenauction.mechanisms.auction.own_odds import NotMonotone
from tokenauction.mechanisms.auction.settlement import CRITICAL_BID, NO_PAYMENT, SAMPLINGS, Terms
from tokenauction.mechanisms.auction.token_auction import Outcome, Step, TokenAuction
from tokenauction.mechanisms.auction.vocabulary import Vocabulary, VocabularyMismatch

__all__ = [
    "CRITICAL_BID",
    "NO_PAYMENT",
    "SAMPLINGS",
    "Agent",
    "Agents",
    "BadBids",
    "BadDistribution",
    "BadPayment",
    "Ensemble",
    "FixedAgent",
    "NotConverged",
    "NotMonotone",
    "Outcome",
    "Session",
    "Step",
    "Terms",
    "TokenAuction",
    "Vocabulary",
    "VocabularyMismatch",
]
