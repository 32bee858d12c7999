"""Text files become documents, and documents one stream of tokens."""

import lzma

import datasets
import numpy as np
import pytest

from icl.pretrain.text import cached_corpus, encode_corpus, read_documents, text_files, text_folder


def test_documents_are_read_from_plain_and_packed_files(tmp_path):
    text = "first\nstory\n\n<|doc|>\nsecond é"
    (tmp_path / "a.txt").write_text(text, "utf-8")
    (tmp_path / "b.txt.xz").write_bytes(lzma.compress(text.encode()))
    for name in ("a.txt", "b.txt.xz"):
        assert read_documents(tmp_path / name) == ["first\nstory", "second é"]


def test_a_file_without_the_mark_is_one_document(tmp_path):
    (tmp_path / "a.txt").write_text("one\n\ntwo", "utf-8")
    assert read_documents(tmp_path / "a.txt") == ["one\n\ntwo"]


BAD = [("a.txt", b"\xff\xfe\x00"), ("a.txt.xz", b"no archive"), ("a.txt.xz", b"")]


@pytest.mark.parametrize(("name", "content"), BAD)
def test_a_file_that_is_no_text_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        read_documents(tmp_path / name)


def test_only_text_files_are_found(text_folder):
    assert [path.name for path in text_files(text_folder)] == ["one.txt", "two.txt.xz"]


def test_a_folder_without_text_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        text_files(tmp_path)


def test_the_stream_is_every_document_and_its_end(tokenizer, text_folder, documents):
    stream = encode_corpus(tokenizer, text_files(text_folder), {}, tokenizer.eos_token_id)
    assert stream.dtype == np.uint16 and stream.ndim == 1
    assert tokenizer.decode(stream.tolist()) == "".join(text + "</s>" for text in documents)


def test_one_document_in_fifty_is_kept_for_evaluation(tokenizer, tmp_path):
    names = [f"story {number}" for number in range(120)]
    (tmp_path / "one.txt").write_text("\n\n<|doc|>\n".join(names), "utf-8")
    kept, used = (
        tokenizer.decode(encode_corpus(tokenizer, [tmp_path / "one.txt"], {}, 2, held).tolist())
        for held in (True, False)
    )
    assert kept == "story 49</s>story 99</s>"
    assert used == "".join(f"{name}</s>" for name in names if name not in kept.split("</s>"))


def test_a_corpus_is_kept_until_what_it_depends_on_changes(tokenizer, text_folder, tmp_path):
    files = text_files(text_folder)
    first = cached_corpus(tmp_path, tokenizer, files, {})
    again = cached_corpus(tmp_path, tokenizer, files, {})
    less = cached_corpus(tmp_path, tokenizer, files, {"one.txt": 0.1})
    assert np.array_equal(first, again) and len(less) < len(first)
    assert len([*tmp_path.glob("corpus-*.npy")]) == 2


def test_a_share_takes_the_first_documents(tokenizer, text_folder, documents):
    files = text_files(text_folder)[:1]
    stream = encode_corpus(tokenizer, files, {"one.txt": 0.1}, tokenizer.eos_token_id)
    assert tokenizer.decode(stream.tolist()) == "".join(text + "</s>" for text in documents[:3])


def test_real_prose_is_read_as_many_documents(shared_text):
    files = text_files(shared_text)
    assert files and all(path.name.endswith((".txt", ".txt.xz")) for path in files)
    stories = read_documents(shared_text / "tinystories.txt.xz")
    assert len(stories) > 100 and not any("<|doc|>" in story for story in stories)


def test_a_data_set_is_fetched_once_and_read_as_a_file(tmp_path, monkeypatch):
    names = []

    def fetch(name, config, split):
        names.append((name, config, split))
        return datasets.Dataset.from_dict({"text": ["one", "two\nlines"], "other": [1, 2]})

    monkeypatch.setattr(datasets, "load_dataset", fetch)
    for _ in range(2):
        (path,) = text_files(text_folder("owner/stories", tmp_path))
        assert read_documents(path) == ["one", "two\nlines"]
    assert names == [("owner/stories", None, "train")]
    text_folder("owner/stories:long", tmp_path)
    assert names[1:] == [("owner/stories", "long", "train")]
    monkeypatch.setattr(datasets, "load_dataset", lambda name, config, split: fetch(
        name, config, split).remove_columns("text"))
    with pytest.raises(ValueError, match="'other'.*expected one called text"):
        text_folder("owner/numbers", tmp_path)


def test_a_data_set_that_was_saved_is_read_from_its_folder(tmp_path):
    saved = datasets.Dataset.from_dict({"text": ["one", "two"]})
    for made in (saved, datasets.DatasetDict({"train": saved})):
        made.save_to_disk(tmp_path / type(made).__name__)
        (path,) = text_files(text_folder(str(tmp_path / type(made).__name__), tmp_path / "train"))
        assert read_documents(path) == ["one", "two"]
        path.unlink()


def test_a_name_that_is_nowhere_is_one_error(tmp_path, monkeypatch):
    def refuse(name, config, split):
        raise ValueError("Couldn't find it")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(FileNotFoundError, match="nowhere is no folder of text.*Couldn't find it"):
        text_folder("nowhere", tmp_path)
