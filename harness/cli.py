"""`harness …`: thin commands over the functions that pytest uses too."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness import __version__
from harness import settings as configuration
from harness.errors import Exit, HarnessError, did_you_mean
from harness.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        parser.print_help()
        return int(Exit.USAGE)
    try:
        return int(options.run(options))
    except HarnessError as error:
        print(error, file=sys.stderr)
        return int(error.exit)
    except BrokenPipeError:
        # whoever read us has seen enough (| head); Python would complain about it once more at its exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.FAIL)
    except KeyboardInterrupt:
        print("E14 interrupted", file=sys.stderr)
        return int(Exit.INTERRUPTED)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        # argparse ends with 2, which is our word for "interrupted"
        self.print_usage(sys.stderr)
        wrong = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if wrong:
            known = re.findall(r"[\w-]+", wrong[2])
            message = f'unknown choice "{wrong[1]}"; {did_you_mean(wrong[1], known)}'
        self.exit(int(Exit.USAGE), f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="harness", description="Compare two versions of a model, and decide the release.")
    parser.add_argument("--version", action="version", version=f"pytest-model-harness {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)

    def command(name: str, run: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
        sub.set_defaults(run=run)
        sub.add_argument("--config", default="", metavar="FILE", help="configuration file")
        return sub

    train = command("train", _train, "train the candidate and write it as an installable wheel")
    train.add_argument(
        "training", nargs="?", help="training configuration (default: training in [tool.harness])"
    )
    train.add_argument("--out", default="dist", metavar="DIR", help="where the wheel goes (default: dist)")
    compare = command("compare", _compare, "compare two versions, without pytest")
    compare.add_argument("--to", default="previous", metavar="SPEC", help="the baseline (default: previous)")
    compare.add_argument("--candidate", metavar="SPEC")
    compare.add_argument("--change", choices=configuration.CHANGES)
    compare.add_argument("--seed", type=int, metavar="N")
    compare.add_argument("--allow-same", action="store_true")
    check = command(
        "check", _check, "print both versions, every input and every rule, and what each binds to"
    )
    check.add_argument("--to", default="previous", metavar="SPEC", help="the baseline (default: previous)")
    schema = command("schema", _schema, "print the JSON Schema of the configuration, for editors")
    schema.add_argument(
        "--pyproject", action="store_true", help="of pyproject.toml, with [tool.harness] in it"
    )
    verify = command("verify", _verify, "demand a PASS for this tree and these versions; print the digest")
    verify.add_argument("--change", choices=configuration.CHANGES[1:], help="demand this kind of change")
    release = command("release", _release, "make the verified candidate the newest release of its channel")
    release.add_argument("--first", action="store_true", help="the first release: nothing to compare with")
    release.add_argument("--reason", default="", help="why; required with --first")
    release.add_argument("--dry-run", action="store_true", help="check everything, write nothing")
    judge = command(
        "judge", _judge, "judge the stored answers of a run again, under the present configuration"
    )
    judge.add_argument("id", metavar="RUN", help="a run in the folder runs, the beginning of its id, or last")
    rules = command("rules", _rules, "show which past verdicts other rules would change; writes nothing")
    rules.add_argument("action", choices=["try"], help="judge stored runs under the rules of FILE")
    rules.add_argument("file", metavar="FILE", help="a TOML file with [[rules]] and [[waivers]]")
    rules.add_argument("--last", type=int, default=10, metavar="N", help="how many runs (default: 10)")
    report = command("report", _report, "render the reports again from report.json")
    for sub in (compare, verify, release, judge, rules, report):
        sub.add_argument("--report", metavar="DIR", help="folder of the verdict and the reports")
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    return configuration.load(configuration.find(Path.cwd(), options.config))


def _folder(options: argparse.Namespace, settings: Settings) -> Path:
    return Path(options.report).absolute() if options.report else settings.reports_path


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _train(options: argparse.Namespace) -> int:
    from harness.run.train import train

    path = Path(options.training) if options.training else None
    if path is None:
        settings = _settings(options)
        if not settings.training:
            raise HarnessError(
                "no training configuration",
                where=settings.path.name,
                hint='add training = "FILE.toml", or name the file: harness train FILE.toml',
            )
        path = settings.root / settings.training
    trained = train(path, Path(options.out).absolute(), _say)
    for name in trained.removed:
        _say(f"removed {name}: this candidate takes its place")
    for metric, value in trained.metrics.items():
        _say(f"  {metric} on held-out rows: {value:.6g}")
    print(trained.wheel)
    return Exit.PASS


def _compare(options: argparse.Namespace) -> int:
    from harness.reporting import console
    from harness.run.compare import compare_versions
    from harness.run.plan import Request

    settings = _settings(options)
    request = Request(options.to, options.candidate, options.change, options.seed, options.allow_same)
    folder = _folder(options, settings)
    command = shlex.join(["harness", *sys.argv[1:]])
    done = compare_versions(settings, request, folder, command, _progress())
    for line in console.lines(done.record, color=sys.stdout.isatty(), report=str(folder / "report.html")):
        print(line)
    return done.verdict.exit


def _progress() -> Callable[[str], None]:
    def show(line: str) -> None:
        if not line.endswith(" cases"):
            _say(f"model harness: {line}")

    return show


def _check(options: argparse.Namespace) -> int:
    from harness.run import check
    from harness.run.plan import Request, make_plan

    settings = _settings(options)
    plan = make_plan(settings, Request(options.to), "check", settings.reports_path)
    print(f"model      {settings.model}, channel {settings.channel}  ({settings.path.name})")
    for side, version in (("baseline", plan.baseline), ("candidate", plan.candidate)):
        print(f"{side:<10} {version.title}  {version.digest[:12]}  {version.why}")
    if plan.anchor is not None:
        print(f"anchor     {plan.anchor.title}  {plan.anchor.digest[:12]}  {plan.anchor.why}")
    print(f"change     {plan.change.kind}: {'; '.join(plan.change.evidence)}")
    for source in plan.sources:
        print(f"\n{source.name}: {source.planned():,} cases, {source.where}")
        for line in check.lines(plan, source):
            print(f"  {line}")
    if settings.waivers:
        print()
    for line in check.waiver_lines(plan):
        print(line)
    return Exit.INCONCLUSIVE if check.idle(plan) else Exit.PASS


def _schema(options: argparse.Namespace) -> int:
    from harness.run import configuration_schema, extensions

    if options.config:
        extensions.load(_settings(options))
    print(configuration_schema.text(pyproject=options.pyproject), end="")
    return Exit.PASS


def _verify(options: argparse.Namespace) -> int:
    from harness.run.verify import verify

    settings = _settings(options)
    verdict, candidate = verify(settings, _folder(options, settings), options.change)
    _say(f"PASS: {verdict['reason']}")
    print(f"sha256:{candidate.sha256}" if candidate.sha256 else candidate.digest)
    return Exit.PASS


def _release(options: argparse.Namespace) -> int:
    from harness.run.promote import release_first, release_verified

    settings = _settings(options)
    if options.first:
        if not options.reason:
            raise HarnessError(
                "a first release has no verdict, so it needs a reason",
                where="harness release --first",
                hint='add --reason "…": the ledger keeps it',
            )
        done = release_first(settings, options.reason, options.dry_run)
    else:
        done = release_verified(settings, _folder(options, settings), options.reason, options.dry_run)
    would = "would be released" if options.dry_run else "released"
    print(f"{settings.model} {done.version} {would} to {done.channel}  sha256:{done.sha256}")
    return Exit.PASS


def _judge(options: argparse.Namespace) -> int:
    from harness.reporting import console
    from harness.run.judge import judge_again

    settings = _settings(options)
    folder = _folder(options, settings)
    done = judge_again(settings, options.id, folder, shlex.join(["harness", *sys.argv[1:]]))
    for line in console.lines(done.record, color=sys.stdout.isatty(), report=str(folder / "report.html")):
        print(line)
    return done.verdict.exit


def _rules(options: argparse.Namespace) -> int:
    from harness.run.trial import try_rules

    if options.last < 1:
        raise HarnessError("--last is below 1", where="harness rules try", hint="--last 10 tries ten runs")
    settings = _settings(options)
    judged = flips = lost = 0
    for one in try_rules(settings, Path(options.file), _folder(options, settings), options.last):
        judged, flips, lost = judged + bool(one.verdict), flips + one.flips, lost + (not one.verdict)
        if one.flips or not one.verdict:
            print(one.words())
    print(
        f"{judged} of {judged + lost} runs judged; {flips} {'verdict' if flips == 1 else 'verdicts'} would flip"
    )
    # a run that nobody could judge says nothing about the rules
    return Exit.INCONCLUSIVE if lost else Exit.PASS


def _report(options: argparse.Namespace) -> int:
    from harness import reporting
    from harness.run import extensions

    settings = _settings(options)
    extensions.load(settings)
    for path in reporting.render_again(_folder(options, settings)):
        print(path)
    return Exit.PASS


if __name__ == "__main__":
    sys.exit(main())
