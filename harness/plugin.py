"""The pytest face of a run: collection, items, exit code, closing lines. Everything else is asked of `run`.

Each rule on each input source is one item below the configuration file, so that `-v`, `-k`, `-m`, node ids, JUnit
XML and pytest-xdist treat it as a test; what decides is the merged state, judged at the end of the session.
"""

from __future__ import annotations

import contextlib
import datetime
import shlex
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import settings as configuration
from harness.errors import Exit, HarnessError, worst
from harness.run import tombstone
from harness.run.reported import Report, Reported
from harness.run.stopping import Stopping

if TYPE_CHECKING:
    from harness.compare.ruleset import Bound
    from harness.compare.verdict import RuleResult
    from harness.inputs import InputSource
    from harness.run.conclude import Conclusion
    from harness.run.session import Session

STATUS = "harness_status"
GATE = "model-harness-gate"
# the ways of pytest-xdist to spread items that keep groups of them together
BY_GROUP = frozenset({"loadscope", "loadfile", "loadgroup"})


def start(config: pytest.Config) -> None:
    """Called before any conftest is loaded: the tombstone is written, then the hooks are registered."""
    gate = Gate(config)
    # this module too: it holds the fixture
    for plugin, name in ((gate, GATE), (sys.modules[__name__], "model-harness-fixtures")):
        if config.pluginmanager.register(plugin, name) is None:
            raise pytest.UsageError(f"-p no:{name} disables the gate that --compare-to asks for")


@pytest.fixture(scope="session")
def comparison(pytestconfig: pytest.Config) -> Any:
    """Both versions, for differential tests written by hand: see `harness.run.session.Comparison`."""
    gate: Any = pytestconfig.pluginmanager.get_plugin(GATE)
    return gate.session.comparison()


