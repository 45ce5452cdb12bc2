import re
from pathlib import Path

import pytest

from codesign.cells import NetworkParameters, PhaseTiming
from codesign.designs import Design, load_design
from codesign.errors import DesignError
from codesign.flow.template import design_template
from codesign.pdk import Corner, Variation
from codesign.resources import resource_dir
from codesign.training import TrainingParameters, dataset_shape

IRIS = resource_dir("designs") / "iris.toml"


def rejected(text: str) -> str:
    with pytest.raises(DesignError) as caught:
        Design.from_text(text, "designs/x.toml")
    assert str(caught.value).startswith("designs/x.toml")
    return str(caught.value)


def test_shipped_design_is_valid_and_shows_the_defaults():
    design = Design.load(IRIS)
    assert design.name == "iris"
    assert design.network == NetworkParameters()
    assert design.timing == PhaseTiming()
    assert design.verify.mappings == ("pnn", "ann")


def test_a_name_alone_is_a_design():
    assert Design.from_text('name = "tiny"').process.corner is Corner.TT


def test_quantities_are_si_inside():
    design = Design.from_text('name = "a"\n[process]\nsupply = "1700mV"\ntemperature = "85C"')
    assert design.process.supply == pytest.approx(1.7)
    assert design.process.conditions().temperature_C == 85.0


def test_unknown_key_suggests_the_nearest():
    message = rejected('name = "a"\n[network]\nlayer = [5, 5, 5]')
    assert "network.layer: unknown key; did you mean layers?" in message


def test_unknown_key_deep_in_a_cell():
    message = rejected('name = "a"\n[network.neuron.capacitor]\nwidth = "8um"\n')
    assert "network.neuron.capacitor.width: unknown key" in message
    assert "model, w, l" in message


def test_unknown_training_key():
    assert "training.epoch: unknown key; did you mean epochs?" in rejected(
        'name = "a"\n[training]\nepoch = 3'
    )


def test_wrong_unit():
    message = rejected('name = "a"\n[timing]\nt_phase = "1um"')
    assert "timing.t_phase: '1um' is not in s; write \"1us\"" in message


def test_missing_unit():
    assert "lacks its unit V" in rejected('name = "a"\n[process]\nsupply = "1.8"')


def test_negative_size():
    message = rejected(
        'name = "a"\n[network.synapse]\nkind = "current_source"\n'
        'memory_n = { model = "nfet_01v8", w = "-1um", l = "0.25um" }'
    )
    assert "network.synapse.memory_n" in message
    assert "w = -1 um" in message


def test_negative_layer():
    message = rejected('name = "a"\n[network]\nlayers = [5, -5, 5]')
    assert "network.layers[1]" in message
    assert "not -5" in message


@pytest.mark.parametrize(
    ("layers", "hint"),
    [
        ("[4, 5, 5]", "starts with 4, but data set iris has 5 inputs"),
        ("[5, 5, 2]", "ends with 2, but data set iris has 3 classes"),
        ("[5]", "2 to 16 sizes"),
        ("[]", "2 to 16 sizes"),
    ],
)
def test_layer_sizes_that_do_not_fit(layers, hint):
    assert hint in rejected(f'name = "a"\n[network]\nlayers = {layers}')


@pytest.mark.parametrize(
    "name",
    [
        "5x",
        "",
        "a b",
        "a-b",
        "../a",
        "a\\n.control\\nshell date\\n.endc",
        "x1 0 0 evil",
        "a\\n",
        "é",
        "a" * 65,
    ],
)
def test_names_are_identifiers_and_smuggle_nothing(name):
    assert "designs/x.toml: name: " in rejected(f'name = "{name}"')


@pytest.mark.parametrize("name", ["synapse", "Neuron", "crossbar_5x5"])
def test_a_design_cannot_replace_a_cell(name):
    assert "is the name of a cell" in rejected(f'name = "{name}"')


def test_plan_name_cannot_leave_its_folder():
    assert "characterization.plan" in rejected(
        'name = "a"\n[characterization]\nplan = "../../etc/passwd"'
    )


def test_layout_view_needs_what_can_be_drawn():
    assert Design.from_text('name = "a"\nview = "layout"').compares_schematic
    assert not Design.from_text('name = "a"').compares_schematic
    resistive = 'name = "a"\nview = "layout"\n[network.synapse]\nkind = "resistive"'
    assert "network.synapse (resistive 1T1R synapse" in rejected(resistive)
    assert "has no layout" in rejected(resistive)
    wide = 'name = "a"\nview = "layout"\n[network.neuron.gate_p]\nmodel = "pfet_01v8"\n'
    message = rejected(wide + 'w = "14um"\nl = "0.15um"')
    assert "network.neuron.gate_p.w = 14 um" in message and "0.42 .. 12 um" in message
    assert "allowed: schematic, layout" in rejected('name = "a"\nview = "mask"')


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("samples = 1.5", "needs a whole number, not 1.5"),
        ("samples = true", "needs a whole number, not true"),
        ('samples = "5"', "needs a whole number"),
        ("samples = 0", "greater than or equal to 1, not 0"),
        ("max_rmse_ns = nan", "verify.max_rmse_ns: nan is not a finite number"),
        ("max_rmse_ns = inf", "not a finite number"),
        ("max_rmse_ns = 2026-01-01", "verify.max_rmse_ns"),
        ('mappings = ["pnn", "pnn"]', "names a mapping twice"),
        ('mappings = ["snn"]', "allowed: 'pnn' or 'ann'"),
        ("mappings = []", "needs at least 1 value, has 0"),
        ('corner = "tx"', "allowed: 'tt', 'ss', 'ff', 'sf' or 'fs'"),
    ],
)
def test_wrong_values_name_key_and_what_is_allowed(line, hint):
    message = rejected(f'name = "a"\n[verify]\n{line}')
    assert "verify." in message
    assert hint in message


