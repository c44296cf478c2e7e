"""Training configurations that nobody has thought of: any encoder, imputer, scaler, selection, estimator together."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from harness.training.config import Config, read_config

LOCK = "".join(
    f"{name}=={metadata.version(name)}\n" for name in ("numpy", "scipy", "scikit-learn", "joblib", "pandas")
)

CONFIG = """\
model = "houses"
package = "houses"
version = "1.0.0"
task = "{task}"
seed = {seed}
lock = "model.lock"

[data]
path = "houses.csv"
key = "id"
target = "{target}"
features = ["size", "age", "rooms", "district", "agent", "garden"]
kinds = {{ size = "float", age = "float", rooms = "int", district = "str", agent = "str", garden = "bool" }}
nullable = ["size", "age"]
{data}
[split]
share = 0.35
salt = "houses"

"""


def step(name: str, *parameters: str) -> str:
    """A step of scikit-learn as the file has it."""
    return "\n".join([f'step = "sklearn.{name}"', *parameters])


TEXTS = 'columns = ["district", "agent"]'
ENCODERS = [
    step("preprocessing.OneHotEncoder", TEXTS, 'handle_unknown = "ignore"', "sparse_output = false"),
    step(
        "preprocessing.OneHotEncoder", TEXTS, 'handle_unknown = "infrequent_if_exist"', "min_frequency = 4",
        "sparse_output = false",
    ),
    step("preprocessing.OrdinalEncoder", TEXTS, 'handle_unknown = "use_encoded_value"', "unknown_value = -1"),
    step("preprocessing.TargetEncoder", TEXTS, "cv = 3"),
]  # fmt: skip
IMPUTERS = [
    step("impute.SimpleImputer", "add_indicator = true"),
    step("impute.SimpleImputer", 'strategy = "median"'),
    step("impute.KNNImputer", "n_neighbors = 3"),
]
BETWEEN = [
    step("preprocessing.StandardScaler"),
    step("preprocessing.MinMaxScaler"),
    step("preprocessing.RobustScaler"),
    step("preprocessing.QuantileTransformer", "n_quantiles = 10"),
    step("preprocessing.PowerTransformer"),
    step(
        "preprocessing.KBinsDiscretizer", "n_bins = 3", 'encode = "ordinal"',
        'quantile_method = "averaged_inverted_cdf"',
    ),
    step("decomposition.PCA", "n_components = 4"),
    step("feature_selection.VarianceThreshold"),
    step("feature_selection.SelectPercentile", "percentile = 60"),
    step(
        "feature_selection.SelectFromModel", 'threshold = "median"',
        'estimator = { step = "sklearn.ensemble.RandomForest%s", n_estimators = 4 }',
    ),
    step(
        "feature_selection.RFE", "n_features_to_select = 4",
        'estimator = { step = "sklearn.tree.DecisionTree%s" }',
    ),
]  # fmt: skip
"""What may stand between; `%s` is Regressor or Classifier."""

ESTIMATORS = {
    "regression": {
        "linear_model.Ridge": "",
        "linear_model.Lasso": "",
        "linear_model.RidgeCV": "cv = 3",
        "ensemble.RandomForestRegressor": "n_estimators = 4",
        "ensemble.HistGradientBoostingRegressor": "max_iter = 4",
        "neighbors.KNeighborsRegressor": "",
        "svm.SVR": "",
        "neural_network.MLPRegressor": "max_iter = 8",
    },
    "classification": {
        "linear_model.LogisticRegression": "max_iter = 200",
        "ensemble.RandomForestClassifier": "n_estimators = 4",
        "ensemble.HistGradientBoostingClassifier": "max_iter = 4",
        "naive_bayes.GaussianNB": "",
        "neighbors.KNeighborsClassifier": "",
        "neural_network.MLPClassifier": "max_iter = 8",
    },
}
FURTHER = {
    "regression": ["", "", "[selection]\nresamples = 2\n"],
    "classification": ["", "", "[selection]\n", '[calibration]\nmethod = "sigmoid"\nfolds = 3\n'],
}
SEARCHED = {
    name: f'[search]\nparameters = {{ "{name.rpartition(".")[2]}.{values} }}\nfolds = 3\n'
    for name, values in {
        "linear_model.Ridge": 'alpha" = [0.1, 1.0, 10.0]',
        "neighbors.KNeighborsRegressor": 'n_neighbors" = [2, 5]',
        "neighbors.KNeighborsClassifier": 'n_neighbors" = [2, 5]',
    }.items()
}
DATA = ["", 'drop_missing = ["size"]', 'mask = { columns = ["age"], share = 0.2, salt = "m" }']


@dataclass(frozen=True)
class Drawn:
    """A configuration, as the text that it is written in."""

    task: str
    text: str

    @property
    def target(self) -> str:
        """The column to predict."""
        return "price" if self.task == "regression" else "label"

    def written(self, folder: Path, table: pd.DataFrame) -> Config:
        """The configuration with its table and its lock, in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "houses.toml").write_text(self.text)
        (folder / "model.lock").write_text(LOCK)
        table.to_csv(folder / "houses.csv", index=False)
        return read_config(folder / "houses.toml")


@st.composite
def configurations(draw: st.DrawFn) -> Drawn:
    """Any of them."""
    task = draw(st.sampled_from(sorted(ESTIMATORS)))
    estimator = draw(st.sampled_from(sorted(ESTIMATORS[task])))
    between = draw(st.lists(st.sampled_from(BETWEEN), max_size=2, unique=True))
    kind = "Regressor" if task == "regression" else "Classifier"
    steps = [draw(st.sampled_from(ENCODERS)), draw(st.sampled_from(IMPUTERS))]
    steps += [one.replace("%s", kind) for one in between]
    steps.append(step(estimator, ESTIMATORS[task][estimator]))
    further = draw(st.sampled_from([*FURTHER[task], SEARCHED.get(estimator, "")]))
    text = CONFIG.format(
        task=task,
        seed=draw(st.integers(0, 1000)),
        target="price" if task == "regression" else "label",
        data=draw(st.sampled_from(DATA)),
    )
    return Drawn(task, text + "".join(f"[[steps]]\n{one}\n\n" for one in steps) + further)


def table(rows: int = 90, seed: int = 1) -> pd.DataFrame:
    """Houses with gaps in two columns, a category of few levels and one of many, and two targets."""
    random = np.random.default_rng(seed)
    size, rooms = random.uniform(30, 200, rows).round(1), random.integers(1, 7, rows)
    price = (1000 * size + 5000 * rooms + random.normal(0, 9000, rows)).round(2)
    return pd.DataFrame(
        {
            "id": [f"h{row}" for row in range(rows)],
            "size": np.where(random.random(rows) < 0.1, np.nan, size),
            "age": np.where(random.random(rows) < 0.1, np.nan, random.integers(0, 90, rows)),
            "rooms": rooms,
            "district": random.choice(["north", "south", "east", "west"], rows),
            "agent": random.choice([f"agent {n}" for n in range(15)], rows),
            "garden": random.random(rows) < 0.4,
            "price": price,
            "label": np.where(price > np.median(price), "dear", np.where(rooms > 3, "large", "cheap")),
        }
    )
