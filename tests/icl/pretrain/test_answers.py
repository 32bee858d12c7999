"""The answer key of every game follows from the rest of its text."""

import math
import re

import numpy as np
import pytest

from icl.pretrain.games import GAMES
from icl.pretrain.games.categories import read_groups
from icl.pretrain.games.numerals import WORDS as NUMBERS
from icl.pretrain.games.rules import RULES
from icl.pretrain.strings import Noise
from tests.icl.pretrain.writing import lines, write

SEEDS = range(30)


def value(text: str) -> int:
    return NUMBERS.index(text) if text in NUMBERS else int(text)


def solve(question: str) -> int:
    """What a question of the games with numbers comes to."""
    if found := re.fullmatch(r"(\w+) (\+|plus|-|minus|\*|times) (\w+)", question):
        first, second = value(found[1]), value(found[3])
        return {"+": first + second, "plus": first + second, "*": first * second,
                "times": first * second}.get(found[2], first - second)
    if found := re.fullmatch(r"square root of (.+)", question):
        return math.isqrt(number(found[1]))
    if found := re.fullmatch(r"(first|last) digit of (.+)", question):
        return number(found[2]) // 10 if found[1] == "first" else number(found[2]) % 10
    *_, before, last = map(value, question.removeprefix("next after ").split())
    return 2 * last - before


def number(digits: str) -> int:
    """``12``, or ``one two``, as a number."""
    return int("".join(str(value(digit)) for digit in digits.split()))


def test_repetition_says_the_same_words_again(make_table, tokenizer):
    for seed in SEEDS:
        text, (answer,) = write(GAMES["repetition"], make_table(seed), tokenizer)
        assert text.startswith(answer) and text.endswith(answer + "\n")
        assert 0 < len(text) - 2 * len(answer) <= 4  # the mark and the end


@pytest.mark.parametrize("form", [0, 1])
def test_matching_without_noise_names_the_same_string(make_table, tokenizer, form):
    asked = 0
    for seed in SEEDS:
        known: dict[str, str] = {}
        table = make_table(seed, form=form, length=(7, 8))  # long enough for no two to be equal
        for line, answer in lines(GAMES["matching"], table, tokenizer):
            if form == 0 and not answer:
                label, string = line.split(":")
            else:
                string, label = line.removeprefix("?:").split(" =")
            assert answer in ("", label)
            if answer:
                assert known[string] == answer
            known[string] = label
            asked += bool(answer)
        assert len(set(known.values())) == len(known)
    assert asked > 100


def test_noisy_strings_of_a_label_are_nearer_than_those_of_others(make_table):
    hits = asked = 0
    for seed in SEEDS:
        parts = GAMES["matching"].write(make_table(seed, noise=Noise(0.3, 0.2), form=1, tokens=300))
        shown: list[tuple[tuple, np.ndarray]] = []
        strings = [part.content for part in parts if part.content.ndim == 2]
        labels = [parts[at + 2] for at, part in enumerate(parts) if part.content.ndim == 2]
        for string, label in zip(strings, labels, strict=True):
            here = string[np.linspace(0, len(string) - 1, 6).round().astype(int)]
            name = tuple(label.content.tolist())
            if label.target:
                found = min(shown, key=lambda entry: np.square(here - entry[1]).sum())[0]
                hits, asked = hits + (found == name), asked + 1
            shown.append((name, here))
    assert asked > 100 and hits / asked > 0.95


def test_lookup_answers_with_the_last_string_of_what_a_question_names(make_table, tokenizer):
    sums = asked = 0
    for seed in range(80):
        known: dict[str, str] = {}
        for line, answer in lines(GAMES["lookup"], make_table(seed, noise=Noise(0.3)), tokenizer):
            name, sign, _ = re.split(r"(:| =)", line, maxsplit=1)
            name = re.sub(r"^ ?(the sound of|an audio of|say)?", "", name).strip()
            if not answer:
                known[name] = line[line.index(sign) + len(sign) :]
                continue
            asked += 1
            if name not in known:
                total = solve(name)
                (name,) = {NUMBERS[total], str(total)} & known.keys()
                sums += 1
            assert answer == known[name] + "\n"
    assert asked > 60 and sums > 10


