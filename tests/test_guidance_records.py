"""What guidance of the coarse words is good for is quoted as its records have it."""

from __future__ import annotations

import re
from pathlib import Path

from llm_codec.bench.journal import read_lines

ROOT = Path(__file__).parents[1]
POCKET = ROOT / "checkpoints" / "pocket"
CARD = ROOT / "checkpoints" / "README.md"


def cells(row):
    """Words in use and kept, and what they name, as the table of the ablation quotes them."""
    sources, total = row["few_shot"]["sources"], row["few_shot"]["mean"]
    low, high = (f"{100 * end:.1f}" for end in total["interval_95"])
    shares = [row["use"][0]["share_used"], row["stability"]["kept_noise"]["share"],
              *(source["accuracy"] for source in sources.values())]
    return [*(f"{100 * share:.1f}" for share in shares),
            f"{100 * total['accuracy']:.1f} ({low} to {high})"]


def ablation_words():
    records = (POCKET / "records").glob("ablation-words-*.jsonl")
    return {row["codec"].split("/")[-1]: row for record in records for row in read_lines(record)
            if row["line"] == "words"}


def test_the_ablation_is_quoted_as_recorded():
    runs = [*read_lines(POCKET / "records" / "ablation.jsonl")]
    words = ablation_words()
    quoted = re.search(r"<!-- ablation -->\n(.*?)<!-- end ablation -->", CARD.read_text("utf-8"),
                       re.S)
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in quoted[1].splitlines()[2:]]
    known = {(run["without"], str(run["seed"])): run for run in runs}
    assert len(known) == len(runs) == 14 and len(rows) == len(words) == 16
    for name, seed, steps, mel, stoi, *others in rows:
        if name == "the same to the end":
            assert steps == "800" and others == cells(words[f"unguided-{seed}"])
            continue
        run = known[name.removeprefix("without ").replace(", ", "+"), seed]
        row = words[f"{name.replace(', ', '-').replace(' ', '-')}-{seed}"]
        codec, found = row["fingerprints"]["codec"], run.get("evaluation")
        assert int(steps) == run["steps"] and run.get("codec", codec) == codec  # or it collapsed
        assert [mel, stoi] == ([f"{found['mel']:.3f}", f"{found['stoi']:.3f}"] if found
                               else ["–", "–"])
        assert others == cells(row)


def test_what_guidance_adds_is_quoted_as_recorded():
    means = {name: 100 * row["few_shot"]["mean"]["accuracy"]
             for name, row in ablation_words().items()}
    whole, bare = ([means[f"{name}-{seed}"] for seed in (0, 1)]
                   for name in ("all-losses", "unguided"))
    added = [one - two for one, two in zip(whole, bare, strict=True)]
    assert sum(added) / 2 >= 5
    text = " ".join(CARD.read_text("utf-8").split())
    assert (f"adds {added[0]:.1f} and {added[1]:.1f} points to the mean, "
            f"{sum(added) / 2:.1f} over both seeds") in text


def test_what_predictability_changes_is_quoted_as_recorded():
    records = read_lines(POCKET / "records" / "predictability-words.jsonl")
    without, low = (row for row in records if row["line"] == "words")
    card = " ".join(CARD.read_text("utf-8").split())
    for one, two in zip(low["foretold"], without["foretold"], strict=True):
        assert re.search(f"{one['nats']:.2f}[a-z 1-3]* for {two['nats']:.2f}", card)
    fallen = [100 * row["few_shot"]["mean"]["accuracy"] for row in (without, low)]
    assert f"the mean of the three falls by {fallen[0] - fallen[1]:.1f}" in card
