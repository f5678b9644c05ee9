"""`fcrbench finetune`."""

from pathlib import Path

from fcrbench.cli.run import Settings, start

# Of fresh weights the rate is 0.002; a quarter keeps what the given ones have learnt.
TRAINING = {"learning_rate": 5e-4, "warmup_steps": 20, "validate_every": 1}


def finetune(
    folder: Path,
    *,
    init: str = "default",
    epochs: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    devices: int = 1,
    settings: Settings = (),
    output: Path = Path("runs"),
    stop_after: int | None = None,
) -> None:
    """Train given weights further on your own images; the run directory serves `fcrbench predict --weights`.

    Example: fcrbench finetune mine/
    Example: fcrbench finetune mine/ --epochs 30 --set dataset.options.val_fraction=0.3

    The first line of validation, epoch 0, is of the weights as they were. Ctrl-C saves; continue with
    `fcrbench run --resume`. Short for `fcrbench run --init WEIGHTS --dataset folder --root FOLDER` with a
    smaller learning rate, a short warm-up and a validation after each epoch.

    Parameters
    ----------
    folder
        Holds images/ (gray PNG or TIFF) and masks/ (label images of the same names, 0 = background); a fifth
        is kept for validation. Or train/ and val/, each with the two.
    init
        default, the weights that come with fcrbench; a run directory; or a .safetensors file of one.
    epochs
        Passes over the training fields; 10 unless said.
    seed
        Of crops and augmentation.
    device
        auto, cpu, cuda or cuda:N.
    devices
        Processes that share each batch, each on a GPU of its own or all on the CPU.
    settings
        Any other key of the configuration as KEY=VALUE; may be repeated.
    output
        Folder in which a new run directory is made.
    stop_after
        Stop after this many epochs as Ctrl-C would.
    """
    chosen = {
        "init": init,
        "seed": seed,
        "device": device,
        "dataset.name": "folder",
        "dataset.root": str(folder.resolve()),
        "training.epochs": epochs,
    }
    given = {key: value for key, value in chosen.items() if value is not None}
    start({"training": TRAINING}, given, settings, output, stop_after, devices)
