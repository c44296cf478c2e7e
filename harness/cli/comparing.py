"""`harness compare`, `check`, `judge`, `rules`: what leads to a verdict."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from harness import settings as configuration
from harness.cli.options import Commands, folder_of, progress, settings_of
from harness.errors import Exit, HarnessError


def add(commands: Commands) -> None:
    """Declare them."""
    compare = commands.add("compare", _compare, "compare two versions, without pytest", report=True)
    compare.add_argument("--to", default="previous", metavar="SPEC", help="the baseline (default: previous)")
    compare.add_argument("--candidate", metavar="SPEC")
    compare.add_argument("--change", choices=configuration.CHANGES)
    compare.add_argument("--seed", type=int, metavar="N")
    compare.add_argument("--allow-same", action="store_true")
    compare.add_argument(
        "--live", action="store_true", help="ask the baseline even what it has answered before"
    )
    check = commands.add(
        "check", _check, "print both versions, every input and every rule, and what each binds to"
    )
    check.add_argument("--to", default="previous", metavar="SPEC", help="the baseline (default: previous)")
    check.add_argument("--candidate", metavar="SPEC")
    check.add_argument("--change", choices=configuration.CHANGES)
    check.add_argument(
        "--rules", action="store_true", help="check rules and waivers alone; needs no version and no table"
    )
    judge = commands.add(
        "judge",
        _judge,
        "judge the stored answers of a run again, under the present configuration",
        report=True,
    )
    judge.add_argument("id", metavar="RUN", help="a run in the folder runs, the beginning of its id, or last")
    rules = commands.add(
        "rules", _rules, "show which past verdicts other rules would change; writes nothing", report=True
    )
    rules.add_argument("action", choices=["try"], help="judge stored runs under the rules of FILE")
    rules.add_argument("file", metavar="FILE", help="a TOML file with [[rules]] and [[waivers]]")
    rules.add_argument("--last", type=int, default=10, metavar="N", help="how many runs (default: 10)")


def _compare(options: argparse.Namespace) -> int:
    from harness.reporting import console
    from harness.run.compare import compare_versions
    from harness.run.plan import Request

    settings = settings_of(options)
    request = Request(
        options.to, options.candidate, options.change, options.seed, options.allow_same, options.live
    )
    folder = folder_of(options, settings)
    command = shlex.join(["harness", *sys.argv[1:]])
    done = compare_versions(settings, request, folder, command, progress())
    for line in console.lines(done.record, color=sys.stdout.isatty(), report=str(folder / "report.html")):
        print(line)
    return done.verdict.exit


def _check(options: argparse.Namespace) -> int:
    from harness.run import check, resolved, rulefile
    from harness.run.plan import Request, make_plan

    settings = settings_of(options)
    if options.rules:
        for line in rulefile.lines(settings):
            print(line)
        return Exit.PASS
    request = Request(options.to, options.candidate, options.change)
    plan = make_plan(settings, request, "check", settings.reports_path)
    print(f"model      {settings.model}, channel {settings.channel}  ({settings.path.name})")
    versions = {"baseline": plan.baseline, "candidate": plan.candidate}
    versions |= {"anchor": plan.anchor} if plan.anchor is not None else {}
    for role, version in versions.items():
        for line in resolved.lines(role, version):
            print(line)
    for line in resolved.idle_profiles(plan.settings, options.to, plan.settings.candidate, settings.anchor):
        print(line)
    print(f"change     {plan.change.kind}: {'; '.join(plan.change.evidence)}")
    for source in plan.sources:
        print(f"\n{source.name}: {source.planned():,} cases, {source.where}")
        for line in check.bound_lines(source):
            print(f"  {line}")
        for line in check.lines(plan, source):
            print(f"  {line}")
    if settings.waivers:
        print()
    for line in check.waiver_lines(plan):
        print(line)
    if check.idle(plan) or any(map(resolved.troubled, versions.values())):
        return Exit.INCONCLUSIVE
    return Exit.PASS


def _judge(options: argparse.Namespace) -> int:
    from harness.reporting import console
    from harness.run.judge import judge_again

    settings = settings_of(options)
    folder = folder_of(options, settings)
    done = judge_again(settings, options.id, folder, shlex.join(["harness", *sys.argv[1:]]))
    for line in console.lines(done.record, color=sys.stdout.isatty(), report=str(folder / "report.html")):
        print(line)
    return done.verdict.exit


def _rules(options: argparse.Namespace) -> int:
    from harness.run.trial import sensitivity_lines, try_rules

    if options.last < 1:
        raise HarnessError("--last is below 1", where="harness rules try", hint="--last 10 tries ten runs")
    settings = settings_of(options)
    folder = folder_of(options, settings)
    judged = flips = lost = 0
    for one in try_rules(settings, Path(options.file), folder, options.last):
        judged, flips, lost = judged + bool(one.verdict), flips + one.flips, lost + (not one.verdict)
        if one.flips or not one.verdict:
            print(one.words())
    for line in sensitivity_lines(settings, Path(options.file), folder, options.last):
        print(line)
    print(
        f"{judged} of {judged + lost} runs judged; {flips} {'verdict' if flips == 1 else 'verdicts'} would flip"
    )
    # a run that nobody could judge says nothing about the rules
    return Exit.INCONCLUSIVE if lost else Exit.PASS
