"""What a linear regression takes for granted, held against its trained rows: normal residuals, a linear relation, an
even spread.

With many rows any test rejects what matters to nobody, so each has an effect beside its probability; and none of them
stops a training.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from harness.training.data import Data

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

MOST = 20_000
"""Rows that are looked at, evenly spread."""
LEVEL = 0.01
"""Probability below which an assumption is called rejected."""
POINTS = 41
BINS = 20
OTHERS = ("PoissonRegressor", "GammaRegressor", "TweedieRegressor", "QuantileRegressor")
"""Models of `sklearn.linear_model` that assume something else."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One assumption and the test of it. `effect` is how large the deviation is, whatever the number of rows, in the
    words of `measures`; where `why` stands, nothing was calculated."""

    assumption: str
    test: str
    statistic: float | None = None
    p: float | None = None
    rejected: bool | None = None
    effect: float | None = None
    measures: str = ""
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the manifest has it."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "")}


def assumptions_of(model: Any, data: Data) -> dict[str, Any] | None:
    """The tests of a fitted pipeline and the points of their plots, or None where it ends in no linear regression.

    `normal` are POINTS pairs of normal quantiles and those of the standardised residuals; `spread` are, in up to BINS
    bins of equally many rows by what was fitted, the mean of that and the 10%, 50% and 90% quantile of the residuals.
    """
    import numpy as np

    last, target = _linear(model, data)
    if last is None:
        return None
    rows = np.flatnonzero(data.trained)
    rows = rows[:: -(-len(rows) // MOST)]
    before: Any = model[:-1]
    given: Any = data.frame.iloc[rows]
    given = before.transform(given) if len(before) else given
    given = given.toarray() if hasattr(given, "toarray") else given
    design = np.asarray(given, dtype=np.float64).reshape(len(rows), -1)
    observed = target[rows]
    fitted = np.asarray(last.predict(given), dtype=np.float64).reshape(-1)
    residuals = observed - fitted
    tests = checks_of(design, observed, residuals)
    found: dict[str, Any] = {"rows": len(rows), "tests": [one.to_json() for one in tests]}
    if residuals.std() > 1e-9 * max(observed.std(), 1e-300):
        found["normal"] = _normal(residuals)
        found["spread"] = _spread(fitted, residuals)
    return found


def checks_of(design: Floats, observed: Floats, residuals: Floats) -> tuple[Checked, ...]:
    """Normality by Jarque and Bera (1987), linearity by Ramsey's RESET (1969) with the square and the cube of what
    least squares fit, even spread by Breusch and Pagan (1979) as Koenker (1981) studentised it.

    `design` has shape (n, columns) without a column of ones, `observed` and `residuals` (n,).
    """
    return (
        _normality(residuals, observed),
        _linearity(design, observed),
        _evenness(design, residuals, observed),
    )


def _normality(residuals: Floats, observed: Floats) -> Checked:
    from scipy import stats

    name = ("normality of the residuals", "Jarque-Bera")
    if why := _nothing(residuals, observed):
        return Checked(*name, why=why)
    found = stats.jarque_bera(residuals)
    skew, tails = float(stats.skew(residuals)), float(stats.kurtosis(residuals))
    effect = max(skew, tails, key=abs)
    measures = "skewness" if effect == skew else "excess kurtosis"
    return _test(name, float(found.statistic), float(found.pvalue), effect, measures)


def _linearity(design: Floats, observed: Floats) -> Checked:
    import numpy as np
    from scipy import stats

    name = ("linearity", "Ramsey's RESET")
    plain, rank = _least_squares(design, observed)
    fitted = observed - plain
    if fitted.std() <= 1e-9 * max(observed.std(), 1e-300):
        return Checked(*name, why="the model tells nothing")
    scaled = (fitted - fitted.mean()) / fitted.std()
    more, larger = _least_squares(np.column_stack([design, scaled**2, scaled**3]), observed)
    left, added = len(observed) - larger, larger - rank
    if left <= 0 or added <= 0:
        return Checked(
            *name, why="too few rows for so many columns" if left <= 0 else "the model has no room to bend"
        )
    before, after = float((plain**2).sum()), float((more**2).sum())
    if after <= 1e-18 * float((observed**2).sum()):
        return Checked(*name, why="the model leaves no residuals")
    statistic = max(before - after, 0.0) / added / (after / left)
    share = max(1 - after / before, 0.0)
    return _test(
        name,
        statistic,
        float(stats.f.sf(statistic, added, left)),
        share,
        "share of the squared residuals explained",
    )


def _evenness(design: Floats, residuals: Floats, observed: Floats) -> Checked:
    from scipy import stats

    name = ("even spread of the residuals", "Breusch-Pagan, studentised")
    if why := _nothing(residuals, observed):
        return Checked(*name, why=why)
    squares = residuals**2
    rest, rank = _least_squares(design, squares)
    if rank >= len(squares) or rank < 2:
        return Checked(
            *name, why="too few rows for so many columns" if rank > 1 else "the model has no columns"
        )
    share = max(1 - float((rest**2).sum()) / float(((squares - squares.mean()) ** 2).sum()), 0.0)
    statistic = len(squares) * share
    return _test(
        name,
        statistic,
        float(stats.chi2.sf(statistic, rank - 1)),
        share,
        "share of the squares' variance explained",
    )


def _test(name: tuple[str, str], statistic: float, p: float, effect: float, measures: str) -> Checked:
    return Checked(*name, _short(statistic), _short(p), p < LEVEL, _short(effect), measures)


def _least_squares(design: Floats, observed: Floats) -> tuple[Floats, int]:
    """What is left of `observed` beside a constant and the columns, and their rank with the constant."""
    import numpy as np

    centred = design - design.mean(axis=0)
    scales = centred.std(axis=0)
    # columns of one scale, so that the rank is that of the columns and not of their units
    columns = np.column_stack([np.ones(len(design)), centred / np.where(scales > 0, scales, 1.0)])
    solved, _, rank, _ = np.linalg.lstsq(columns, observed, rcond=None)
    return observed - columns @ solved, int(rank)


def _nothing(residuals: Floats, observed: Floats) -> str:
    return "the model leaves no residuals" if residuals.std() <= 1e-9 * max(observed.std(), 1e-300) else ""


def _linear(model: Any, data: Data) -> tuple[Any, Any]:
    """The linear regression at the end of a pipeline and the target on its scale, or (None, None)."""
    import numpy as np

    if data.target_kind != "float" or not hasattr(model, "steps"):
        return None, None
    last, target = model[-1], data.target
    if type(last).__name__ == "TransformedTargetRegressor":
        target = np.asarray(last.transformer_.transform(target[:, None]), dtype=np.float64)[:, 0]
        last = last.regressor_
    kind = type(last)
    linear = kind.__module__.startswith("sklearn.linear_model.") and kind.__name__ not in OTHERS
    return (last, target) if linear and hasattr(last, "coef_") else (None, None)


def _normal(residuals: Floats) -> list[list[float]]:
    import numpy as np
    from scipy import stats

    count = min(POINTS, len(residuals))
    shares = (np.arange(count) + 0.5) / count
    scaled = np.quantile((residuals - residuals.mean()) / residuals.std(), shares)
    pairs = zip(stats.norm.ppf(shares).tolist(), scaled.tolist(), strict=True)
    return [[_short(one), _short(other)] for one, other in pairs]


def _spread(fitted: Floats, residuals: Floats) -> list[list[float]]:
    import numpy as np

    order = np.argsort(fitted, kind="stable")
    parts = np.array_split(order, min(BINS, max(len(order) // 5, 1)))
    return [
        [
            _short(float(fitted[part].mean())),
            *map(_short, np.quantile(residuals[part], (0.1, 0.5, 0.9)).tolist()),
        ]
        for part in parts
    ]


def _short(value: float) -> float:
    """To six digits: what lies behind them differs between processors."""
    return float(f"{value:.6g}")
