"""TRUSTED CORE. The operators of a symbolic array: each is a function of the table."""

from typing import Any

from tokenauction.proofs.core.tracing.registry import FUNCTIONS
from tokenauction.proofs.core.tracing.trace import Trace


class Operators:
    """What `+`, `<`, `@` and the others mean on an array of a trace."""

    __slots__ = ()

    trace: Trace

    def _call(self, name: str, *others: Any) -> Any:
        return FUNCTIONS[name](self.trace, *others)

    def __add__(self, other: Any) -> Any:
        return self._call("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self._call("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self._call("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._call("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return self._call("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._call("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self._call("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._call("divide", other, self)

    def __pow__(self, other: Any) -> Any:
        return self._call("pow", self, other)

    def __rpow__(self, other: Any) -> Any:
        return self._call("pow", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return self._call("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._call("floor_divide", other, self)

    def __matmul__(self, other: Any) -> Any:
        return self._call("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return self._call("matmul", other, self)

    def __neg__(self) -> Any:
        return self._call("negative", self)

    def __pos__(self) -> Any:
        return self._call("positive", self)

    def __abs__(self) -> Any:
        return self._call("abs", self)

    def __lt__(self, other: Any) -> Any:
        return self._call("less", self, other)

    def __le__(self, other: Any) -> Any:
        return self._call("less_equal", self, other)

    def __gt__(self, other: Any) -> Any:
        return self._call("greater", self, other)

    def __ge__(self, other: Any) -> Any:
        return self._call("greater_equal", self, other)

    def __eq__(self, other: Any) -> Any:
        return self._call("equal", self, other)

    def __ne__(self, other: Any) -> Any:
        return self._call("not_equal", self, other)

    def __and__(self, other: Any) -> Any:
        return self._call("bitwise_and", self, other)

    def __rand__(self, other: Any) -> Any:
        return self._call("bitwise_and", other, self)

    def __or__(self, other: Any) -> Any:
        return self._call("bitwise_or", self, other)

    def __ror__(self, other: Any) -> Any:
        return self._call("bitwise_or", other, self)

    def __rxor__(self, other: Any) -> Any:
        return self._call("bitwise_xor", other, self)

    def __xor__(self, other: Any) -> Any:
        return self._call("bitwise_xor", self, other)

    def __invert__(self) -> Any:
        return self._call("bitwise_invert", self)
