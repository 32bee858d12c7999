"""The page stands alone and shows every codec; tables and plots say what the record says."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from llm_codec.bench import costs, plots, report, samples, table
from llm_codec.bench.clips import Clip

SPECS = "identity,mulaw"


@pytest.fixture(scope="module")
def made(corpus, tmp_path_factory):
    """Text of a page, and lines of its record."""
    from llm_codec import cli
    from llm_codec.bench.journal import read_lines

    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(costs, "peak_memory", lambda specs: dict.fromkeys(specs))
        words = ["--data", corpus, "--split", "dev", "--codecs", SPECS, "--baseline", "mulaw",
                 "--json", folder / "r", "--html", folder / "r.html", "--plot", folder / "r.svg",
                 "--players", 2]
        assert cli.main(["bench", *map(str, words)]) == 0
    return folder, [*read_lines(folder / "r")]


class Tags(HTMLParser):
    """Collects tags and whether each is closed."""

    VOID = {"meta", "img", "br", "link"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def test_page_needs_no_network_and_is_well_formed(made):
    folder, _ = made
    page = (folder / "r.html").read_text("utf-8")
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    for tag, attributes in tags.seen:
        for name in ("src", "href", "xlink:href", "action", "data"):
            value = attributes.get(name, "data:")
            assert value.startswith(("data:", "#")), (tag, value[:80])
    assert "@import" not in page and not re.search(r"url\((?!#)", page)
    assert not any(tag == "script" for tag, _ in tags.seen)


def test_page_plays_each_codec_for_each_clip(made):
    folder, _ = made
    page = (folder / "r.html").read_text("utf-8")
    players = re.findall(r"<audio[^>]*src='data:audio/flac;base64,([^']+)'", page)
    assert len(players) == 2 * 3  # the original and two codecs
    first = [soundfile.read(io.BytesIO(base64.b64decode(text)))[0] for text in players[:3]]
    assert np.abs(first[0] - first[1]).max() < 1e-4 < np.abs(first[0] - first[2]).max()
    pictures = re.findall(r"<img[^>]*src='data:image/png;base64,([^']+)'", page)
    assert len(pictures) == 2 * (1 + 2 * 3)
    assert all(base64.b64decode(text).startswith(b"\x89PNG") for text in pictures)


def test_page_has_every_number_of_the_tables(made):
    folder, lines = made
    page = (folder / "r.html").read_text("utf-8")
    for _, content in table.sections(lines):
        for row in content.rows:
            for cell in row:
                assert cell.partition(" [")[0] in page
    assert page.count("<svg") == 2 and "currentColor" in page


def test_names_are_escaped(made):
    _, lines = made
    name = "<script>alert(1)</script>&.wav"
    sample = samples.Sample(Clip(name, name), np.ones(900, np.float32), {})
    page = report.page(lines, [sample])
    assert "<script>" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;&amp;.wav" in page


def test_a_page_can_be_made_where_no_clip_could_be_read(made):
    _, lines = made
    bad = {"line": "unreadable", "clip": "x.wav", "kind": "speech", "error": "broken"}
    page = report.page([lines[0], bad], [])
    assert "cannot be read: x.wav (broken)" in page
    assert "no clip could be read" in table.text([lines[0], bad])


def test_plot_shows_all_codecs_and_is_the_same_each_time(made):
    folder, lines = made
    drawing = (folder / "r.svg").read_text("utf-8")
    assert drawing.startswith("<?xml")
    assert "currentColor" not in drawing and plots.INK not in drawing
    assert all(f">{spec}<" in drawing for spec in SPECS.split(","))
    assert plots.svg(plots.rate_quality(lines), inline=False) == drawing


def test_tables_are_markdown_and_say_what_the_record_says(made):
    _, lines = made
    text = table.markdown(table.overview(lines))
    titles, rule, *rows = text.splitlines()
    assert {line.count("|") for line in (titles, rule, *rows)} == {titles.count("|")}
    assert "PESQ-WB, speech" in titles and set(rule) == set("| -")
    speech = next(row for row in table.of_kind(lines, "summary")
                  if row["codec"] == "mulaw" and row["kind"] == "speech")
    found = speech["metrics"]["stoi"]
    assert f"{found['mean']:.3f} [{found['interval_95'][0]:.3f}, " in text


def test_clips_to_show_are_of_different_kinds_and_readable(corpus):
    listed = [Clip("broken", corpus / "broken.wav", "sound")]
    listed += [Clip(f"{kind}{number}", corpus / f"dev/speech{number}.wav", kind)
               for kind in ("speech", "music") for number in range(2)]
    shown = samples.draw(listed, ["mulaw"], 3)
    assert [sample.clip.name for sample in shown] == ["speech0", "music0", "speech1"]
    assert samples.draw(listed, ["mulaw"], 0) == []
