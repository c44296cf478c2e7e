"""Results as `run.conclude` builds them: a retrain that passes, a failure, a run that was never planned, no change."""

from __future__ import annotations

import copy
from typing import Any

from harness import reporting

EDGES = [0.0, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
PARTS = (
    "planned",
    "compared",
    "baseline_faulted",
    "candidate_faulted",
    "both_faulted",
    "dropped",
    "not_reached",
)


def version(number: str, mark: str, **more: Any) -> dict[str, Any]:
    data = {
        "spec": f"baselines:{number}",
        "version": number,
        "digest": mark * 64,
        "sha256": mark[::-1] * 64,
        "name": "diabetes-progression",
        "why": "previous release of channel production",
        "kind": "package",
        "python": "3.12.4",
        "data": mark * 64,
        "configuration": "c" * 64,
        "lock": "d" * 64,
        "commit": "e" * 40,
        "metrics": {"MAE": 44.1},
    }
    return data | more


def accounting(planned: int, compared: int | None = None, **more: int) -> dict[str, int]:
    data = dict.fromkeys(PARTS, 0) | {
        "planned": planned,
        "compared": planned if compared is None else compared,
    }
    return data | more


def rule(name: str, inputs: str = "holdout", status: str = "PASS", **more: Any) -> dict[str, Any]:
    data = {
        "name": name,
        "rule": "close",
        "inputs": inputs,
        "output": "prediction",
        "status": status,
        "severity": "fail",
        "chosen": "default of a retrain",
        "says": "|c - b| <= 1e-09 x |b|",
        "measured": "0 of 89 rows",
        "limit": "none",
        "violations": 0,
        "compared": 89,
        "both_nan": 0,
        "largest": 0.0,
        "worst_key": "",
        "reason": "",
        "owner": "",
        "justified": "",
    }
    return data | more


def finding(key: str, magnitude: float, **more: Any) -> dict[str, Any]:
    data = {
        "source": "holdout",
        "rule": "values",
        "output": "prediction",
        "key": key,
        "magnitude": magnitude,
        "says": "|c - b| <= 1e-09 x |b|",
        "inputs": {
            "age": 0.0380759064334241,
            "sex": 2,
            "bmi": 0.0616962065186885,
            "email": "(private)",
            "s5": None,
        },
        "baseline": {"prediction": 151.30000000000001},
        "candidate": {"prediction": 151.3 + magnitude},
        "target": 151.0,
        "shrunk": False,
        "harm": None,
    }
    return data | more


def fault(code: str, message: str, **more: Any) -> dict[str, Any]:
    data = {
        "code": code,
        "side": "run",
        "source": "candidate",
        "message": message,
        "error": "",
        "count": 1,
        "first_key": "",
        "frames": [],
        "hint": "",
    }
    return data | more


def share_beyond(tolerance: float, counts: list[int]) -> float:
    return sum(count for edge, count in zip(EDGES, counts[1:], strict=True) if edge >= tolerance) / sum(
        counts
    )


def moved(source: str, counts: list[int], noise: float | None = 0.41) -> dict[str, Any]:
    count = sum(counts[5:])
    return {
        "source": source,
        "output": "prediction",
        "over": 0.01,
        "count": count,
        "compared": sum(counts),
        "rate": count / sum(counts),
        "noise": noise,
        "largest": 0.173,
        "largest_key": "17",
        "largest_absolute": 31.5,
        "largest_absolute_key": "41",
        "measured": sum(counts),
        "mean": 0.125 if count else 0.0,
        "std": 4.25 if count else 0.0,
        "curve": [[2.0**power, share_beyond(2.0**power, counts)] for power in range(-28, 2)],
        "histogram": {"edges": list(EDGES), "counts": counts},
    }


RUN: dict[str, Any] = {
    "run_id": "20261123T091500-4f2a91",
    "started": "2026-11-23T09:15:00+00:00",
    "seconds": 41.207,
    "command": "pytest --compare-to=previous -m differential",
    "harness": "0.1.0",
    "python": "3.12.4",
    "machine": "x86_64",
    "commit": "e" * 40,
    "tree": "f" * 40,
    "dirty": True,
    "workers": 0,
    "events": [],
    "baseline": {
        "isolation": "process+no-network",
        "python": "3.12.4",
        "libraries": {"numpy": "2.3.1", "scikit-learn": "1.7.0"},
        "events": [],
    },
    "candidate": {
        "isolation": "process+no-network",
        "python": "3.12.4",
        "libraries": {"numpy": "2.3.2", "scikit-learn": "1.7.0"},
        "events": [],
    },
}


def sources(**more: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": "holdout",
            "kind": "table",
            "where": "fixtures/holdout.parquet",
            "planned": 89,
            "accounting": accounting(89),
            "labelled": True,
            "seed": None,
        },
        {
            "name": "search",
            "kind": "search",
            "where": "Hypothesis, 2,000 rows",
            "planned": 2000,
            "accounting": accounting(2000),
            "labelled": False,
            "seed": 8123,
        }
        | more,
    ]


