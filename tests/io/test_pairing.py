"""Pairing of names: equal ones in any encoding of accents, and the endings that programs add."""

import logging
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fcrbench.errors import DataError
from fcrbench.io.find import list_images
from fcrbench.io.matching import AmbiguousNamesError, match_names, suggest_suffix
from fcrbench.io.names import LABEL_SUFFIXES
from fcrbench.io.pairing import IMAGE_WITH_MASK, LABELS_WITH_IMAGE, TRUTH_WITH_PREDICTION, pair_files

ENDINGS = ["", "_m", "_img_m", "_img"]
BEGINNINGS = st.text("ab_é", min_size=0, max_size=3)
NAMES = st.lists(
    st.builds(
        lambda folder, stem, end, form: unicodedata.normalize(form, folder + stem + end),
        st.sampled_from(["", "", "d/"]),
        BEGINNINGS,
        st.sampled_from(ENDINGS),
        st.sampled_from(["NFC", "NFD"]),
    ).filter(lambda name: name and not name.endswith("/")),
    max_size=5,
    unique_by=lambda name: unicodedata.normalize("NFC", name),
)


def expected_pairs(left, right, left_endings, right_endings):
    """The definition: equal names; or else all pairs that some ending explains, if they are unambiguous."""

    def nfc(name):
        return unicodedata.normalize("NFC", name)

    def explained(a, b, s, t):
        a, b = nfc(a), nfc(b)
        if not (a.endswith(s) and b.endswith(t)):
            return False
        rest = a[: len(a) - len(s)]
        return rest == b[: len(b) - len(t)] and rest.split("/")[-1] != ""

    equal = [(a, b) for a in left for b in right if nfc(a) == nfc(b)]
    if equal:
        return equal
    ways = {
        (a, b): {(s, t) for s in left_endings for t in right_endings if explained(a, b, s, t)}
        for a in left
        for b in right
    }
    found = [pair for pair in ways if ways[pair]]
    one_each = all(len({pair[side] for pair in found}) == len(found) for side in (0, 1))
    if not one_each or (found and not set.intersection(*(ways[pair] for pair in found))):
        return "ambiguous"
    return found


@given(NAMES, NAMES)
@example(["a"], ["a_m", "a_img_m"])
@example(["a", "b"], ["a_m", "b_img_m"])
@example(["d/a"], ["d/a_m", "a_m"])
@example(["a_img", "a"], ["a_img_m"])
@example(["_m"], ["_img_m"])
def test_names_pair_as_defined(left, right):
    expected = expected_pairs(left, right, ["", "_img"], ENDINGS)
    if expected == "ambiguous":
        with pytest.raises(AmbiguousNamesError) as error:
            match_names(left, right, ["", "_img"], ENDINGS)
        first, second = error.value.first, error.value.second
        assert first[:2] != second[:2]
        assert {first.left, second.left} <= set(left)
        assert {first.right, second.right} <= set(right)
    else:
        found = match_names(left, right, ["", "_img"], ENDINGS)
        assert [tuple(candidate[:2]) for candidate in found] == expected


def folder_of(tmp_path, names, name="right"):
    for file in names:
        path = tmp_path / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return list_images(tmp_path / name, recursive=True, suffixes=LABEL_SUFFIXES)


def pair(tmp_path, left, right, kind=TRUTH_WITH_PREDICTION, suffix=None):
    of_left = folder_of(tmp_path, left, "left")
    found = pair_files(of_left.by_name(), folder_of(tmp_path, right), kind, "left", suffix)
    return {name: path.relative_to(tmp_path / "right").as_posix() for name, path in found.items()}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("N.tif", "N.png"),
        ("N.tif", "N.ome.tif"),
        ("N.OME.TIF", "N.png"),
        ("well/N.tif", "well/N.png"),
        ("N.tif", "N_cp_masks.png"),
        ("N.tif", "N_cp_masks.tif"),
        ("N.ome.tif", "N.ome_cp_masks.png"),
        ("N.tif", "N_seg.npy"),
        ("N.tif", "N.stardist.tif"),
        ("N.tif", "N_labels.tif"),
        ("N.tif", "N.labels.tif"),
        ("N.tif", "N_label.tiff"),
        ("N.tif", "N_mask.png"),
        ("N.tif", "N_masks.png"),
        ("N.tif", "N-labels.png"),
        ("N.tif", "N-labelled.tif"),
        ("N.tif", "N_Object Identities.tif"),
        ("N.tif", "N_instanseg_prediction.tiff"),
        ("N.tif", "N_nuclei.tiff"),
        ("N_masks.png", "N_img.tif"),
        ("N_masks.png", "N_img_cp_masks.png"),
        ("N_masks.png", "N_cp_masks.png"),
        ("N_label.tiff", "N.tif"),
    ],
)
def test_files_of_the_usual_programs_pair(tmp_path, left, right):
    lefts, rights = ([name.replace("N", cell) for cell in ("cell_1", "cell_10")] for name in (left, right))
    assert sorted(pair(tmp_path, lefts, rights).values()) == sorted(rights)


