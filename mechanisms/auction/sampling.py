"""What a sampling is: how a token is drawn, and the critical bid that belongs to it.

The critical bid of an agent is the lowest own bid at which, with the same random numbers, the same
token would have been drawn. Charging it is the second price of token auctions (after arXiv
2310.10826).
"""

from typing import Protocol

from tokenauction.mechanisms.auction.bidding import Bidding
from tokenauction.mechanisms.auction.inputs import HostArray


class Sampling(Protocol):
    """A way to draw tokens. All results are on the host; payments have shape (agents,)."""

    @property
    def name(self) -> str:
        """What transcripts call it."""
        ...

    def draw(self, bidding: Bidding, secret: str) -> int:
        """The token of this step."""
        ...

    def critical_bids(self, bidding: Bidding, token: int, secret: str) -> HostArray:
        """What every agent pays for the token that was drawn, between zero and its bid.

        Raises NotMonotone where the rule, as evaluated, has no critical bid.
        """
        ...

    def expected_payments(self, bidding: Bidding) -> HostArray:
        """The expectation of the critical bids over the random numbers.

        Raises NotMonotone as above, and NotConverged.
        """
        ...
