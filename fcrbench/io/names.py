"""The names of images: which suffixes are read, and what remains of a file name without its suffix."""

from pathlib import PurePath

# TIFF has many: .btf, .tf8 and .tf2 are BigTIFF, and .lsm is what Zeiss microscopes write.
TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8", ".tf2", ".lsm")
_PICTURES = (".png", ".jpg", ".jpeg", ".jp2", ".j2k", ".jpx", ".jpf", ".bmp", ".webp")
IMAGE_SUFFIXES = (*_PICTURES, *TIFF_SUFFIXES)  # what can be read as an image
LABEL_SUFFIXES = (*IMAGE_SUFFIXES, ".npy")  # what can be read as a label image
ZARR_SUFFIX = ".zarr"
LABELS_SOFTWARE = "fcrbench labels"  # the Software tag of label images in TIFF, by which they are known again
_OME = ".ome"


def split_name(file_name: str, *, is_folder: bool = False) -> tuple[str, str]:
    """Split the name of an image file, or of a Zarr folder, into the name of the image and the suffix.

    ".ome" belongs to the suffix: "a.ome.tif" is the image "a". A Zarr folder may have no suffix.
    """
    path = PurePath(file_name)
    name, suffix = path.stem, path.suffix
    if is_folder and suffix.lower() != ZARR_SUFFIX:
        return file_name, ""
    if name.lower().endswith(_OME) and len(name) > len(_OME):
        split = len(name) - len(_OME)
        name, suffix = name[:split], name[split:] + suffix
    return name, suffix


def file_name_of(name: str, path: PurePath) -> str:
    """Return the name of the file of an image with the folders of the image's name: "well_B02/f.tif"."""
    folder, slash, _ = name.rpartition("/")
    return folder + slash + path.name


def image_name(path: PurePath) -> str:
    """Return the name of an image that is given by itself, which is that of its file without the suffix."""
    return split_name(path.name)[0]
