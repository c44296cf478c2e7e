"""Run by a version's own interpreter: opens the model file beside it and writes down what the model says of itself.

Syntax of Python 3.8; arguments: the folder of the model and its loader, and the file to write. Asks attributes alone
and predicts nothing.
"""

import json
import sys
from typing import Any, Dict, Iterator, Optional, Tuple  # noqa: UP035  # 3.8


def about(model: Any) -> Dict[str, Any]:  # noqa: UP006
    """What scikit-learn's conventions tell: names and number of the inputs, classes, the kind of object, and of each
    input the categories that an encoder knows, or the mean and the spread that a scaler has seen."""
    names = _names(model)
    count = getattr(model, "n_features_in_", None)
    classes = getattr(model, "classes_", None)
    choices: Dict[str, Any] = {}  # noqa: UP006
    spreads: Dict[str, Any] = {}  # noqa: UP006
    for part, given in _parts(model, names, 0):
        for place, name in enumerate(given or ()):
            try:
                if hasattr(part, "categories_"):
                    known = [one.item() if hasattr(one, "item") else one for one in part.categories_[place]]
                    choices[name] = [
                        one for one in known if isinstance(one, (str, int, float)) and one == one
                    ]
                elif hasattr(part, "mean_") and getattr(part, "scale_", None) is not None:
                    spreads[name] = [float(part.mean_[place]), float(part.scale_[place])]
            except Exception:  # noqa: S112  # whatever a foreign object does, it tells nothing then
                continue
    return {
        "kind": "%s.%s" % (type(model).__module__.split(".")[0], type(model).__name__),  # noqa: UP031
        "names": names,
        "count": None if count is None else int(count),
        "classes": None if classes is None else [str(name) for name in classes],
        "choices": choices,
        "spreads": spreads,
    }


def _names(model: Any) -> Optional[list]:  # type: ignore[type-arg]  # noqa: UP045
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def _parts(model: Any, names: Optional[list], depth: int) -> Iterator[Tuple[Any, Any]]:  # type: ignore[type-arg]  # noqa: UP006, UP045
    """The steps that see the inputs as they come, each with the names of its own."""
    if depth > 6:
        return
    yield model, _names(model) or names
    steps = getattr(model, "steps", None)
    if isinstance(steps, list) and steps:
        # what comes after the first sees other columns
        yield from _parts(steps[0][1], names, depth + 1)
    for _, part, columns in getattr(model, "transformers_", None) or ():
        chosen = [str(one) for one in columns] if not isinstance(columns, (slice, str)) else None
        if chosen and all(one in (names or ()) for one in chosen):
            yield from _parts(part, chosen, depth + 1)


if __name__ == "__main__":
    del sys.path[0]
    sys.path.insert(0, sys.argv[1])
    import harness_artifact  # type: ignore[import-not-found]

    with open(sys.argv[2], "w") as file:
        json.dump(about(harness_artifact.MODEL), file)
