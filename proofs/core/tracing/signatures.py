"""TRUSTED CORE. How the library's functions take their arguments, and which are understood.

A `Form` belongs to one function of NumPy (`NUMPY`), to one whose arguments array-api-compat names
otherwise (`STANDARD`), or to one method of arrays (`METHODS`). It has the library's own parameters,
so that the third argument of `np.sort` is `kind` here too. Guarantee: an argument that is not
understood and is not the library's default ends the trace. The tests compare the parameters with
those that the installed libraries show.

A row of a table reads `theirs = ours(their parameters) options`: the library's name, our name of
what it means (where it is another), the parameters, where `x?` is one that NumPy's dispatch leaves
out, and those that are understood, as `theirs:ours` where the names differ.
"""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tokenauction.proofs.core.tracing.trace import Trace

_ABSENT: Any = np._NoValue
_BY_POSITION: Any = inspect.Parameter.POSITIONAL_OR_KEYWORD


@dataclass(frozen=True)
class Form:
    """The parameters of a function; `core` names what it means, `options` what is passed on.

    Parameters without a default are passed on by position. `options` maps the library's name of
    an understood parameter to ours.
    """

    core: str
    signature: inspect.Signature
    options: Mapping[str, str]

    @property
    def computes_in_dtype(self) -> bool:
        """Whether `dtype=` is the kind that NumPy computes in, not that of an array it makes."""
        return "dtype" in self.options and self.core not in _MAKES_ARRAYS

    def bound(
        self, trace: Trace, name: str, args: Any, kwargs: Any
    ) -> tuple[list[Any], dict[str, Any]]:
        """What the function is given: by position, and by our own names."""
        try:
            given = self.signature.bind(*args, **kwargs).arguments
        except TypeError as problem:
            raise trace.error(
                f"{name} is called in a way that cannot be traced: {problem}", code="untraced-call"
            ) from None
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for parameter in self.signature.parameters.values():
            value = given.get(parameter.name, _ABSENT)
            if parameter.kind is parameter.VAR_POSITIONAL:
                positional.extend(given.get(parameter.name, ()))
            elif parameter.default is parameter.empty:
                positional.append(value)
            elif parameter.name in self.options:
                implied = parameter.default if value is _ABSENT else value
                if implied is not _ABSENT:
                    named[self.options[parameter.name]] = implied
            elif value is not _ABSENT and not _is_default(parameter, value):
                way_out = _WAYS_OUT.get(parameter.name, "leave it out")
                raise trace.error(
                    f"{name} with {parameter.name}= cannot be traced", way_out, "untraced-call"
                )
        return positional, named


_MAKES_ARRAYS: Final = frozenset(
    {"asarray", "arange", "eye", "zeros", "ones", "empty", "full"}
    | {"zeros_like", "ones_like", "empty_like", "full_like"}
)
_WAYS_OUT: Final = {
    "out": "use the returned array",
    "where": "use xp.where(condition, ..., ...)",
    "order": "leave order= out",
}
# Whatever these are, the meaning over the real numbers stays; NumPy raises where it objects.
_WITHOUT_MEANING: Final = frozenset({"subok", "casting", "device", "optimize", "copy"})


def _is_default(parameter: inspect.Parameter, value: Any) -> bool:
    default = parameter.default
    if value is default or parameter.name in _WITHOUT_MEANING:
        return True
    plain = (bool, int, float, str)
    return isinstance(value, plain) and isinstance(default, plain) and value == default


# The tables -------------------------------------------------------------------------------------

_ONE_NUMBER: Final = """
negative positive absolute=abs fabs=abs square sqrt exp exp2 expm1 log log1p log2 log10 sign sinh
cosh tanh floor ceil reciprocal logical_not invert=bitwise_invert
"""
_TWO_NUMBERS: Final = """
add subtract multiply divide maximum minimum fmax=maximum fmin=minimum power=pow float_power=pow
logaddexp hypot less less_equal greater greater_equal equal not_equal logical_and logical_or
logical_xor bitwise_and bitwise_or bitwise_xor floor_divide
"""
_OPTIONS_OF_UFUNCS: Final = (
    'out=None, *, where=True, casting="same_kind", order="K", dtype=None, subok=True) dtype'
)
_REDUCTION: Final = (
    "(array, axis=0, dtype=None, out=None, keepdims=False, initial?, where=True) "
    "axis keepdims dtype"
)

