"""What a linear regression takes for granted, held against its trained rows: normal residuals, a linear relation, an
even spread; of a logistic regression, what `logistic.py` says.

With many rows any test rejects what matters to nobody, so each has an effect beside its probability; and none of them
stops a training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.training.checked import Checked, tested
from harness.training.checked import short as _short
from harness.training.data import Data
from harness.training.logistic import checks_of_labels

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

MOST = 20_000
"""Rows that are looked at, evenly spread."""
POINTS = 41
BINS = 20
OTHERS = ("PoissonRegressor", "GammaRegressor", "TweedieRegressor", "QuantileRegressor")
"""Models of `sklearn.linear_model` that assume something else."""


def assumptions_of(model: Any, data: Data) -> dict[str, Any] | None:
    """The tests of a fitted pipeline and the points of their plots, or None where it ends in no linear model.

    `normal` are POINTS pairs of normal quantiles and those of the standardised residuals; `spread` are, in up to BINS
    bins of equally many rows by what was fitted, the mean of that and the 10%, 50% and 90% quantile of the residuals.
    """
    import numpy as np

    rows = np.flatnonzero(data.trained)
    rows = rows[:: -(-len(rows) // MOST)]
    if _logistic(model):
        classes = model.classes_
        labels = (data.target[rows] == classes[-1]).astype(np.float64)
        return _told(rows, checks_of_labels(_design(model, data, rows)[1], labels, len(classes)))
    last, target = _linear(model, data)
    if last is None:
        return None
    given, design = _design(model, data, rows)
    observed = target[rows]
    fitted = np.asarray(last.predict(given), dtype=np.float64).reshape(-1)
    residuals = observed - fitted
    found = _told(rows, checks_of(design, observed, residuals))
    if residuals.std() > 1e-9 * max(observed.std(), 1e-300):
        found["normal"] = _normal(residuals)
        found["spread"] = _spread(fitted, residuals)
    return found


def _told(rows: Any, tests: tuple[Checked, ...]) -> dict[str, Any]:
    return {"rows": len(rows), "tests": [one.to_json() for one in tests]}


def _design(model: Any, data: Data, rows: Any) -> tuple[Any, Floats]:
    """What the last step of a pipeline is given of some rows, and the same as numbers (n, columns)."""
    import numpy as np

    given: Any = data.frame.iloc[rows]
    given = model[:-1].transform(given) if len(model) > 1 else given
    given = given.toarray() if hasattr(given, "toarray") else given
    return given, np.asarray(given, dtype=np.float64).reshape(len(rows), -1)


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
    return tested(name, float(found.statistic), float(found.pvalue), effect, measures)


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
    return tested(
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
    return tested(
        name,
        statistic,
        float(stats.chi2.sf(statistic, rank - 1)),
        share,
        "share of the squares' variance explained",
    )


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


def _logistic(model: Any) -> bool:
    kind = type(model[-1]) if hasattr(model, "steps") else type(model)
    return hasattr(model, "steps") and kind.__name__ in ("LogisticRegression", "LogisticRegressionCV")


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
