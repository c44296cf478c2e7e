"""Rows of the table of faults on worker, gate, accounting, rules, replies and store: each has a test of real processes.

The numbers are the codes that users see (`docs/errors.md`); some rows have no code of their own, since what has to
happen there is nothing.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
GATE, PLUGIN = "acceptance/test_a_no_stays_a_no.py", "acceptance/test_plugin.py"
BAD, STORE = "acceptance/test_bad_input.py", "acceptance/test_store_faults.py"
REPLIES = "acceptance/test_replies.py"
RULES, SEGMENTS = "acceptance/test_rules.py", "acceptance/test_segments.py"

ROWS = {
    # each a row of the table of misbehaving animals there
    **dict.fromkeys(
        (1, 2, 3, 4, 6, 8), ("acceptance/test_gate.py", "test_each_misbehaviour_has_its_verdict")
    ),
    5: ("acceptance/test_gate.py", "test_each_misbehaviour_has_its_verdict"),
    7: ("acceptance/test_gate.py", "test_e07_what_a_version_leaves_behind_is_stopped_and_told"),
    9: (PLUGIN, "test_an_early_end_is_never_taken_for_a_pass"),
    10: (BAD, "test_empty_inputs"),
    11: (PLUGIN, "test_a_selection_is_a_partial_run_and_never_passes"),
    12: ("acceptance/test_xdist.py", "test_a_killed_worker_is_named_and_never_passes"),
    13: (GATE, "test_a_hand_over_that_cannot_be_read_is_no_answer"),
    14: ("acceptance/test_stopping.py", "test_a_run_that_is_stopped_says_so"),
    15: ("acceptance/test_kills.py", "test_e15_a_comparison_that_is_killed_leaves_no_pass"),
    16: (GATE, "test_e16_without_the_plugin_there_is_no_verdict"),
    17: (GATE, "test_e17_a_stale_verdict_that_is_copied_in"),
    18: (GATE, "test_e18_a_pipeline_that_swallows_the_exit_code_is_stopped_by_the_next_step"),
    19: (GATE, "test_e19_a_gate_that_was_skipped_has_no_verdict_file"),
    20: (RULES, "test_nan_against_a_number_is_never_within_a_tolerance"),
    21: (RULES, "test_nan_on_both_sides_is_refused_where_configuration_says_so"),
    22: (RULES, "test_integers_do_not_wrap_round"),
    23: (RULES, "test_a_second_axis_is_another_shape"),
    24: (RULES, "test_fewer_or_more_answers"),
    25: (RULES, "test_labels_of_another_type_are_other_labels"),
    26: ("acceptance/test_extensions.py", "test_a_rule_that_raises_judges_nothing"),
    27: (BAD, "test_unknown_key_of_a_rule"),
    28: (BAD, "test_rule_that_matches_no_output"),
    41: (BAD, "test_a_version_with_itself"),
    42: (REPLIES, "test_e42_answers_to_other_cases"),
    43: (REPLIES, "test_e43_json_that_only_lenient_readers_take"),
    44: ("acceptance/test_full_disk.py", "test_e44_a_release_without_room_leaves_the_store_as_it_was"),
    45: ("store/test_store.py", "test_killed_before_any_step_the_old_or_the_new_is_there"),
    46: (BAD, "test_altered_blob_in_the_store"),
    47: (STORE, "test_e47_a_release_whose_wheel_is_gone"),
    48: (BAD, "test_missing_baseline"),
    49: (STORE, "test_e49_of_two_releases_at_once_one_is_told_that_the_baseline_moved"),
    50: (STORE, "test_e50_a_store_that_can_be_read_and_not_written"),
    51: (STORE, "test_e51_a_store_of_a_newer_format_is_left_alone"),
    52: ("store/test_store.py", "test_order_is_that_of_releasing_whatever_the_clock_says"),
    53: (BAD, "test_a_report_that_cannot_be_written"),
    54: (STORE, "test_e54_a_wheel_that_leads_outside_is_not_opened"),
    55: (BAD, "test_a_contradicted_declaration"),
    56: (STORE, "test_e56_a_retrain_without_labels_cannot_be_said_to_be_no_worse"),
}


def test_no_row_is_forgotten():
    assert set(ROWS) == {*range(1, 29), *range(41, 57)}


WRONG_RULES = {
    "two rules contradict each other": (SEGMENTS, "test_rules_that_contradict_each_other_are_both_named"),
    "no reason where policy asks": (SEGMENTS, "test_where_reasons_are_required_what_loosens_has_one"),
    "a rule or a waiver has run out": (SEGMENTS, "test_what_has_run_out_is_refused_by_name"),
    "a condition cannot be read": (SEGMENTS, "test_the_place_in_a_condition_is_marked"),
    "a condition names no column": ("acceptance/test_beside.py", "test_every_column_is_known_by_name"),
}
"""What is refused of rules beside the rows of the table."""


@pytest.mark.parametrize("wrong", WRONG_RULES)
def test_each_wrong_rule_has_its_test(wrong):
    _exists(*WRONG_RULES[wrong])


@pytest.mark.parametrize("row", ROWS)
def test_each_row_has_its_test(row):
    _exists(*ROWS[row])


def _exists(file, name):
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert name in found, f"{file} has no {name}"
