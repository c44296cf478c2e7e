"""The model card says what the manifest says, and nothing of it is markup."""

from __future__ import annotations

import dataclasses
import zipfile
from html.parser import HTMLParser

from harness.schema import Field, Schema
from harness.training import card
from harness.training.config import read_config
from harness.training.data import read_data
from harness.training.fit import fit
from harness.training.package import package
from harness.versions import wheel as wheels


def packaged(project, tmp_path):
    config = read_config(project())
    data = read_data(config)
    return package(config, data, fit(config, data), tmp_path / "dist", commit="c0ffee", dirty=False)


class Texts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def read(html: str) -> Texts:
    found = Texts()
    found.feed(html)
    return found


def test_the_card_is_in_the_wheel_and_outside_of_the_identity(project, tmp_path):
    made = packaged(project, tmp_path)
    with zipfile.ZipFile(made.wheel) as archive:
        info = f"{made.manifest.entry.partition('.')[0]}-{made.manifest.version}.dist-info"
        html = archive.read(f"{info}/model_card.html").decode()
        text = archive.read(f"{info}/model_card.md").decode()
    manifest, _ = wheels.read(made.wheel)
    assert html == card.html(manifest)
    assert text == card.markdown(manifest)
    assert not [name for name in manifest.files if "card" in name]


def test_the_card_names_metrics_intervals_and_simpler_models(project, tmp_path):
    manifest = packaged(project, tmp_path).manifest
    text = card.markdown(manifest)
    low, high = manifest.evaluation["intervals"]["mae"]
    linear = manifest.evaluation["references"]["linear"]["mae"]
    assert f"| mean absolute error | {manifest.metrics['mae']:.4g} | {low:.4g} to {high:.4g} |" in text
    assert f"{linear:.4g}" in text
    assert manifest.data["sha256"] in text
    assert "| size | float |" in text


def test_the_card_says_where_a_simpler_model_is_not_worse(project, tmp_path):
    manifest = packaged(project, tmp_path).manifest
    beaten = {**manifest.evaluation, "references": {"linear": {"mae": manifest.metrics["mae"]}}}
    assert "A simpler model is not worse here: linear." in card.markdown(
        dataclasses.replace(manifest, evaluation=beaten)
    )
    ahead = {**manifest.evaluation, "references": {"linear": {"mae": manifest.metrics["mae"] * 1.01}}}
    assert "not worse" not in card.markdown(dataclasses.replace(manifest, evaluation=ahead))


def test_names_and_values_are_no_markup(project, tmp_path):
    manifest = packaged(project, tmp_path).manifest
    nasty = "<script>alert(1)</script>|`x`"
    slices = [{"column": nasty, "value": nasty, "rows": 40, "mae": 1.0, "rmse": 1.0}]
    spoilt = dataclasses.replace(
        manifest,
        inputs=Schema((Field(nasty, "str", categories=(nasty,)),)),
        evaluation={**manifest.evaluation, "slices": slices},
    )
    page = read(card.html(spoilt))
    assert "script" not in page.tags
    assert nasty in page.texts
    text = card.markdown(spoilt)
    assert "<script>" not in text
    assert "\\|\\`x\\`" in text