@pytest.mark.parametrize(
    ("kind", "left", "right"),
    [
        (IMAGE_WITH_MASK, "a_img.tif", "a_masks.tif"),
        (IMAGE_WITH_MASK, "000_img.png", "000_masks.png"),
        (IMAGE_WITH_MASK, "cell_1.png", "cell_1_label.tiff"),
        (LABELS_WITH_IMAGE, "a_cp_masks.png", "a.tif"),
        (LABELS_WITH_IMAGE, "a_masks.png", "a_img.tif"),
        (LABELS_WITH_IMAGE, "a_img_cp_masks.png", "a_img.tif"),
    ],
)
def test_images_pair_with_their_labels(tmp_path, kind, left, right):
    assert list(pair(tmp_path, [left], [right], kind).values()) == [right]


def test_the_line_names_the_suffix(tmp_path, caplog):
    caplog.set_level(logging.INFO, "fcrbench")
    pair(tmp_path, ["a.tif", "b.tif"], ["a_cp_masks.png", "b_cp_masks.png"])
    (record,) = caplog.records
    assert record.getMessage() == f"{tmp_path / 'right'}: paired by the suffix _cp_masks"


def test_an_equal_name_wins(tmp_path, caplog):
    caplog.set_level(logging.INFO, "fcrbench")
    assert pair(tmp_path, ["a.tif", "b.tif"], ["a.png", "a_labels.png", "b_labels.png"]) == {"a": "a.png"}
    assert not caplog.records


@pytest.mark.parametrize("suffix", ["_result", "_result.png", "_result.tif"])
def test_a_suffix_of_the_user(tmp_path, suffix):
    right = ["a_result.tif", "a.tif", "b_result.png", "b_cp_masks.png"]
    found = pair(tmp_path, ["a.tif", "b.tif"], right, suffix=suffix)
    assert found == {"a": "a_result.tif", "b": "b_result.png"}


def test_a_suffix_replaces_that_of_the_truth(tmp_path):
    found = pair(tmp_path, ["0_masks.png"], ["0_img_cp_masks.png", "0_img.png"], suffix="_img_cp_masks")
    assert found == {"0_masks": "0_img_cp_masks.png"}


@pytest.mark.parametrize(
    ("left", "right", "suffix", "words"),
    [
        (
            ["a.tif"],
            ["a_labels.tif", "a_masks.tif"],
            None,
            ["a_labels.tif", "a_masks.tif", "choose with --suffix"],
        ),
        (["a.tif", "b.tif"], ["a_labels.tif", "b_masks.tif"], None, ["a_labels.tif", "b_masks.tif"]),
        (["a.tif"], ["a.png", "a.tif"], None, ["a.png and a.tif share the stem 'a'"]),
        (
            ["f0.tif"],
            ["f0_result.tif", "f1_result.tif"],
            None,
            ["f0_result.tif", "f0.tif", "--suffix _result"],
        ),
        (["f0.tif"], ["x.tif"], None, ["right has x.tif; left has f0.tif"]),
        (["f0.tif"], ["f0.tif"], "_r", ["right has f0.tif", "_r added"]),
        (["é.tif"], ["é.png", "e\u0301.png"], None, ["NFC and NFD"]),
        (["a.tif"], ["b.txt"], None, ["no label image for a.tif", ".png"]),
    ],
)
def test_what_cannot_pair_is_named(tmp_path, left, right, suffix, words):
    with pytest.raises(DataError) as error:
        pair(tmp_path, left, right, suffix=suffix)
    for word in words:
        assert word in str(error.value)


@given(st.lists(st.text("ab1", min_size=1, max_size=3), min_size=1, unique=True))
def test_a_suffix_is_suggested(names):
    assert suggest_suffix(names, [f"{name}_out" for name in names]) == "_out"
    assert suggest_suffix(names, [f"x{name}" for name in names if f"x{name}" not in names]) == ""