def test_missing_name():
    assert "name: is missing" in rejected("[process]")


def test_all_problems_at_once():
    message = rejected('name = "a"\nfoo = 1\n[verify]\nsampels = 1\n[timing]\nbar = 2')
    assert "3 problems" in message
    assert all(key in message for key in ("foo", "verify.sampels", "timing.bar"))


def test_broken_toml_names_the_line():
    assert "line 2" in rejected('name = "a"\nview = schematic')


@pytest.mark.parametrize("content", [b"name = \xff\xfe", None])
def test_unreadable_design_file(tmp_path: Path, content: bytes | None):
    path = tmp_path / "d.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DesignError, match=r"d\.toml") as caught:
        Design.load(path)
    assert caught.value.exit_code == 2
    assert "codesign init" in str(caught.value)


def test_folder_instead_of_a_file(tmp_path: Path):
    with pytest.raises(DesignError, match="is a folder"):
        Design.load(tmp_path)


def test_overrides_are_validated_and_change_nothing_else():
    design = Design.load(IRIS)
    other = design.override({"verify.samples": 3, "verify.corner": "ss"})
    assert (other.verify.samples, other.verify.corner) == (3, Corner.SS)
    assert other.network == design.network
    assert other.source == design.source
    assert other.text == design.text
    with pytest.raises(DesignError, match=r"verify\.samples"):
        design.override({"verify.samples": 0})


def test_seed_moves_the_chip_only_where_one_is_drawn():
    design = Design.load(IRIS).with_seed(7)
    assert (design.seed, design.process.seed) == (7, 1)
    random = design.override({"process.variation": "mismatch"}).with_seed(8)
    assert (random.seed, random.process.seed) == (8, 8)
    assert random.process.conditions().variation is Variation.MISMATCH


def test_value_by_dotted_key():
    design = Design.load(IRIS)
    assert design.value("verify.samples") == 50
    assert design.value("network.layers") == [5, 5, 5]


def test_template_is_the_shipped_design_under_another_name():
    design = Design.from_text(design_template("mine"))
    assert design.name == "mine"
    assert design.network == Design.load(IRIS).network


def test_every_key_of_the_template_is_explained_and_the_header_says_where_all_are():
    text = design_template("mine")
    assert "`codesign keys`" in text[: text.index("\nname = ")]
    shown = [line for line in text.splitlines() if re.match(r"\w+ = ", line)]
    assert len(shown) > 50
    assert [line for line in shown if "  #" not in line and " # " not in line] == []


def test_data_set_shapes_are_those_of_the_data():
    from codesign.training import dataset_for

    for name in ("iris", "wine", "breast_cancer", "digits", "yin_yang"):
        training = TrainingParameters(dataset=name)
        data = dataset_for(training)
        features, classes = dataset_shape(training)
        assert (data.n_inputs, data.n_classes) == (features + 1, classes)


@pytest.mark.parametrize(
    ("key", "table"), [("w_max", "training.circuit"), ("softmax_scale", "training.loss")]
)
def test_moved_keys_say_where_they_are_now(key, table):
    message = rejected(f'name = "a"\n[training]\n{key} = 1.0')
    assert f"training.{key} has moved: write it as {key} in [{table}]" in message


def test_every_key_of_training_and_model_is_explained():
    from codesign.training.model import ModelParameters

    tables = [TrainingParameters, ModelParameters]
    tables += [type(getattr(TrainingParameters(), name)) for name in ("loss", "circuit")]
    for table in tables:
        for name, field in table.model_fields.items():
            assert field.description and "\n" not in field.description, name


def test_checking_a_design_does_not_import_torch_or_the_simulator():
    import subprocess
    import sys

    code = (
        "import sys, codesign.designs, codesign.cli, codesign.flow\n"
        "print([m for m in ('torch', 'PySpice', 'pandas', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", ['"divider"', '["tile"]', "3"])
def test_a_kind_that_nobody_registered_tells_of_plugins(tmp_path, kind):
    path = tmp_path / "mine.toml"
    path.write_text(f"kind = {kind}\nname = 'half'\n")
    with pytest.raises(DesignError, match="is not allowed here") as caught:
        load_design(path)
    assert "--plugin FILE" in str(caught.value.remedy)
