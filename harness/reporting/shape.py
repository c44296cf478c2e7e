"""The shape of the run record, as types: `report.schema.json` is made from them (`reporting.schema`).

A key that is `NotRequired` came after the first version of the record: older records lack it. Types in `CLOSED` hold no
other keys; what is in the others may grow without a new `schema_version`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from harness.errors import Exit

Count = Annotated[int, {"minimum": 0}]
Sha256 = Annotated[str, {"pattern": "^[0-9a-f]{64}$"}]
Code = Annotated[int, Exit]
Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]
Status = Literal["PASS", "FAIL", "INCONCLUSIVE", "REPORTED"]
Change = Literal["auto", "refactor", "upgrade", "retrain"]
Maybe = float | None
Texts = list[str]


class Version(TypedDict):
    """A version by its spec, as it stands at the top of the record and in `verdict.json`."""

    spec: str
    version: str
    digest: str
    sha256: str


class FullVersion(TypedDict):
    """A version, and what its manifest says of it."""

    spec: str
    version: str
    digest: str
    sha256: NotRequired[str]
    name: NotRequired[str]
    why: NotRequired[str]
    kind: NotRequired[str]
    python: NotRequired[str]
    data: NotRequired[str]
    configuration: NotRequired[str]
    lock: NotRequired[str]
    commit: NotRequired[str]
    metrics: NotRequired[dict[str, Maybe]]


class Accounting(TypedDict):
    """Every planned case, by what became of it."""

    planned: Count
    compared: Count
    baseline_faulted: Count
    candidate_faulted: Count
    both_faulted: Count
    dropped: Count
    not_reached: Count


class Rule(TypedDict):
    """A rule on an input source, as `verdict.json` has it."""

    name: str
    inputs: str
    status: Status
    measured: str
    limit: str
    violations: Count
    compared: Count


class Slice(TypedDict):
    """A rule within one slice."""

    name: str
    status: Status
    violations: Count
    compared: Count
    limit: Count
    largest: float
    worst_key: str
    reason: str
    code: str
    waived: Count


class Statistic(TypedDict):
    """A budget that is no count."""

    name: str
    output: str
    slice: str
    measured: float
    limit: float
    status: Status
    reason: str
    code: str


class FullRule(TypedDict):
    """A rule on an input source: what it demands, what it measured, why it is there."""

    name: str
    rule: str
    inputs: str
    output: str
    status: Status
    severity: Literal["fail", "warn"]
    chosen: str
    says: str
    measured: str
    limit: str
    violations: Count
    compared: Count
    both_nan: Count
    largest: float
    worst_key: str
    reason: str
    owner: str
    justified: str
    waived: NotRequired[Count]
    waivers: NotRequired[Texts]
    evidence: NotRequired[str]
    until: NotRequired[str]
    where: NotRequired[str]
    replaces: NotRequired[str]
    cases: NotRequired[Count]
    ties: NotRequired[Count]
    slices: NotRequired[list[Slice]]
    statistics: NotRequired[list[Statistic]]


class Fault(TypedDict):
    """What went wrong, and how often."""

    code: str
    side: Literal["run", "baseline", "candidate"]
    source: str
    message: str
    error: str
    count: Count
    first_key: str
    frames: Texts
    hint: str


class Source(TypedDict):
    """An input source and its accounting."""

    name: str
    kind: Literal["table", "search"]
    where: str
    planned: Count
    accounting: Accounting
    labelled: bool
    seed: int | None


class Quality(TypedDict):
    """The losses of both versions on one labelled table."""

    source: str
    scorer: str
    metric: str
    baseline: float
    candidate: float
    change: float
    upper: float
    margin: float
    relative: bool
    limit: float
    cases: Count
    planned: NotRequired[Count]
    status: Status
    cases_needed: int | None
    says: str


class Histogram(TypedDict):
    """Counts between edges."""

    edges: list[float]
    counts: list[Count]


class Moved(TypedDict):
    """How far one numeric output moved."""

    source: str
    output: str
    over: float
    count: Count
    compared: Count
    rate: Maybe
    noise: Maybe
    largest: float
    largest_key: str
    largest_absolute: float
    largest_absolute_key: str
    measured: Annotated[Count, "Rows that have a finite difference: mean and std are over these."]
    mean: Maybe
    std: Maybe
    curve: Annotated[
        list[Annotated[list[float], {"minItems": 2, "maxItems": 2}]],
        "Points [tolerance, share of the compared rows whose relative change is beyond it], exact at each.",
    ]
    histogram: Histogram


class Finding(TypedDict):
    """One case."""

    source: str
    rule: str
    output: str
    key: str
    magnitude: float
    says: str
    inputs: dict[str, Any]
    baseline: dict[str, Any]
    candidate: dict[str, Any]
    target: Annotated[Any, "The label: any JSON value, null where there is none."]
    shrunk: bool
    harm: Maybe


class Waiver(TypedDict):
    """A configured waiver, and what came of it."""

    name: str
    rule: str
    inputs: Texts
    where: str
    direction: Literal["any", "up", "down"]
    max_magnitude: Maybe
    versions: str
    owner: str
    reason: str
    until: Annotated[str, {"format": "date"}]
    status: str
    inside: Count
    outside: Count


class Result(TypedDict):
    """The deterministic part: the same for the same versions, inputs and rules. result_digest is the sha256 of its
    canonical JSON."""

    verdict: Verdict
    exit: Code
    headline: str
    reason: str
    next: str
    change: Change
    model: str
    planned: Count
    compared: Count
    accounting: Accounting
    change_evidence: Texts
    baseline: FullVersion
    candidate: FullVersion
    sources: list[Source]
    rules: list[FullRule]
    faults: list[Fault]
    quality: list[Quality]
    moved: list[Moved]
    findings: list[Finding]
    chosen: Texts
    warnings: Texts
    private: Texts
    rules_digest: str
    waivers: NotRequired[list[Waiver]]
    anchor: NotRequired[FullVersion | None]


class Running(TypedDict):
    """How one version was run."""

    isolation: str
    python: NotRequired[str]
    libraries: NotRequired[dict[str, str]]
    events: NotRequired[Texts]


class Operation(TypedDict):
    """What was measured of how both versions run; it differs from run to run."""

    name: str
    inputs: str
    measured: str
    measure: NotRequired[str]
    unit: NotRequired[Literal["s", "bytes", "rows/s"]]
    baseline: NotRequired[float]
    candidate: NotRequired[float]
    candidate_low: NotRequired[float]
    candidate_high: NotRequired[float]
    ratio: NotRequired[float]
    ratio_low: NotRequired[float]
    ratio_high: NotRequired[float]
    pairs: NotRequired[Annotated[int, {"minimum": 1}]]
    rows: NotRequired[Count]


class Calls(TypedDict):
    """How a table was asked: so many blocks `together` in one call, but for those that had to be asked `alone`."""

    together: Annotated[int, {"minimum": 1}]
    alone: Count


class Run(TypedDict):
    """What differs from run to run: times, machine, how both versions were run."""

    run_id: str
    started: str
    seconds: Annotated[float, {"minimum": 0}]
    command: str
    harness: str
    python: str
    machine: str
    commit: str
    tree: str
    dirty: bool
    workers: Count
    events: Texts
    baseline: NotRequired[Running]
    candidate: NotRequired[Running]
    processor: NotRequired[str]
    operations: NotRequired[list[Operation]]
    recorded: NotRequired[dict[str, Annotated[int, {"minimum": 1}]]]
    calls: NotRequired[dict[str, Calls]]
    decision_url: NotRequired[Annotated[str, {"pattern": "^https://"}]]


class Record(TypedDict):
    """verdict.json holds the same without result and run."""

    schema_version: Literal[1]
    run_id: str
    verdict: Verdict
    exit: Code
    headline: str
    reason: str
    next: str
    change: Change
    model: str
    planned: Count
    compared: Count
    accounting: Accounting
    baseline: Version
    candidate: Version
    rules: list[Rule]
    faults: list[Fault]
    result_digest: Sha256
    result: Result
    run: Run


CLOSED = (Record, Version, Accounting, Rule, Slice, Statistic, Fault)
"""Types whose keys are all there are."""