def passed() -> dict[str, Any]:
    """A retrain that may be released."""
    says = "MAE -0.234%, at most +3.2% (95%), margin +5%"
    return {
        "verdict": "PASS",
        "exit": 0,
        "headline": "MAY BE RELEASED: 1.2.0 (retrain) is not worse than 1.1.0: MAE 44.1 → 44.0, limit 46.3. "
        "44% of predictions moved by over 1%; another seed alone moves 41%.",
        "reason": "1.2.0 (retrain) is not worse than 1.1.0",
        "next": "harness verify && harness release",
        "change": "retrain",
        "change_evidence": ["data differs: aaaaaaaaaaaa → bbbbbbbbbbbb", "configuration equal", "lock equal"],
        "model": "diabetes-progression",
        "baseline": version("1.1.0", "a1"),
        "candidate": version(
            "1.2.0", "b2", spec="project:.", why="project:. built dist/", metrics={"MAE": 44.0}
        ),
        "planned": 2089,
        "compared": 2089,
        "accounting": accounting(2089),
        "sources": sources(),
        "rules": [
            rule("structure", says="the same outputs, of the same kinds"),
            rule("faults", says="no new faults"),
            rule(
                "not-worse",
                rule="not-worse",
                measured="MAE 44.13 → 44.03 (-0.23%, at most +3.20%)",
                limit="46.34 (+5.00%)",
                says="the loss is not worse by the margin",
            ),
            rule("structure", "search", compared=2000, measured="0 of 2,000 rows"),
            rule("faults", "search", compared=2000, measured="0 of 2,000 rows"),
        ],
        "faults": [],
        "quality": [
            {
                "source": "holdout",
                "scorer": "neg_mean_absolute_error",
                "metric": "MAE",
                "baseline": 44.13,
                "candidate": 44.03,
                "change": -0.00234,
                "upper": 0.032,
                "margin": 0.05,
                "relative": True,
                "limit": 46.34,
                "cases": 89,
                "status": "PASS",
                "cases_needed": None,
                "says": says,
            }
        ],
        "moved": [
            moved("holdout", [3, 4, 10, 13, 20, 25, 14, 0, 0, 0]),
            moved("search", [10, 40, 300, 310, 460, 500, 300, 60, 19, 1]),
        ],
        "findings": [
            finding("17", 12.5, rule="not-worse", harm=12.5),
            finding("41", 31.25, rule="not-worse", harm=31.25),
        ],
        "chosen": [
            "change = auto: judged as retrain (data differs)",
            "default rules of a retrain: faults, not-worse, structure",
            "values are reported and not judged one by one: a retrain moves them",
        ],
        "warnings": [],
        "private": ["email"],
        "rules_digest": "9" * 64,
    }


