"""Channels, planes, orientation and pixel size, as OME, ImageJ and plain TIFF files give them."""

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps
from refusals import refused

from fcrbench.errors import UsageError
from fcrbench.io import read_image, read_labels, write_labels
from fcrbench.io.choice import Choice, choose_plane
from fcrbench.io.decode import decode
from fcrbench.io.orientation import Turned, turn_back, turn_upright
from fcrbench.io.stack import Stack

RNG = np.random.default_rng(0)
STACK = RNG.integers(0, 60000, (4, 3, 20, 30)).astype(np.uint16)  # planes, channels


def ome(path, array, axes, **metadata):
    metadata = {"axes": axes, **metadata}
    tifffile.imwrite(path, array, ome=True, photometric="minisblack", metadata=metadata)
    return path


def imagej(path, array, axes, **metadata):
    tifffile.imwrite(path, array, imagej=True, photometric="minisblack", metadata={"axes": axes, **metadata})
    return path


def test_channels_by_index_and_by_the_names_of_ome(tmp_path):
    path = ome(tmp_path / "a.ome.tif", STACK[0], "CYX", Channel={"Name": ["DAPI", "GFP", "Actin"]})
    for channel, k in ((0, 0), ("1", 1), ("DAPI", 0), ("gfp", 1), ("Actin", 2), (2, 2)):
        np.testing.assert_array_equal(read_image(path, channel), STACK[0, k])
    refused(read_image, path, "3 channels (0 DAPI, 1 GFP, 2 Actin), expected one", "--channel")
    for bad in ("Hoechst", 3, "gray", "red"):
        refused(
            lambda path, bad=bad: read_image(path, bad), path, "0 DAPI, 1 GFP, 2 Actin", "not one of them"
        )


@pytest.mark.parametrize("write", [ome, imagej])
def test_planes_and_channels_of_one_file(tmp_path, write):
    path = write(tmp_path / "a.tif", STACK, "ZCYX")
    for plane in range(4):
        np.testing.assert_array_equal(read_image(path, 1, plane), STACK[plane, 1])
    np.testing.assert_array_equal(read_image(path, 2, "max"), STACK[:, 2].max(0))
    mean = STACK[:, 2].astype(float).mean(0)
    np.testing.assert_array_equal(read_image(path, 2, "mean"), np.rint(mean).astype(np.uint16))
    refused(lambda path: read_image(path, 1), path, "4 planes x 3 channels", "--plane", "sharpest")
    refused(lambda path: read_image(path, plane=0), path, "3 channels", "--channel")
    refused(lambda path: read_image(path, 0, 4), path, "4 planes", "plane 4")
    refused(lambda path: read_labels(path, volume=True), path, "channels")


@pytest.mark.parametrize("axes", ["CZYX", "ZCYX"])
def test_the_order_of_the_axes_is_that_of_the_metadata(tmp_path, axes):
    array = STACK if axes == "ZCYX" else STACK.transpose(1, 0, 2, 3)
    path = ome(tmp_path / "a.ome.tif", array, axes)
    np.testing.assert_array_equal(read_image(path, 2, 3), STACK[3, 2])


