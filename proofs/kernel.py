"""The kernel of the theorems by its public name; its rooms are in proofs/core/kernel/."""

from tokenauction.proofs.core.kernel import *  # noqa: F403
from tokenauction.proofs.core.kernel import __all__ as __all__
