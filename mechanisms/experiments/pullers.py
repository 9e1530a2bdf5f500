"""Who pulled a token: the agent whose bid raised its probability most, or nobody.

The one definition for figures, tables and reports.
"""

from collections.abc import Sequence

from tokenauction.mechanisms.auction.inputs import HostArray

# A token on which all agree is moved by rounding only, and by no more than this.
NOTICED = 1e-4


def puller(pulls: Sequence[float] | HostArray) -> int | None:
    """The agent whose bid raised a token's probability most; None where no bid did by over 1e-4.

    `pulls` is how much every bid raised it, shape (agents,), as in `Settlement.pulls`.

    >>> puller([0.02, 0.3]), puller([3e-7, 1e-9])
    (1, None)
    """
    most = max(range(len(pulls)), key=lambda agent: pulls[agent])
    return most if pulls[most] > NOTICED else None