def test_sizes_say_nothing_about_axes(tmp_path):
    """Three pages may be channels or planes: the user says it."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0], photometric="minisblack")
    for k in range(3):
        np.testing.assert_array_equal(read_image(path, k), STACK[0, k])
        np.testing.assert_array_equal(read_image(path, plane=k), STACK[0, k])
    np.testing.assert_array_equal(read_image(path, plane="max"), STACK[0].max(0))
    refused(read_image, path, "3 pages that differ", "--channel INDEX or --plane INDEX")
    refused(lambda path: read_image(path, "DAPI"), path, "3 pages that the file does not name")
    np.testing.assert_array_equal(read_labels(path, volume=True), STACK[0])


def test_the_sharpest_plane(tmp_path):
    from scipy import ndimage

    sharp = (ndimage.gaussian_filter(RNG.random((60, 70)), 2) > 0.5) * 1000.0
    planes = [ndimage.gaussian_filter(sharp, sigma) + 100 for sigma in (4, 2, 0.5, 3)]
    path = imagej(tmp_path / "z.tif", np.asarray(planes, np.uint16), "ZYX")
    np.testing.assert_array_equal(read_image(path, plane="sharpest"), np.asarray(planes[2], np.uint16))
    both = np.stack([np.asarray(planes[::-1], np.uint16), np.asarray(planes, np.uint16)], 1)
    path = imagej(tmp_path / "zc.tif", both, "ZCYX")
    np.testing.assert_array_equal(read_image(path, 1, "sharpest"), both[2, 1])
    np.testing.assert_array_equal(read_image(path, 0, "sharpest"), both[1, 0])


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_the_only_informative_colour_is_read(tmp_path, suffix):
    """A picture of DAPI in blue, or in cyan, as microscopes export it."""
    gray = (STACK[0, 0] >> 8).astype(np.uint8)
    dark = np.zeros_like(gray)
    path = tmp_path / f"a.{suffix}"
    for colours in ([dark, dark, gray], [dark, gray, gray], [dark + 7, gray, dark]):
        Image.fromarray(np.dstack(colours)).save(path)
        np.testing.assert_array_equal(read_image(path), gray)
    Image.fromarray(np.dstack([gray, dark, gray // 2])).save(path)
    refused(read_image, path, "0 red, 1 green, 2 blue", "--channel")
    np.testing.assert_array_equal(read_image(path, "blue"), gray // 2)
    luma = np.rint(0.299 * gray + 0.114 * (gray // 2)).astype(np.uint8)
    np.testing.assert_array_equal(read_image(path, "gray"), luma)


def test_gray_is_that_of_pillow_within_rounding(tmp_path):
    colours = RNG.integers(0, 256, (20, 30, 3)).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / "a.png")
    theirs = np.asarray(Image.open(tmp_path / "a.png").convert("L")).astype(int)
    assert np.abs(read_image(tmp_path / "a.png", "gray") - theirs).max() <= 1


def test_a_file_of_one_channel_takes_no_other(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0, 0])
    for channel in (None, 0, "gray"):
        np.testing.assert_array_equal(read_image(path, channel, 0), STACK[0, 0])
    for channel, plane in ((1, None), ("blue", None), (None, 1)):
        refused(lambda path, c=channel, p=plane: read_image(path, c, p), path, "one ")
    remembered = Choice("DAPI", 3, remembered=True)
    np.testing.assert_array_equal(choose_plane(decode(path), remembered, path)[:, :], STACK[0, 0])


@pytest.mark.parametrize("choice", [(-1, None), (None, "maximum"), (None, "-1"), (None, "1.5")])
def test_choices_that_no_file_can_have(choice):
    with pytest.raises(UsageError, match="expected an index from 0"):
        Choice(*choice)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_orientation_is_that_of_pillow(tmp_path, orientation, suffix):
    stored = (STACK[0, 0] >> 8).astype(np.uint8)
    image = Image.fromarray(stored)
    exif = image.getexif()
    exif[274] = orientation
    image.save(tmp_path / "a.png", exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.png")))
    tifffile.imwrite(tmp_path / "a.tif", stored, extratags=[(274, "H", 1, orientation, True)])
    if suffix == "tif":
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), upright)
        np.testing.assert_array_equal(read_labels(tmp_path / "a.tif"), upright)
    np.testing.assert_array_equal(turn_upright(stored, orientation), upright)
    np.testing.assert_array_equal(turn_back(upright, orientation), stored)
    turned = Turned(stored, orientation)
    assert turned.shape == upright.shape
    np.testing.assert_array_equal(turned[3:9, 2:15], upright[3:9, 2:15])
    written = Turned(np.zeros_like(stored), orientation)
    for y in range(0, upright.shape[0], 7):
        written[y : y + 7, 0:11] = upright[y : y + 7, 0:11]
        written[y : y + 7, 11:99] = upright[y : y + 7, 11:99]
    np.testing.assert_array_equal(written[0:99, 0:99], upright)


@pytest.mark.parametrize(("unit", "factor"), [("um", 1), ("micron", 1), ("nm", 1e-3), ("mm", 1e3)])
def test_pixel_size_of_imagej(tmp_path, unit, factor):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0, 0], imagej=True, resolution=(4, 2), metadata={"unit": unit})
    assert decode(path).pixel_size == pytest.approx((0.5 * factor, 0.25 * factor))


def test_pixel_size_of_ome_and_none_of_dots_per_inch(tmp_path):
    sizes = {"PhysicalSizeX": 65, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.13}
    assert decode(ome(tmp_path / "a.ome.tif", STACK[0, 0], "YX", **sizes)).pixel_size == (0.13, 0.065)
    tifffile.imwrite(tmp_path / "b.tif", STACK[0, 0], resolution=(300, 300), resolutionunit="INCH")
    assert decode(tmp_path / "b.tif").pixel_size is None


def test_bad_metadata_do_not_make_the_pixels_useless(tmp_path):
    path = tmp_path / "a.tif"
    for text in ("<OME", '<OME xmlns="x"><Pixels PhysicalSizeX="?"/></OME>', "ImageJ=1.5\nunit=um\nimages=x"):
        tifffile.imwrite(path, STACK[0, 0], description=text, metadata=None)
        np.testing.assert_array_equal(read_image(path), STACK[0, 0])


def test_views_by_slices_equal_the_whole():
    stack = Stack(STACK, "ZCYX", ("a", "b", "c"))
    for plane in (2, "max", "mean", "sharpest"):
        view = choose_plane(stack, Choice("b", plane), "x")
        whole = view[:, :]
        assert view.shape == whole.shape == (20, 30)
        np.testing.assert_array_equal(view[3:11, 5:21], whole[3:11, 5:21])


LABELS = (STACK[0, 0] > 30000).astype(np.int32) * 7


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_labels_keep_pixel_size_and_orientation(tmp_path, name, orientation):
    path = tmp_path / name
    write_labels(path, LABELS, pixel_size=(0.5, 0.25), orientation=orientation)
    np.testing.assert_array_equal(read_labels(path), LABELS)
    assert decode(path).pixel_size == pytest.approx((0.5, 0.25))
    with tifffile.TiffFile(path) as file:
        assert file.is_ome == (name == "a.ome.tif")
        assert file.pages[0].shape == turn_back(LABELS, orientation).shape
        np.testing.assert_array_equal(file.pages[0].asarray(), turn_back(LABELS, orientation))
    if orientation == 1 and name == "a.tif":
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), LABELS)


def test_labels_without_pixel_size_are_a_plain_tiff(tmp_path):
    write_labels(tmp_path / "a.tif", LABELS)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages[0].description == ""
        assert 274 not in file.pages[0].tags or file.pages[0].tags[274].value == 1


def test_the_same_labels_give_the_same_file(tmp_path):
    for name in ("a.ome.tif", "b.ome.tif"):
        write_labels(tmp_path / name, LABELS)
    whole = [
        (tmp_path / name).read_bytes().replace(b"b.ome", b"a.ome") for name in ("a.ome.tif", "b.ome.tif")
    ]
    assert whole[0] == whole[1]


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_large_labels_keep_pixel_size_and_orientation(tmp_path, orientation):
    pytest.importorskip("zarr")
    from fcrbench.io.large import new_labels, open_image

    for name in ("a.tif", "a.zarr") if orientation == 1 else ("a.tif",):
        path, turned = tmp_path / name, {"pixel_size": (0.5, 0.25), "orientation": orientation}
        with new_labels(path, LABELS.shape, **turned) as out:
            out[0:20, 0:30] = LABELS
        assert decode(path).pixel_size == pytest.approx((0.5, 0.25))
        np.testing.assert_array_equal(read_labels(path), LABELS)
        np.testing.assert_array_equal(open_image(path)[3:9, 2:15], LABELS[3:9, 2:15])


def test_a_large_stack_is_read_where_it_is_chosen(tmp_path, monkeypatch):
    pytest.importorskip("zarr")
    from fcrbench.io import large
    from fcrbench.io.images import image_of

    monkeypatch.setattr(large, "_LARGE_STACK", 1)
    path = ome(tmp_path / "a.ome.tif", STACK, "ZCYX", Channel={"Name": ["DAPI", "GFP", "Actin"]})
    stack = large.decode_image(path)
    assert not isinstance(stack.pixels, np.ndarray)
    np.testing.assert_array_equal(image_of(stack, Choice("GFP", 2), path), STACK[2, 1])
    np.testing.assert_array_equal(image_of(stack, Choice("GFP", "max"), path), STACK[:, 1].max(0))
    refused(lambda path: image_of(stack, Choice(), path), path, "4 planes x 3 channels")
    tifffile.imwrite(tmp_path / "w.tif", STACK[0, 0], photometric="miniswhite")  # cannot be read by planes
    whole = large.decode_image(tmp_path / "w.tif")
    np.testing.assert_array_equal(image_of(whole, Choice(), "w.tif"), 65535 - STACK[0, 0])
    tifffile.imwrite(tmp_path / "p.tif", STACK[0, 0])
    np.testing.assert_array_equal(
        image_of(large.decode_image(tmp_path / "p.tif"), Choice(), "p.tif"), STACK[0, 0]
    )


def test_gray_of_the_projection_of_colour_planes():
    colours = RNG.integers(0, 256, (5, 3, 20, 30)).astype(np.uint8)
    luma = np.rint(np.tensordot([0.299, 0.587, 0.114], colours.astype(float), ([0], [1])))
    for plane, reduced in (("max", luma.max(0)), ("mean", np.rint(luma.mean(0))), (2, luma[2])):
        for axes, pixels in (("ZSYX", colours), ("SZYX", colours.transpose(1, 0, 2, 3))):
            stack = Stack(pixels, axes, ("red", "green", "blue"))
            np.testing.assert_array_equal(choose_plane(stack, Choice("gray", plane), "x")[:, :], reduced)
    mean = np.rint(colours[:, 1].astype(float).mean(0))
    stack = Stack(colours, "ZSYX", ("red", "green", "blue"))
    np.testing.assert_array_equal(choose_plane(stack, Choice("green", "mean"), "x")[:, :], mean)


def test_a_claim_of_very_many_channels_is_refused_in_one_line():
    """Found by mutation: their names were listed before they were counted."""
    stack = Stack(np.broadcast_to(np.uint8(0), (2**40, 2, 2)), "CYX")
    refused(lambda path: choose_plane(stack, Choice(), path), "a.zarr", f"{2**40} channels", "--channel")