class Gate:
    """The hooks of one pytest process, in the controller or in a worker of pytest-xdist."""

    def __init__(self, config: pytest.Config) -> None:
        options = config.known_args_namespace
        self.options = options
        self.root = config.rootpath
        self.plugins = config.pluginmanager
        self.run_id = tombstone.announced()
        self.worker = bool(self.run_id)
        self.began, self.started = time.monotonic(), datetime.datetime.now(datetime.UTC)
        self.collect_only = bool(getattr(options, "collectonly", False))
        self.trouble: HarnessError | None = None
        self.settings: configuration.Settings | None = None
        self.session: Session | None = None
        self.conclusion: Conclusion | None = None
        self.reported = Reported()
        self.stopping = Stopping()
        self.held = contextlib.ExitStack()
        self.file: Path | None = None
        try:
            self.file = configuration.find(self.root, options.compare_config or "")
            self.settings = configuration.load(self.file)
        except HarnessError as error:
            self.trouble = error
        reports = self.settings.reports_path if self.settings else self.root / "reports"
        self.folder = Path(options.compare_report).absolute() if options.compare_report else reports
        if self.worker or self.collect_only:
            return
        from harness.run import journal

        self.run_id = tombstone.new_run_id()
        try:
            if self.settings is not None:
                tombstone.refuse_folder(self.folder, self.settings.root)
            self.held.enter_context(tombstone.held(self.folder))
            journal.begin(self.folder, self.run_id)
        except HarnessError as error:
            raise pytest.UsageError(str(error)) from None
        tombstone.announce(self.run_id)

    @property
    def reporter(self) -> Any:
        """pytest's terminal, None where there is none; it is registered after us."""
        return self.plugins.get_plugin("terminalreporter")

    # ---- collection

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Plan the run, and see that the configuration file is collected whatever paths were typed."""
        if not self.collect_only:
            self.stopping.hold()
        self._replace_no_worker(config)
        if self.trouble is None and self.settings is not None:
            self._plan()
        if self.session is None or self.file is None:
            return  # without a plan there is nothing to collect, and pytest would complain about the file
        if not any(_names(arg, self.file, config) for arg in config.args):
            config.args.append(str(self.file))

    def _replace_no_worker(self, config: pytest.Config) -> None:
        """Where pytest-xdist spreads by group, a worker that died gets no successor.

        To 3.8.0, the last release, the successor may wait for ever for an item that never comes (its issues 1323 and
        1327). Nothing is lost by it: without the dead worker the run is INCONCLUSIVE (E12) in any case.
        """
        if getattr(config.option, "dist", "") in BY_GROUP and config.option.maxworkerrestart is None:
            config.option.maxworkerrestart = "0"

    def _plan(self) -> None:
        from harness.run.plan import Request, make_plan
        from harness.run.session import Session

        assert self.settings is not None
        try:
            _check_change(self.options.compare_change)
            tree = None if self.worker or self.collect_only else self._tree()
            plan = make_plan(self.settings, self._request(Request), self.run_id or "collect", self.folder)
            self.session = Session(plan, self._progress, self.worker, tree)
            self.reported.deciding = frozenset(
                (source.name, bound.name) for source, bound in plan.items() if bound.severity == "fail"
            )
        except HarnessError as error:
            self.trouble = error

    def _tree(self) -> Any:
        from harness.run.tree import tree_of

        return tree_of(self.settings.root if self.settings else self.root, self.folder)

    def _request(self, request: Any) -> Any:
        return request(
            self.options.compare_to,
            self.options.compare_candidate,
            self.options.compare_change,
            self.options.compare_seed,
            self.options.compare_allow_same,
            self.options.compare_live,
        )

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """The configuration file holds the gate."""
        if self.session is not None and self.file is not None and file_path == self.file:
            return GateFile.from_parent(parent, path=file_path, gate=self)
        return None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """A run that cannot be planned runs nothing: the reason is said at the end."""
        if self.trouble is not None:
            session.items.clear()
        self.reported.collected |= {item.nodeid for item in session.items}

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """The same in the controller of pytest-xdist, which collects nothing itself."""
        self.reported.collected |= set(ids)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A test file that does not import is a failed test."""
        if report.failed:
            self.reported.failed.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Nothing to run without a plan."""
        return True if self.trouble is not None else None

    # ---- running

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Which items ran, and which tests that are not ours failed. In the controller, for all workers."""
        properties = dict(report.user_properties)
        source, _, rule = str(properties.get("harness_item", "")).partition("\t")
        self.reported.report(
            Report(
                report.nodeid,
                str(report.when),
                report.outcome,
                (source, rule) if source else None,
                str(properties.get(STATUS, "")),
            )
        )

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """INCONCLUSIVE is neither passed nor failed."""
        if report.when == "call" and dict(report.user_properties).get(STATUS) == "INCONCLUSIVE":
            return "inconclusive", "?", "INCONCLUSIVE"
        return None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        """A worker of pytest-xdist that ended with an error."""
        self.reported.workers.add(node.gateway.id)
        if error:
            self.reported.crashed.add(node.gateway.id)

    # ---- the end

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Iterator[None]:
        """Judge, publish, and set the exit code, after every other hook: what they say or break is known by then."""
        broken: BaseException | None = None
        try:
            yield
        except BaseException as error:
            broken = error
        self.stopping.ends()
        if self.session is not None:
            self.session.close()
        if self.worker or self.collect_only:
            if broken is not None:
                raise broken
            if self.collect_only and self.trouble is not None:
                session.exitstatus = int(self.trouble.exit)
            return
        self.conclusion = self._conclude(int(session.exitstatus), broken)
        session.exitstatus = self._code(int(session.exitstatus))
        if broken is not None and not isinstance(broken, pytest.exit.Exception):
            # pytest shows where; of pytest.exit it would take the exit code, which can be 0
            raise broken

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_cmdline_main(self) -> Generator[None, Any, Any]:
        """A hook that ran after ours can still have set the exit code to 0; the verdict's own stands."""
        code = yield
        if self.conclusion is not None and not code:
            code = self._code(0)
        return code

    def _code(self, theirs: int) -> int:
        """The exit code for both: pytest's own, plugins' changes included, and the verdict's."""
        assert self.conclusion is not None
        ours = self.conclusion.verdict.exit
        # 1 and 5 (a test failed, nothing was collected) are in our verdict, which knows whose test it was; 3 (an
        # error inside pytest) and what plugins make up outrank all
        if theirs not in (0, 1, 2, 4, 5):
            return theirs
        return int(worst([ours, theirs if theirs in (2, 4) and not self.stopping.terminated else 0]))

    def _conclude(self, exitstatus: int, broken: BaseException | None) -> Conclusion:
        from harness.run import past
        from harness.run.conclude import Circumstances, conclude, fail_early, publish
        from harness.run.plan import Request
        from harness.run.tree import Tree

        troubles = list(self._troubles(exitstatus, broken))
        try:
            tree = self._tree()
        except HarnessError as error:
            tree = Tree()
            troubles += [error] if self.session is not None else []
        around = Circumstances(
            command=shlex.join(["pytest", *sys.argv[1:]]),
            started=self.started.isoformat(timespec="seconds"),
            seconds=time.monotonic() - self.began,
            tree=tree,
            executed=frozenset(self.reported.executed),
            other_failures=len(self.reported.failed),
            troubles=tuple(troubles),
            workers=len(self.reported.workers),
        )
        bound: dict[str, Any] | None = None
        if self.session is None:
            assert self.trouble is not None
            request = self._request(Request)
            conclusion = fail_early(request, self.settings, self.run_id, self.trouble, around)
        else:
            seen = self.session.seen(around)
            conclusion = conclude(self.session.plan, self.session.states(), seen)
            bound = self.session.bound()
            past.note(self.session.plan, seen, conclusion, bound)
        return publish(conclusion, self.folder, tree, bound, self.settings)

    def _troubles(self, exitstatus: int, broken: BaseException | None) -> Iterator[HarnessError]:
        yield from self.reported.troubles(exitstatus)
        if self.stopping.terminated or (exitstatus == 2 and not self.reported.failed):
            yield self.stopping.trouble("pytest")
        if broken is not None:
            yield HarnessError(
                f"a hook ended the session early: {type(broken).__name__}: {broken}".partition("\n")[0],
                where="pytest_sessionfinish",
                hint="mend the plugin or conftest that raises when the session ends",
                code="E09",
                exit=Exit.INCONCLUSIVE,
            )

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """The closing lines: the last that is printed says the verdict."""
        self.stopping.release()
        self.held.close()
        if not self.worker:
            tombstone.withdraw()
        if self.conclusion is not None and self.reporter is not None:
            from harness.reporting import console

            writer = self.reporter._tw  # pytest has no public way to print after its own last line
            writer.line()
            for line in console.lines(
                self.conclusion.record, color=writer.hasmarkup, report=str(self.folder / "report.html")
            ):
                writer.line(line)
        elif self.collect_only and self.trouble is not None and self.reporter is not None:
            self.reporter._tw.line(str(self.trouble))

    def _progress(self, line: str) -> None:
        """One line while workers start and rows run; rewritten in place on a terminal."""
        if self.worker or self.reporter is None or self.reporter.verbosity < 0:
            return
        capture: Any = self.plugins.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            if self.reporter.isatty:
                self.reporter.rewrite(f"model harness: {line}", erase=True)
            elif not line.endswith(" cases"):
                self.reporter.ensure_newline()
                self.reporter.write_line(f"model harness: {line}")