_FUNCTIONS: Final = """
sum(a, axis=None, dtype=None, out=None, keepdims?, initial?, where?) axis keepdims dtype
prod(a, axis=None, dtype=None, out=None, keepdims?, initial?, where?) axis keepdims dtype
max(a, axis=None, out=None, keepdims?, initial?, where?) axis keepdims
min(a, axis=None, out=None, keepdims?, initial?, where?) axis keepdims
mean(a, axis=None, dtype=None, out=None, keepdims?, *, where?) axis keepdims dtype
var(a, axis=None, dtype=None, out=None, ddof=0, keepdims?, *, where?, mean?,
    correction?) axis keepdims dtype
std(a, axis=None, dtype=None, out=None, ddof=0, keepdims?, *, where?, mean?,
    correction?) axis keepdims dtype
all(a, axis=None, out=None, keepdims?, *, where?) axis keepdims
any(a, axis=None, out=None, keepdims?, *, where?) axis keepdims
count_nonzero(a, axis=None, *, keepdims=False) axis keepdims
average(a, axis=None, weights=None, returned=False, *, keepdims?) axis weights keepdims
median(a, axis=None, out=None, overwrite_input=False, keepdims=False) axis keepdims
where(condition, x, y, /)
clip(a, a_min?, a_max?, out=None, *, min?, max?, dtype=None) a_min:min a_max:max min max
astype(x, dtype, /, *, copy=True, device=None)
dot(a, b, out=None)
matmul(x1, x2, /, out=None, *, where=True, casting="same_kind", order="K", dtype=None, subok=True)
inner(a, b, /)
outer(a, b, out=None)
vecdot(x1, x2, /, out=None, *, axes?, axis?, keepdims=False, casting="same_kind", order="K",
    dtype=None, subok=True) axis
tensordot(a, b, axes=2) axes
einsum(*operands, out=None, optimize=False, dtype=None, order="K", casting="safe")
linalg.norm = norm(x, ord=None, axis=None, keepdims=False) ord axis keepdims
linalg.vector_norm = vector_norm(x, /, *, axis=None, keepdims=False, ord=2) ord axis keepdims
linalg.outer = outer(x1, x2, /)
linalg.matmul = matmul(x1, x2, /)
linalg.vecdot = vecdot(x1, x2, /, *, axis=-1) axis
linalg.tensordot = tensordot(x1, x2, /, *, axes=2) axes
linalg.matrix_transpose = matrix_transpose(x, /)
sort(a, axis=-1, kind=None, order=None, *, stable=None) axis kind stable
argsort(a, axis=-1, kind=None, order=None, *, stable=None) axis kind stable
argmax(a, axis=None, out=None, *, keepdims?) axis keepdims
argmin(a, axis=None, out=None, *, keepdims?) axis keepdims
cumsum = cumulative_sum(a, axis=None, dtype=None, out=None) axis dtype
cumprod = cumulative_prod(a, axis=None, dtype=None, out=None) axis dtype
cumulative_sum(x, /, *, axis=None, dtype=None, out=None,
    include_initial=False) axis dtype include_initial
cumulative_prod(x, /, *, axis=None, dtype=None, out=None,
    include_initial=False) axis dtype include_initial
take(a, indices, axis=None, out=None, mode="raise") axis
take_along_axis(arr, indices, axis=-1) axis
reshape(a, /, shape, order="C", *, copy=None)
ravel = flatten(a, order="C")
squeeze(a, axis=None) axis
expand_dims(a, axis)
transpose = permute_dims(a, axes=None) axes
matrix_transpose(x, /)
swapaxes(a, axis1, axis2)
moveaxis(a, source, destination)
broadcast_to(array, shape, subok=False)
broadcast_arrays(*args, subok=False)
stack(arrays, axis=0, out=None, *, dtype=None, casting="same_kind") axis
concatenate = concat(arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind") axis
unstack(x, /, *, axis=0) axis
flip(m, axis=None) axis
roll(a, shift, axis=None) axis
repeat(a, repeats, axis=None) axis
tile(A, reps)
copy(a, order="K", subok=False)
asarray(a, dtype=None, order=None, *, device=None, copy=None, like=None) dtype
array = asarray(object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0,
    like=None) dtype
zeros(shape, dtype=None, order="C", *, device=None, like=None) dtype
ones(shape, dtype=None, order="C", *, device=None, like=None) dtype
empty(shape, dtype=None, order="C", *, device=None, like=None) dtype
full(shape, fill_value, dtype=None, order="C", *, device=None, like=None) dtype
zeros_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None) dtype
ones_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None) dtype
empty_like(prototype, /, dtype=None, order="K", subok=True, shape=None, *, device=None) dtype
full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None) dtype
arange(start, /, stop=None, step=1, *, dtype=None, device=None, like=None) stop step dtype
eye(N, M=None, k=0, dtype="float64", order="C", *, device=None, like=None) M:n_cols k dtype
"""

_STANDARD: Final = """
var(x, /, *, axis=None, correction=0.0, keepdims=False) axis keepdims
std(x, /, *, axis=None, correction=0.0, keepdims=False) axis keepdims
clip(x, /, min=None, max=None) min max
count_nonzero(x, axis=None, keepdims=False) axis keepdims
matmul(x1, x2, /)
tensordot(x1, x2, /, *, axes=2) axes
sort(x, /, *, axis=-1, descending=False, stable=True) axis descending stable
argsort(x, /, *, axis=-1, descending=False, stable=True) axis descending stable
cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False) axis dtype include_initial
cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False) axis dtype include_initial
take_along_axis(x, indices, /, *, axis=-1) axis
permute_dims(x, /, axes)
asarray(obj, /, *, dtype=None, device=None, copy=None) dtype
zeros(shape, *, dtype=None, device=None) dtype
ones(shape, *, dtype=None, device=None) dtype
empty(shape, *, dtype=None, device=None) dtype
full(shape, fill_value, *, dtype=None, device=None) dtype
zeros_like(x, /, *, dtype=None, device=None) dtype
ones_like(x, /, *, dtype=None, device=None) dtype
empty_like(x, /, *, dtype=None, device=None) dtype
full_like(x, /, fill_value, *, dtype=None, device=None) dtype
eye(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None) n_cols k dtype
"""

