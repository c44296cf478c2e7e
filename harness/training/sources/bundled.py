"""scikit-learn's bundled data sets, by name and without a network."""

from __future__ import annotations

from harness.errors import HarnessError, did_you_mean
from harness.training.config import DataSection
from harness.training.sources.lines import lines_of


def fetch(data: DataSection) -> bytes:
    """A `load_…` set as JSON Lines: the key counts its rows from 1, labels stand by name where they have one."""
    import sklearn.datasets

    name = data.bundled
    known = [one for one in dir(sklearn.datasets) if one.startswith("load_") and one not in _OTHERS]
    if name not in known:
        raise HarnessError(
            f'scikit-learn bundles no table "{name}"', where="[data] bundled", hint=did_you_mean(name, known)
        )
    options = {"scaled": False} if name == "load_diabetes" else {}
    found = getattr(sklearn.datasets, name)(as_frame=True, **options)
    frame = found.frame.rename(columns={"target": data.target})
    names = getattr(found, "target_names", None)
    if names is not None and frame[data.target].dtype.kind in "iu":
        frame[data.target] = [names[label] for label in frame[data.target]]
    frame.insert(0, data.key, range(1, len(frame) + 1))
    return lines_of(list(frame.columns), (row for row in frame.itertuples(index=False, name=None)))


_OTHERS = ("load_files", "load_sample_image", "load_sample_images", "load_svmlight_file", "load_svmlight_files",
           "load_linnerud")  # fmt: skip