class GateFile(pytest.File):
    """The configuration file as a collector of input sources."""

    def __init__(self, *, gate: Gate, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.gate = gate

    def collect(self) -> Iterator[pytest.Collector]:
        """One collector for each input source."""
        assert self.gate.session is not None
        for source in self.gate.session.plan.sources:
            yield GateSource.from_parent(self, name=source.name, source=source)


class GateSource(pytest.Collector):
    """One input source as a collector of rules."""

    parent: GateFile

    def __init__(self, *, source: InputSource, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.source = source

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each rule."""
        session = self.parent.gate.session
        assert session is not None
        for bound in session.plan.bounds_of(self.source.name):
            yield GateItem.from_parent(self, name=bound.name, bound=bound)


class GateItem(pytest.Item):
    """One rule on one input source."""

    parent: GateSource

    def __init__(self, *, bound: Bound, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.bound = bound
        self.add_marker("differential")

    def runtest(self) -> None:
        """Drive the source, if nobody has, and judge this rule."""
        session = self.parent.parent.gate.session
        assert session is not None
        result = session.judge(self.parent.source, self.bound)
        self.user_properties.append((STATUS, result.status))
        self.user_properties.append(("harness_item", f"{self.bound.source}\t{self.bound.name}"))
        if result.status != "PASS" and result.decides:
            raise NotPassed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The reason, the limit and where to look; a traceback only for what is not a judgement."""
        if isinstance(excinfo.value, NotPassed):
            return excinfo.value.words()
        if isinstance(excinfo.value, HarnessError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Shown as `pyproject.toml::holdout::price-close`."""
        # pytest says where a test was skipped by adding 1 to this line: None would end the whole session
        return self.path, 0, f"{self.parent.name}::{self.name}"


class NotPassed(Exception):
    """A rule that did not pass: FAIL or INCONCLUSIVE."""

    def __init__(self, result: RuleResult) -> None:
        super().__init__(result.reason)
        self.result = result

    def words(self) -> str:
        """The failure as pytest shows it."""
        one = self.result
        lines = [
            f"{one.status}: {one.code} {one.reason}".replace(":  ", ": "),
            f"  rule: {one.bound.name} on {one.bound.source}: {one.bound.rule.says()}",
            f"  measured: {one.measured}, limit: {one.limit}",
        ]
        if one.worst_key:
            lines.append(f"  worst case: {one.worst_key}")
        return "\n".join(lines)


def _names(argument: str, file: Path, config: pytest.Config) -> bool:
    """Whether a typed argument is the configuration file or a node in it."""
    path = (config.invocation_params.dir / argument.partition("::")[0]).resolve()
    return path == file.resolve()


def _check_change(kind: str | None) -> None:
    from harness.errors import did_you_mean

    if kind is not None and kind not in configuration.CHANGES:
        raise HarnessError(
            f'--compare-change is "{kind}"',
            where="command line",
            hint=did_you_mean(kind, configuration.CHANGES),
        )