_METHODS: Final = """
sum(self, axis=None, dtype=None, out=None, keepdims=False, initial?,
    where=True) axis keepdims dtype
prod(self, axis=None, dtype=None, out=None, keepdims=False, initial?,
    where=True) axis keepdims dtype
max(self, axis=None, out=None, keepdims=False, initial?, where=True) axis keepdims
min(self, axis=None, out=None, keepdims=False, initial?, where=True) axis keepdims
mean(self, axis=None, dtype=None, out=None, keepdims=False, *, where=True) axis keepdims dtype
var(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean?,
    correction?) axis keepdims dtype
std(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean?,
    correction?) axis keepdims dtype
all(self, axis=None, out=None, keepdims=False, *, where=True) axis keepdims
any(self, axis=None, out=None, keepdims=False, *, where=True) axis keepdims
dot(self, b, out=None)
reshape(self, *shape, order="C", copy=None)
transpose = permute_dims(self, *axes)
astype(self, dtype, order="K", casting="unsafe", subok=True, copy=True)
clip(self, min=None, max=None, out=None) min max
copy(self, order="C")
argmax(self, axis=None, out=None, *, keepdims=False) axis keepdims
argmin(self, axis=None, out=None, *, keepdims=False) axis keepdims
argsort(self, axis=-1, kind=None, order=None, *, stable=None) axis kind stable
cumsum = cumulative_sum(self, axis=None, dtype=None, out=None) axis dtype
cumprod = cumulative_prod(self, axis=None, dtype=None, out=None) axis dtype
flatten(self, order="C")
ravel = flatten(self, order="C")
squeeze(self, axis=None) axis
take(self, indices, axis=None, out=None, mode="raise") axis
swapaxes(self, axis1, axis2)
repeat(self, repeats, axis=None) axis
item(self)
"""

_ALIASES: Final = {
    "abs": "absolute",
    "true_divide": "divide",
    "pow": "power",
    "bitwise_not": "invert",
    "bitwise_invert": "invert",
    "amax": "max",
    "amin": "min",
    "concat": "concatenate",
    "permute_dims": "transpose",
}


# Reading them -----------------------------------------------------------------------------------


def _table(text: str) -> dict[str, Form]:
    rows = re.sub(r"\n +", " ", text).strip().split("\n")
    return dict(map(_form, rows))


def _form(row: str) -> tuple[str, Form]:
    head, _, rest = row.partition("(")
    theirs, _, ours = head.partition(" = ")
    parameters, _, options = rest.rpartition(")")
    pairs = [one.partition(":")[::2] for one in options.split()]
    known = {name: other or name for name, other in pairs}
    signature = inspect.Signature(list(_parameters(parameters.split(", "))))
    return theirs, Form(ours or theirs, signature, known)


def _parameters(parts: list[str]) -> Iterator[inspect.Parameter]:
    slash = parts.index("/") if "/" in parts else -1
    kind = _BY_POSITION
    for place, part in enumerate(parts):
        if part in ("/", ""):
            continue
        if part == "*":
            kind = inspect.Parameter.KEYWORD_ONLY
        elif part.startswith("*"):
            yield inspect.Parameter(part[1:], inspect.Parameter.VAR_POSITIONAL)
            kind = inspect.Parameter.KEYWORD_ONLY
        else:
            own = inspect.Parameter.POSITIONAL_ONLY if place < slash else kind
            yield _parameter(part, own)


def _parameter(text: str, kind: Any) -> inspect.Parameter:
    name, given, default = text.partition("=")
    if name.endswith("?"):
        return inspect.Parameter(name[:-1], kind, default=_ABSENT)
    value = ast.literal_eval(default) if given else inspect.Parameter.empty
    return inspect.Parameter(name, kind, default=value)


def _ufuncs(names: str, inputs: str) -> dict[str, Form]:
    rows = [one.replace("=", " = ") for one in names.split()]
    return dict(_form(f"{row}({inputs}, /, {_OPTIONS_OF_UFUNCS}") for row in rows)


def _reductions() -> Iterator[tuple[str, Form]]:
    """`np.add.reduce` and its kin, whose axis is the first where none is named."""
    pairs = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}
    for ufunc, ours in pairs.items():
        yield _form(f"{ufunc}.reduce = {ours}{_REDUCTION}")


NUMPY: Final = _ufuncs(_ONE_NUMBER, "x") | _ufuncs(_TWO_NUMBERS, "x1, x2") | _table(_FUNCTIONS)
NUMPY.update(_reductions())
NUMPY.update({alias: NUMPY[name] for alias, name in _ALIASES.items()})
STANDARD: Final = _table(_STANDARD)
METHODS: Final = _table(_METHODS)
