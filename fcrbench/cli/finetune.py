"""`fcrbench finetune`."""

from pathlib import Path

from fcrbench.cli.common import REPORTING, Reporting
from fcrbench.cli.planes import PLANES, Planes
from fcrbench.cli.run import Settings, start

# New weights are trained with a rate of 0.002. A quarter of it keeps what the given weights have learnt.
TRAINING = {"learning_rate": 5e-4, "warmup_steps": 20, "validate_every": 1}


def finetune(
    folder: Path,
    *,
    init: str = "default",
    epochs: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    devices: int = 1,
    label_mask: bool = False,
    settings: Settings = (),
    output: Path = Path("runs"),
    stop_after: int | None = None,
    planes: Planes = PLANES,
    reporting: Reporting = REPORTING,
) -> None:
    """Train existing weights further on your own images.

    Example: fcrbench finetune mine/
    Example: fcrbench finetune mine/ --epochs 30 --set dataset.options.val_fraction=0.3

    Pass the new run directory to `fcrbench predict --weights` to use the result.
    The first validation line, epoch 0, shows the scores of the given weights before training.
    Ctrl-C saves the training. Continue it with `fcrbench run --resume RUN`.

    This is `fcrbench run --init WEIGHTS --dataset folder --root FOLDER` with a smaller learning rate,
    a short warm-up and a validation after each epoch.

    Parameters
    ----------
    folder
        Folder with images/ (gray PNG, TIFF, JPEG, OME-Zarr, ..) and masks/ (label images of the same names,
        0 = background).
        A fifth of the images is kept for validation.
        To choose them yourself, give train/ and val/, each with images/ and masks/.
        Folders as Cellpose trains on, with NAME_img.png and NAME_masks.png, are read as well.
    init
        Weights to start from: "default" (they come with fcrbench), a run directory or a .safetensors file.
    epochs
        Number of passes over the training fields. The default is 10.
    seed
        Seed of the random crops and the augmentation.
    device
        auto, cpu, cuda or cuda:N.
    devices
        Number of processes that share each batch, each on its own GPU or all on the CPU.
    label_mask
        The files in masks/ are masks of 0 and one other value. Their components become the objects.
        Pixels that touch at a corner only are not connected.
    settings
        Any other key of the configuration as KEY=VALUE. May be repeated.
    output
        Folder in which a new run directory is created.
    stop_after
        Stop after this many epochs, as Ctrl-C would.
    """
    chosen = {
        "init": init,
        "seed": seed,
        "device": device,
        "dataset.name": "folder",
        "dataset.root": str(folder.resolve()),
        "dataset.options.label_mask": label_mask or None,
        "training.epochs": epochs,
        **planes.options(),
    }
    given = {key: value for key, value in chosen.items() if value is not None}
    start({"training": TRAINING}, given, settings, output, stop_after, devices)
