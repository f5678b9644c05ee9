"""A run directory made of real fields, with a disturbed truth as the prediction and real metrics."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fcrbench import datasets, metrics
from fcrbench.datasets import Dataset, DatasetSpec, Sample
from fcrbench.io import write_labels


def disturb(labels: np.ndarray, severity: float, seed: int) -> np.ndarray:
    """Return a prediction with every kind of mistake: objects are shifted, lost, cut, joined and invented."""
    rng = np.random.default_rng(seed)
    labels = np.roll(labels, round(3 * severity), axis=1).astype(np.int32)
    next_id = int(labels.max()) + 1
    for one in rng.permutation(np.unique(labels[labels > 0])):
        mask = labels == one
        chance = rng.random()
        if chance < 0.1 * severity:
            labels[mask] = 0
        elif chance < 0.2 * severity:
            rows = np.flatnonzero(mask.any(axis=1))
            cut = mask.copy()
            cut[: rows[len(rows) // 2]] = False
            labels[cut] = next_id
            next_id += 1
        elif chance < 0.35 * severity:
            beside = labels[np.roll(mask, 20, axis=0) & ~mask]
            others = beside[(beside > 0) & (beside != one)]
            if others.size:
                labels[mask] = others[0]
    for _ in range(round(6 * severity)):
        y, x = (int(rng.integers(0, side - 20)) for side in labels.shape)
        patch = labels[y : y + 18, x : x + 18]
        patch[patch == 0] = next_id
        next_id += 1
    return labels


def make_run(run_dir: Path, dataset: Dataset, predictions: dict[str, np.ndarray]) -> Path:
    """Write the files that `fcrbench run` leaves, with scores computed from the predictions."""
    run_dir.mkdir(parents=True, exist_ok=True)
    for name, labels in predictions.items():
        write_labels(run_dir / "predictions" / f"{name}.tif", labels)
    scored = metrics.score_dataset(((n, dataset.load(n).labels, p) for n, p in predictions.items()))
    scored.table.to_csv(run_dir / "images.csv", index=False)
    summary = scored.summary() | {
        "split": "val",
        "parameters": 2746740,
        "throughput": {
            "network_images_per_second": 6.4,
            "postprocess_images_per_second": 2150.0,
            "image_shape": [520, 696],
            "device": "cpu",
            "threads": 2,
        },
        "training": {"seconds": 312.4, "steps": 1440, "crops": 5760},
    }
    (run_dir / "summary.json").write_text(json.dumps(summary))
    (run_dir / "config.toml").write_text(
        'method = "fcrnet"\npreset = "default"\nseed = 0\ndevice = "auto"\n\n[dataset]\nname = "sample"\n'
    )
    manifest = {
        "fcrbench": "0.1.0",
        "created": "2026-11-22T12:00:00+00:00",
        "command": "fcrbench run --method fcrnet --dataset sample --seed 0",
        "python": "3.11.9",
        "platform": "Linux-6.1-x86_64",
        "cpu": "AMD EPYC",
        "cores": 2,
        "device": "cpu",
        "packages": {"numpy": "2.4.6", "torch": "2.13.0"},
        "seed": 0,
        "dataset": {
            "name": "sample",
            "title": dataset.title,
            "licence": dataset.licence,
            "citation": dataset.citation,
            "source": dataset.source,
            "splits": {"train": ["a", "b"], "val": list(predictions)},
            "sha256": {},
        },
        "method": {
            "name": "fcrnet",
            "title": "FCRNet: instances by graph colouring",
            "paper": "FCRNet <2021> & others",
            "parameters": 2746740,
            "options": {"colors": 4},
        },
    }
    (run_dir / "manifest.json").write_text(json.dumps(manifest))
    (run_dir / "history.csv").write_text(history(40))
    return run_dir


def history(epochs: int) -> str:
    """Return a history with a falling loss, its two terms, and scores every fifth epoch."""
    lines = ["epoch,step,seconds,learning_rate,loss,colour,neighbours,val_pq,val_f1,val_ap,val_dice2,val_aji"]
    for epoch in range(1, epochs + 1):
        colour, neighbours = math.exp(-epoch / 8) + 0.1, 0.4 * math.exp(-epoch / 4) + 0.02
        pq = 0.75 * (1 - math.exp(-epoch / 10))
        scores = (pq, pq * 1.15, pq * 0.85, pq * 0.9, pq * 0.95)
        validation = ",".join(f"{s:.4f}" for s in scores) if epoch % 5 == 0 else ",,,,"
        rate = 1e-3 * (1 + math.cos(math.pi * epoch / epochs))
        lines.append(
            f"{epoch},{epoch * 36},{epoch * 7.8:.1f},{rate:.3e},{colour + neighbours:.5f},{colour:.5f},"
            f"{neighbours:.5f},{validation}"
        )
    return "\n".join(lines) + "\n"


class Fields(Dataset):
    """Fields made in a test."""

    spec = DatasetSpec(
        name="made",
        title="made in a test",
        licence="CC0",
        citation="nobody",
        source="https://example.org/d",
        needs_root=False,
        how_to_get="call it",
        factory="conftest:Fields",
    )

    def __init__(self, fields: dict[str, Sample]) -> None:
        super().__init__()
        self.fields = fields

    def list_splits(self) -> dict[str, list[str]]:
        return {"val": list(self.fields)}

    def read(self, sample_id: str) -> tuple[np.ndarray, np.ndarray]:
        return self.fields[sample_id].image, self.fields[sample_id].labels


@pytest.fixture
def fields() -> type[Fields]:
    return Fields


@pytest.fixture
def new_run() -> Callable[[Path, Dataset, dict[str, np.ndarray]], Path]:
    return make_run


@pytest.fixture(scope="session")
def sample() -> Dataset:
    return datasets.create("sample")


@pytest.fixture(scope="session")
def sample_predictions(sample: Dataset) -> dict[str, np.ndarray]:
    ids = sample.splits["val"][:5]
    return {name: disturb(sample.load(name).labels, k / 4, seed=k) for k, name in enumerate(ids)}


@pytest.fixture
def run_dir(tmp_path: Path, sample: Dataset, sample_predictions: dict[str, np.ndarray]) -> Path:
    return make_run(tmp_path / "run", sample, sample_predictions)
