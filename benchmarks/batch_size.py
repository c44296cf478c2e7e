"""The share of answers of scikit-learn's models that differ in a bit between a call of 65,536 rows and calls of 4,096.

It is why no clock has a say in how a table is cut. One thread, 37 columns.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from environment import STACK, make_environment

COMPARE = """
import numpy as np, sklearn
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
random = np.random.default_rng(0)
X = random.normal(size=(65536, 37))
y = X @ random.normal(size=37) + random.normal(size=len(X))
print(f"scikit-learn {sklearn.__version__}, numpy {np.__version__}")
for words, model, target in (
    ("Ridge, one output", Ridge(), y),
    ("Ridge, three outputs", Ridge(), np.c_[y, 2 * y + X[:, 0], y * y]),
    ("logistic regression, two classes", LogisticRegression(), y > 0),
    ("logistic regression, three classes", LogisticRegression(), (y > 0).astype(int) + (y > 1)),
    ("PCA and Ridge", make_pipeline(PCA(3), Ridge()), y),
    ("perceptron of several layers", MLPRegressor(hidden_layer_sizes=(50, 20), max_iter=10), y),
    ("HistGradientBoosting", HistGradientBoostingRegressor(max_iter=20), y),
    ("nearest neighbours", KNeighborsRegressor(), y),
):
    model.fit(X[:1500], target[:1500])
    ask = getattr(model, "predict_proba", model.predict)
    parts = np.concatenate([ask(X[start : start + 4096]) for start in range(0, len(X), 4096)])
    print(f"{words:<36} {np.mean(ask(X) != parts):6.1%}")
"""


def main() -> None:
    """The table."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with tempfile.TemporaryDirectory() as folder:
        python = make_environment(Path(folder, "environment"), STACK)
        subprocess.run([python, "-W", "ignore", "-c", COMPARE], check=True, env={**os.environ, **threads})


if __name__ == "__main__":
    main()