def test_cleaning_answers_with_the_clean_string_shown_before(make_table, tokenizer):
    asked = 0
    for seed in SEEDS:
        shown = set()
        for line, answer in lines(GAMES["cleaning"], make_table(seed, noise=Noise(0.3)), tokenizer):
            clean = re.split(" =| ->", line)[1]
            assert answer in ("", clean) and bool(answer) == (clean in shown)
            shown.add(clean)
            asked += bool(answer)
    assert asked > 60


def test_one_rule_holds_for_all_lines_of_a_text(make_table, tokenizer):
    for seed in SEEDS:
        rows = lines(GAMES["rules"], make_table(seed), tokenizer)
        pairs = [[part.split() for part in re.split(" =| ->", line)] for line, _ in rows]
        assert any(
            all(list(rule(np.array(source))) == target for source, target in pairs)
            for rule in RULES.values()
        )
        assert [bool(answer) for _, answer in rows] == [False] + [True] * (len(rows) - 1)
        source, target = pairs[0]
        assert sum(list(rule(np.array(source))) == target for rule in RULES.values()) == 1


def test_categories_give_the_words_of_a_group_one_label(make_table, tokenizer, word_ids):
    groups = {tokenizer.decode([token]).strip(): number // 15
              for number, token in enumerate(word_ids)}
    asked = 0
    for seed in SEEDS:
        label_of: dict[int, str] = {}
        for line, answer in lines(GAMES["categories"], make_table(seed, form=0), tokenizer):
            if answer:
                word = line.removeprefix("?:").split(" =")[0].strip()
                assert label_of[groups[word]] == answer
                asked += 1
            else:
                label, word = line.split(":")
                assert label_of.setdefault(groups[word.strip()], label) == label
    assert asked > 100


def test_groups_are_nouns_below_one_concept(tmp_path):
    rows = ["word\tpos\tdefinition\thypernyms\tsense"]
    rows += [f"fish{n}\tn\t\tfish; swimmer\t1" for n in range(8)]
    rows += [f"rock{n}\tn\t\tstone\t1" for n in range(7)]
    rows += ["fish\tn\t\tanimal\t1", "cat\tn\t\tanimal\t1"]
    rows += ["fish0\tn\t\tstone\t2", "run\tv\t\tstone\t1"]  # another sense, another kind
    (tmp_path / "w.tsv").write_text("\n".join(rows))
    tokens = {f"fish{n}": n for n in range(8)} | {"cat": 40}
    tokens |= {f"rock{n}": 20 + n for n in range(7)}
    groups = read_groups(tmp_path / "w.tsv", tokens)
    assert {name: group.tolist() for name, group in groups.items()} == {
        "animal": [*range(8), 40], "fish": [*range(8)]
    }
    (tmp_path / "w.tsv.xz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="w.tsv.xz is damaged"):
        read_groups(tmp_path / "w.tsv.xz", tokens)


def test_spelling_says_the_letters(make_table, tokenizer):
    for seed in SEEDS:
        for line, answer in lines(GAMES["spelling"], make_table(seed), tokenizer):
            word = re.split(":| =", line)[0].strip()
            assert answer.split() == list(word)


def test_counting_says_how_many(make_table, tokenizer):
    for seed in SEEDS:
        for line, answer in lines(GAMES["counting"], make_table(seed), tokenizer):
            words = re.split(":| =| ->", line)[0].split()
            assert len(set(words)) == 1 and value(answer.strip()) == len(words)


def test_arithmetic_is_right(make_table, tokenizer):
    seen: set[str] = set()
    for seed in SEEDS:
        for line, answer in lines(GAMES["arithmetic"], make_table(seed), tokenizer):
            question = re.split(":| =| is", line)[0]
            assert value(answer.strip()) == solve(question.strip())
            seen.add(question)
    assert len(seen) > 100
    assert {"times", "root", "last", "next"} <= {word for text in seen for word in text.split()}
