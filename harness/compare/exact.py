"""Numbers that add up exactly: a sum of floats as one whole number times a power of two.

Adding is associative and commutative to the last bit, whatever the order and grouping, because nothing is rounded
until the end: `float` of a mean or a standard deviation is the only rounding, and it is made once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

_FEW = 2**20
"""Numbers whose halves add up without rounding: 2**20 of 27 bits."""


@dataclass(frozen=True, slots=True)
class Exact:
    """`mantissa * 2**exponent`; the mantissa is odd, or zero with exponent zero, so that equal numbers are equal.

    >>> Exact.of(0.1) + Exact.of(0.2) == Exact.of(0.2) + Exact.of(0.1)
    True
    >>> float((Exact.of(1e300) + Exact.of(1.0) + Exact.of(-1e300)).fraction)
    1.0
    """

    mantissa: int = 0
    exponent: int = 0

    @classmethod
    def make(cls, mantissa: int, exponent: int = 0) -> Exact:
        """Any whole number times any power of two, in the one form that it has here."""
        if mantissa == 0:
            return cls()
        zeros = (mantissa & -mantissa).bit_length() - 1
        return cls(mantissa >> zeros, exponent + zeros)

    @classmethod
    def of(cls, value: float) -> Exact:
        """A finite float; raises ValueError or OverflowError for one that is not."""
        mantissa, denominator = float(value).as_integer_ratio()
        return cls.make(mantissa, 1 - denominator.bit_length())

    @classmethod
    def total(cls, values: npt.NDArray[np.float64]) -> Exact:
        """The exact sum of finite floats, of shape (n,).

        >>> Exact.total(np.array([1e308, 1e308, 5e-324, -1e308, -1e308])) == Exact.of(5e-324)
        True
        """
        return sum((cls._few(values[at : at + _FEW]) for at in range(0, len(values), _FEW)), cls())

    @classmethod
    def _few(cls, values: npt.NDArray[np.float64]) -> Exact:
        share, exponents = np.frexp(values)
        # halves of 26 and 27 bits, added up by exponent: floats that are whole numbers below 2**53
        high = np.floor(np.ldexp(share, 26))
        low = np.ldexp(share, 53) - np.ldexp(high, 27)
        least = int(exponents.min())
        places = exponents - least
        uppers, lowers = (np.bincount(places, weights=half) for half in (high, low))
        total = 0
        for place in np.flatnonzero((uppers != 0) | (lowers != 0)).tolist():
            total += ((int(uppers[place]) << 27) + int(lowers[place])) << place
        return cls.make(total, least - 53)

    def __add__(self, other: Exact) -> Exact:
        low = min(self.exponent, other.exponent)
        return Exact.make(
            (self.mantissa << (self.exponent - low)) + (other.mantissa << (other.exponent - low)), low
        )

    def __mul__(self, other: Exact) -> Exact:
        return Exact.make(self.mantissa * other.mantissa, self.exponent + other.exponent)

    def shifted(self, bits: int) -> Exact:
        """Times `2**bits`."""
        return Exact.make(self.mantissa, self.exponent + bits)

    @property
    def fraction(self) -> Fraction:
        """The same number."""
        return self.mantissa * Fraction(2) ** self.exponent


@dataclass(frozen=True, slots=True)
class Sums:
    """How many numbers, their sum and the sum of their squares.

    >>> two = Sums(1, Exact.of(1.0), Exact.of(1.0)) + Sums(1, Exact.of(3.0), Exact.of(9.0))
    >>> two.mean(), two.std()
    (2.0, 1.0)
    """

    count: int = 0
    total: Exact = Exact()
    squares: Exact = Exact()

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.count + other.count, self.total + other.total, self.squares + other.squares)

    def mean(self) -> float | None:
        """The mean, rounded once; None of nothing."""
        return float(self.total.fraction / self.count) if self.count else None

    def variance(self) -> Fraction | None:
        """Mean of the squares less the square of the mean, exactly; None of nothing.

        The divisor is the count: these are all of the cases compared, no sample of them.
        """
        if not self.count:
            return None
        mean = self.total.fraction / self.count
        # sums of squares are rounded inside a block, so that a spread of nothing may come out below it
        return max(self.squares.fraction / self.count - mean * mean, Fraction(0))

    def std(self) -> float | None:
        """The square root of the variance, from whole numbers: a variance may be beyond any float."""
        variance = self.variance()
        if variance is None:
            return None
        if variance == 0:
            return 0.0
        shift = max(64 - (variance.numerator.bit_length() - variance.denominator.bit_length()) // 2, 0)
        root = math.isqrt((variance.numerator << (2 * shift)) // variance.denominator)
        return float(Fraction(root, 1 << shift))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Sums:
        """The inverse of `dataclasses.asdict`."""
        return cls(data["count"], Exact(**data["total"]), Exact(**data["squares"]))