def failed() -> dict[str, Any]:
    """A refactor that changed answers."""
    reason = "214 of 2,000 rows violate values (|c - b| <= 1e-09 x |b|); none may  [values, search]"
    return passed() | {
        "verdict": "FAIL",
        "exit": 1,
        "headline": f"DO NOT RELEASE: {reason} (and 1 more)",
        "reason": f"{reason} (and 1 more)",
        "next": "look at the worst cases in the report, then mend the candidate and train again",
        "change": "refactor",
        "quality": [],
        "compared": 2086,
        "accounting": accounting(2089, 2086, candidate_faulted=3),
        "sources": sources(accounting=accounting(2000, 1997, candidate_faulted=3)),
        "rules": [
            rule("structure", says="the same outputs, of the same kinds"),
            rule(
                "values",
                status="FAIL",
                violations=3,
                measured="3 of 89 rows",
                reason="3 of 89 rows violate values (|c - b| <= 1e-09 x |b|); none may",
                worst_key="17",
            ),
            rule(
                "price-wide", status="FAIL", severity="warn", measured="9 of 89 rows", reason="9 of 89 rows"
            ),
            rule(
                "values",
                "search",
                status="FAIL",
                violations=214,
                compared=1997,
                measured="214 of 1,997 rows",
                reason="214 of 1,997 rows violate values (|c - b| <= 1e-09 x |b|); none may",
                worst_key="a81f02",
            ),
            rule("probability-*", status="INCONCLUSIVE", compared=0, reason="E28 rule checked nothing"),
            *(rule(f"contract-{n}") for n in range(5)),
        ],
        "faults": [
            fault(
                "",
                "could not convert string to float: 'n/a'",
                side="candidate",
                source="search",
                error="ValueError",
                count=3,
                first_key="0c77d1",
                frames=["pipeline.py:88 in predict", "scale.py:12 in transform"],
            )
        ],
        "moved": [moved("holdout", [60, 10, 5, 5, 6, 2, 1, 0, 0, 0], None)],
        "findings": [
            finding("17", 2.5),
            finding("3", 0.25),
            *(
                finding(f"a81f{n:02d}", 300.0 - n, source="search", target=None, shrunk=n == 2)
                for n in range(20)
            ),
            finding("9", float("inf"), candidate={"error": "ValueError: no"}, source="search"),
        ],
        "warnings": ["price-wide on holdout: 9 of 89 rows (severity warn)"],
        "anchor": None,
        "waivers": [
            {
                "name": "rounded-up",
                "rule": "values",
                "inputs": ["holdout"],
                "where": "",
                "direction": "up",
                "max_magnitude": 0.5,
                "versions": "1.1.0 -> *",
                "owner": "pricing",
                "reason": "prices are rounded up now",
                "until": "2999-01-01",
                "status": "exceeded",
                "inside": 8,
                "outside": 1,
            }
        ],
        "chosen": ["change = auto: judged as refactor (everything equal)"],
    }


def inconclusive() -> dict[str, Any]:
    """What `run.conclude.fail_early` builds: nothing was planned."""
    unknown = {"spec": "", "version": "", "digest": ""}
    reason = "E48 no release of diabetes-progression in channel production"
    return {
        "verdict": "INCONCLUSIVE",
        "exit": 11,
        "headline": f"CANNOT SAY: {reason}",
        "reason": reason,
        "next": 'harness release --first --reason "…"',
        "change": "auto",
        "change_evidence": [],
        "model": "diabetes-progression",
        "baseline": unknown | {"spec": "previous"},
        "candidate": unknown | {"spec": "project:."},
        "planned": 0,
        "compared": 0,
        "accounting": accounting(0),
        "sources": [],
        "rules": [],
        "faults": [
            fault("E48", reason.removeprefix("E48 "), source="baselines", hint="harness release --first")
        ],
        "quality": [],
        "moved": [],
        "findings": [],
        "chosen": [],
        "warnings": [],
        "private": [],
        "rules_digest": "",
    }


def unchanged() -> dict[str, Any]:
    """The candidate is the baseline."""
    says = "nothing to release: 1.1.0 is 1.1.0, bit for bit"
    old = version("1.1.0", "a1")
    return passed() | {
        "headline": f"UNCHANGED: {says}",
        "reason": says,
        "next": "nothing to do",
        "change": "refactor",
        "candidate": old,
        "quality": [],
        "findings": [],
        "moved": [moved("holdout", [89, 0, 0, 0, 0, 0, 0, 0, 0, 0], None)],
    }


KINDS = {"pass": passed, "fail": failed, "inconclusive": inconclusive, "unchanged": unchanged}


def record(result: dict[str, Any], **run: Any) -> dict[str, Any]:
    # what runs a version is known only where one was started
    around = {name: value for name, value in RUN.items() if result["planned"] or not isinstance(value, dict)}
    return reporting.compose(result, copy.deepcopy(around) | run)


def poisoned(result: Any, text: str) -> Any:
    """The same with `text` behind every string and in every name of free mappings, so that all of it is hostile."""
    if isinstance(result, dict):
        free = {"inputs", "metrics", "libraries", "baseline_", "candidate_"}
        return {
            name: {f"{key}{text}": poisoned(item, text) for key, item in value.items()}
            if name in free and isinstance(value, dict)
            else poisoned(value, text)
            for name, value in result.items()
        }
    if isinstance(result, list | tuple):
        return [poisoned(item, text) for item in result]
    if isinstance(result, str) and result not in FIXED:
        return result + text
    return result


FIXED = {"PASS", "FAIL", "INCONCLUSIVE", "fail", "warn", "table", "search", "run", "baseline", "candidate"}


def closed(node: Any) -> Any:
    """A schema whose objects have no key that it does not name."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    more = {"additionalProperties": False} if "properties" in node and "type" in node else {}
    return {**more, **{name: closed(item) for name, item in node.items()}}
