# SPDX-License-Identifier: Apache-2.0
"""Named configurations of a link: what is in the file, and what is refused and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from switchproof.models import profiles

#: Changes of `link5us` that the RTL would refuse or that could not work, and what is said of them.
REFUSED = [
    ({"flit_w": 384}, "flit_w = 384 is no power of two"),
    ({"flit_w": 1024}, r"flit_w = 1024 is not in 128\.\.512"),
    ({"flit_w": 512, "frame_units": 90}, "frame_units = 90 is no multiple of 4"),
    ({"flit_w": 512, "frame_units": 4}, "frame_units = 4 is no multiple of 4 of two beats"),
    ({"frame_units": 121}, r"frame_units = 121 is not in 2\.\.120"),
    ({"seq_w": 2}, r"seq_w = 2 is not in 3\.\.13"),
    ({"replay_beats": 5000}, "replay_beats = 5000 is no power of two"),
    ({"replay_beats": 128}, "replay_beats = 128 is below two longest frames, 244"),
    ({"reserved": 2, "shared": 16}, "hold no longest packet of 19 flits"),
    ({"reserved": 4000}, "are not below 16384 flits"),
    ({"clock_depth": 8}, "clock_depth = 8 is neither 0 nor 16 or more"),
    ({"clock_depth": 24}, "clock_depth = 24 is no power of two"),
    ({"max_skew": 256}, r"max_skew = 256 is not in 0\.\.255"),
    ({"inject": 2}, r"inject = 2 is not in 0\.\.1"),
    ({"shared": "all"}, r"shared = 'all' is not in 0\.\.8191"),
]


@pytest.mark.parametrize(("changes", "text"), REFUSED)
def test_refused(changes: dict[str, int], text: str) -> None:
    with pytest.raises(profiles.ConfigError, match=text):
        profiles.link("link5us").replace(**changes)


def test_values() -> None:
    """Values, defaults, and what follows from them by hand."""
    link = profiles.link("link5us")
    assert (link.lanes, link.frame_beats, link.max_flits) == (1, 122, 19)
    wide = link.replace(flit_w=512)
    assert (wide.name, wide.lanes) == ("link5us-flit_w512", 4)
    assert (wide.frame_beats, wide.max_flits) == (32, 5)
    assert wide.parameters["FLIT_W"] == 512 and wide.parameters["CLOCK_DEPTH"] == 16
    assert len(wide.parameters) == 9


def test_file(tmp_path: Path) -> None:
    """A name that is not there, a field that is not there or missing, and a base."""
    assert {"link5us", "link_ecp5", "faults1", "faults2", "faults4"} <= set(profiles.load_links())
    with pytest.raises(profiles.ConfigError, match="no configuration of a link 'x'; there"):
        profiles.link("x")
    whole = "flit_w=128\nframe_units=16\nseq_w=6\nreplay_beats=64\nreserved=19\nshared=19\n"
    path = tmp_path / "links.toml"
    path.write_text(f"[a]\n{whole}[b]\nbase='a'\nseq_w=7\n")
    found = profiles.load_links(path)
    assert (found["b"].seq_w, found["b"].shared) == (7, 19)
    for text, error in [
        (f"[a]\n{whole}skew=1\n", "configuration a: .*'skew'"),
        ("[a]\nflit_w=128\n", "configuration a: .*missing"),
        ("[a]\nbase='z'\n", "configuration a: its base 'z' does not exist"),
    ]:
        path.write_text(text)
        with pytest.raises(profiles.ConfigError, match=error):
            profiles.load_links(path)
