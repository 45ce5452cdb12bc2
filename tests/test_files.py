from pathlib import Path

import pytest

from codesign.files import atomic_path, hash_file, hash_tree, remove_partial_files, write_atomic


def test_write_atomic_makes_folders_and_replaces(tmp_path: Path):
    path = tmp_path / "a" / "b.txt"
    write_atomic(path, "one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "b.txt"
    write_atomic(path, "old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_path_keeps_the_suffix_beside_the_target(tmp_path: Path):
    with atomic_path(tmp_path / "plot.png") as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"")


def test_leftovers_of_killed_writers_are_removed(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / ".partial-12ab-model.json").write_text("ha")
    (tmp_path / "model.json").write_text("{}")
    assert remove_partial_files(tmp_path) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.json", "sub"]


def test_hash_tree_sees_names_and_contents(tmp_path: Path):
    (tmp_path / "a.py").write_text("1")
    first = hash_tree(tmp_path)
    assert hash_tree(tmp_path) == first
    (tmp_path / "note.txt").write_text("not source")
    assert hash_tree(tmp_path) == first
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert hash_tree(tmp_path) != first
    assert hash_file(tmp_path / "b.py") != hash_file(tmp_path / "note.txt")
