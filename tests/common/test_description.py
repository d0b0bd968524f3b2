# SPDX-License-Identifier: Apache-2.0
"""Description files: what is read, and that each mistake is one line that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from switchproof.models import profiles
from switchproof.tb import description, harness
from switchproof.tb.description import DescriptionError

ROOT = Path(__file__).parents[2]
PLAIN = ROOT / "examples/axis_crossbar/dut.toml"
SIGNALS = ROOT / "examples/axis_crossbar/dut_signals.toml"


def changed(folder, old, new):
    """Return a copy of the plain crossbar's description with one text replaced."""
    text = PLAIN.read_text()
    assert old in text
    source = PLAIN.with_name("axis_crossbar.sv").as_posix()
    path = folder / "dut.toml"
    path.write_text(text.replace(old, new).replace('"axis_crossbar.sv"', f'"{source}"'))
    return path


def test_base():
    """A description with a base differs only in what it says."""
    one, other = description.load(PLAIN), description.load(SIGNALS)
    assert (one.pipe, other.pipe) == ("rings", "signals")
    assert one.sources == other.sources and one.ingress == other.ingress
    assert one.values(profiles.get("dev4")) == {"N": 4, "DATA_W": 256, "USER_W": 129}


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("[clock]", "[inputs]\nfree = 0\n[clock]", "inputs.free = 0 is no number of bits"),
        ("[clock]", "[outputs]\nfree = true\n[clock]", "outputs.free = True is no number of bits"),
        ("[clock]", "[probes]\nbusy = 0\n[clock]", "probes.busy = 0 is no number of bits"),
        ('module = "axis_crossbar"', "", "module is missing"),
        ('tlast = "s_axis_tlast"', "", "ingress.tlast is missing"),
        ('tlast = "s_axis_tlast"', 'tlast = "s{p}_tlast"', "either all names hold"),
        ('tlast = "s_axis_tlast"', 'tlast = "s_axis_tlast"\ntstrb = "x"', "unknown key ingress.t"),
        ('kind = "direct"', 'kind = "magic"', "'magic' is not one of direct, table"),
        ('N = "ports"', 'N = "prots"', "parameters.N = 'prots'"),
        ('active = "low"', 'active = "down"', "is not one of low, high"),
        ("[waves]", "[features]\nvcs = true\n[waves]", "vc_room"),
        ("[waves]", "[features]\nspeed = true\n[waves]", "features.speed"),
        ("[waves]", "[typo]\n[waves]", "unknown key 'typo'"),
        ("[waves]", '[registers]\nawvalid = "x"\n[waves]', "registers.awready is missing"),
        ("[clock]", "[clock", "dut.toml: "),
        ('"axis_crossbar.sv"', '"gone.sv"', "no such source file"),
    ],
)
def test_mistakes(tmp_path, old, new, says):
    with pytest.raises(DescriptionError) as error:
        description.load(changed(tmp_path, old, new)).values(profiles.get("dev2"))
    assert says in str(error.value) and "\n" not in str(error.value).strip()


def test_single_ports(tmp_path):
    """Names with {p} are connected port by port."""
    text = PLAIN.read_text()
    for side in "sm":
        text = text.replace(f'"{side}_axis_', f'"{side}{{p}}_')
    source = PLAIN.with_name("axis_crossbar.sv").as_posix()
    path = tmp_path / "dut.toml"
    path.write_text(text.replace('"axis_crossbar.sv"', f'"{source}"').split("[waves]")[0])
    made = harness.generate(path, profiles.get("dev2"), tmp_path / "out")
    sv = made.sources[-1].read_text()
    assert ".s0_tdata(s_tdata[0])" in sv and ".m1_tready(m_tready[1])" in sv


def test_further_ports(tmp_path):
    """Inputs and outputs that a description lists are variables of the harness."""
    path = changed(tmp_path, "[clock]", '[inputs]\nfree = 3\n[outputs]\nbusy = "2 * W"\n[clock]')
    made = harness.generate(path, profiles.get("dev4"), tmp_path / "out")
    text = made.sources[-1].read_text()
    for line in ("bit [(3)-1:0] free;", "logic [(2 * W)-1:0] busy;", ".free(free)", ".busy(busy)"):
        assert line in text, line
    assert '-var "busy"' in made.vlt.read_text()


def test_probes(tmp_path):
    """Signals inside the module are shown low bits first, one with {e} for each engine."""
    text = '[probes]\n"busy[{e}]" = 2\nlevel = "ports"\n[clock]'
    path = changed(tmp_path, "[clock]", text)
    config = profiles.get("dev4").replace(engines=2)
    assert description.load(path).probed(config) == [("busy[0]", 2), ("busy[1]", 2), ("level", 4)]
    text = harness.generate(path, config, tmp_path / "out").sources[-1].read_text()
    assert "bit [7:0] probes;" in text
    assert "assign probes = {4'(dut.level), 2'(dut.busy[1]), 2'(dut.busy[0])};" in text


def test_probe_of_no_number(tmp_path):
    """A probe has as many bits as a number of the configuration."""
    path = changed(tmp_path, "[clock]", '[probes]\nlevel = "prots"\n[clock]')
    with pytest.raises(DescriptionError, match=r"probes.level = 'prots'"):
        description.load(path).probed(profiles.get("dev4"))
