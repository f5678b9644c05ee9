"""The checks of a method. Each raises AssertionError that says what was found and what was expected."""

import dataclasses
import itertools
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn

from fcrbench import large, metrics, postprocess
from fcrbench.config import RunConfig, TrainingConfig, build
from fcrbench.methods import Method, PartNetwork, registry
from fcrbench.testing.case import Case
from fcrbench.testing.expect import (
    expect,
    expect_array,
    expect_finite_gradients,
    expect_labels,
    expect_light,
    expect_lines,
    expect_losses,
)
from fcrbench.training.average import RunningMean
from fcrbench.weights import read_header
from fcrbench.weights.tensors import load_weights, save_weights

HEAVY = ("torch", "lightning_fabric", "skimage", "matplotlib", "pandas")
EVALUATE_EVERY = 10  # steps


def check_description(case: Case) -> None:
    """Check that the description imports nothing heavy and that all presets are valid."""
    expect_light(case.spec_path, HEAVY, ": import these only in the module of the factory")
    expect_lines(case.spec, "name", "title", "paper")
    if ":" not in case.method:
        expect(
            case.spec.name == case.method,
            f"the description's name is {case.spec.name!r}, but its entry point is {case.method!r}",
        )
    for name, preset in case.spec.presets.items():
        created = registry.create(case.spec, name)
        expect(isinstance(created, Method), f"{case.spec.factory} is not a Method")
        build(TrainingConfig, preset.training, f"training of preset {name!r}")


def check_options(case: Case) -> None:
    """Check that options survive a TOML configuration file and the header of a weights file."""
    method = case.create()
    options = registry.options_as_dict(method)
    try:
        written = RunConfig(method=case.spec.name, options=options).to_toml()
    except Exception as error:
        raise AssertionError(f"options {options} cannot be written as TOML: {error}") from error
    _expect_same_options(method, case, tomllib.loads(written)["options"], "TOML")
    _expect_same_options(
        method, case, _save_and_load(case, method, case.build_network(method), None), "weights"
    )


def check_shapes(case: Case) -> None:
    """Check that each method returns the documented shape and dtype and does not change its input."""
    method = case.create()
    image = case.field[0]
    for dtype in (np.uint8, np.uint16, np.float32):
        given = image.astype(dtype)
        before = given.copy()
        normal = method.normalize(given)
        expect_array("normalize", normal, image.shape, np.float32)
        expect(np.array_equal(given, before), "normalize changes the image it gets")
    network = case.build_prepared_network(method).eval()
    expect(isinstance(network, nn.Module), f"build gives a {type(network).__name__}; expected a Module")
    images, truth = case.make_batch(method)
    with torch.inference_mode():
        scores = method.scores(network(images))
    height, width = image.shape
    expect(
        scores.ndim == 4 and (scores.shape[0], *scores.shape[2:]) == (2, height, width),
        f"scores are {tuple(scores.shape)} for images {tuple(images.shape)}; "
        f"expected (2, K, {height}, {width})",
    )
    expect(scores.dtype == torch.float32, f"scores are {scores.dtype}; expected torch.float32")
    given = scores[0].contiguous().numpy()
    before = given.copy()
    expect_labels(method.postprocess(given), image.shape, "a real image")
    expect(np.array_equal(given, before), "postprocess changes the scores it gets")
    if case.is_trained:
        before = truth.copy()
        expect_losses(method.losses(network.train()(images), truth, 0.0), "a real image")
        expect(np.array_equal(truth, before), "losses changes the labels it gets")


def check_sizes(case: Case) -> None:
    """Check that images of any size are segmented: one pixel, odd sides, larger than the training crops."""
    method = case.create()
    predict = case.make_predictor(method, case.build_prepared_network(method))
    image, _ = case.field
    side = len(image)
    for shape in ((1, 1), (17, 23), (side + 13, side + 29)):
        given = np.resize(image, shape)
        try:
            scores = predict.scores(given)
        except Exception as error:
            raise AssertionError(
                f"the network fails on an image {shape}, padded to a multiple of stride = {method.stride}: "
                f"{type(error).__name__}: {error}"
            ) from error
        expect(
            scores.shape[1:] == shape,
            f"scores of an image {shape} are {scores.shape} after its sides were padded to a multiple of "
            f"stride = {method.stride}; expected (K, {shape[0]}, {shape[1]})",
        )
        expect_labels(method.postprocess(scores), shape, f"an image {shape}")


def check_plain_images(case: Case) -> None:
    """Check that images without content give finite scores and a label image."""
    method = case.create()
    predict = case.make_predictor(method, case.build_prepared_network(method))
    shape = case.field[0].shape
    spot = np.zeros(shape, np.uint16)
    spot[0, 0] = 65535
    plain: dict[str, np.ndarray] = {
        "an empty image (0)": np.zeros(shape, np.uint16),
        "a constant image (uint8 255)": np.full(shape, 255, np.uint8),
        "a constant image (uint16 65535)": np.full(shape, 65535, np.uint16),
        "an image of one bright pixel": spot,
    }
    for what, image in plain.items():
        normal = method.normalize(image)
        expect(bool(np.isfinite(normal).all()), f"normalize gives NaN or infinity for {what}")
        scores = predict.scores(image)
        expect(bool(np.isfinite(scores).all()), f"scores hold NaN or infinity for {what}")
        expect_labels(method.postprocess(scores), shape, what)


def check_gradients(case: Case) -> None:
    """Check that every parameter gets a finite gradient, and that no gradient of a weight is 0 everywhere."""
    method = case.create()
    network = case.build_prepared_network(method).train()
    images, labels = case.make_batch(method)
    for progress in (0.0, 0.9):  # a term of the loss may vanish during training
        method.losses(network(images), labels, progress)["loss"].backward()
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        gradient = parameter.grad
        if gradient is None:
            raise AssertionError(f"parameter {name} gets no gradient: the loss does not reach it")
        expect(bool(torch.isfinite(gradient).all()), f"the gradient of {name} holds NaN or infinity")
        # A bias before a normalisation has a gradient of 0, but a weight needs another one to be trained.
        if parameter.ndim > 1:
            expect(bool((gradient != 0).any()), f"the gradient of {name} is 0 everywhere")


def check_plain_truth(case: Case) -> None:
    """Check that unusual truth gives a finite loss and finite gradients."""
    method = case.create()
    images, labels = case.make_batch(method)
    height, width = labels.shape[1:]
    tiles = (np.arange(height)[:, None] // 8 * -(-width // 8) + np.arange(width) // 8 + 1).astype(np.int32)
    pixel = np.zeros((height, width), np.int32)
    pixel[height // 2, width // 2] = 1
    plain = {
        "no object": [np.zeros_like(pixel)] * 2,
        "no object in one of two images": [labels[0], np.zeros_like(pixel)],
        "one object and no background": [np.ones_like(pixel)] * 2,
        "touching objects and no background": [tiles] * 2,
        "an object of one pixel": [pixel] * 2,
    }
    network = case.build_prepared_network(method).train()
    for what, truth in plain.items():
        network.zero_grad()
        losses = method.losses(network(images), np.stack(truth), 0.5)
        expect_losses(losses, what)
        losses["loss"].backward()
        expect_finite_gradients(network, f"where there is {what}")


def check_deterministic(case: Case) -> None:
    """Check that a seed determines weights, losses and instances, and that other seeds change the weights."""
    results = []
    for _ in range(2):
        method = case.create()
        network = case.build_prepared_network(method)
        start = {key: value.clone() for key, value in network.state_dict().items()}
        losses = []
        if case.is_trained:
            optimiser = case.make_optimiser(network)
            losses = [case.train_step(method, network, optimiser, step) for step in range(2)]
        predict = case.make_predictor(method, network)
        scores = predict.scores(case.field[0])
        results.append((start, losses, scores, [method.postprocess(scores.copy()) for _ in range(2)]))
    (start, losses, scores, labels), (start_2, losses_2, scores_2, labels_2) = results
    for key, value in start.items():
        expect(torch.equal(value, start_2[key]), f"{key} differs between two networks built with one seed")
    expect(losses == losses_2, f"the same two steps had losses {losses}, then {losses_2}")
    expect(np.array_equal(scores, scores_2), "two networks of equal weights give different scores")
    for other in (labels[1], *labels_2):
        expect(np.array_equal(labels[0], other), "postprocess gives different instances for equal scores")
    if case.is_trained:
        method = case.create()
        first, second = (
            list(case.build_network(method, seed).parameters()) for seed in (case.seed, case.seed + 1)
        )
        same = all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
        expect(not same, "another seed gives the same weights: draw them from torch's global generator")


def check_bf16(case: Case) -> None:
    """Check that loss, gradients and scores in bfloat16 are finite and close to those in float32."""
    method = case.create()
    images, labels = case.make_batch(method)
    network = case.build_prepared_network(method).eval()
    loss, scores = {}, {}
    for bf16 in (False, True):
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            found = method.scores(network(images))
        expect(
            found.dtype == torch.float32, f"scores of a network in bfloat16 are {found.dtype}, not float32"
        )
        expect(bool(torch.isfinite(found).all()), "in bfloat16 the scores hold NaN or infinity")
        scores[bf16] = found
    network.train()
    for bf16 in (False, True):
        torch.manual_seed(case.seed)
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            output = network(images)
        losses = method.losses(output, labels, 0.0)
        expect_losses(losses, "a network in bfloat16" if bf16 else "a real image")
        losses["loss"].backward()
        expect_finite_gradients(network, "in bfloat16" if bf16 else "in float32")
        loss[bf16] = float(losses["loss"].detach())
    limit = case.bf16_tolerance
    difference = abs(loss[True] - loss[False]) / max(abs(loss[False]), 1e-6)
    expect(
        difference <= limit,
        f"the loss is {loss[True]:.4g} in bfloat16 and {loss[False]:.4g} in float32: "
        f"{difference:.0%} apart; expected at most {limit:.0%}",
    )
    difference = _rms(scores[True] - scores[False]) / max(_rms(scores[False]), 1e-6)
    expect(
        difference <= limit,
        f"the scores in bfloat16 and float32 are {difference:.0%} apart (root mean square of the difference, "
        f"relative to that of the scores); expected at most {limit:.0%}",
    )


def check_weights(case: Case) -> None:
    """Check that saved weights reproduce a prediction, including the buffers of training and `prepare`."""
    method = case.create()
    network = case.build_prepared_network(method)
    if case.is_trained:
        optimiser = case.make_optimiser(network)
        # Training evaluates the running mean of the weights, including buffers.
        average = RunningMean(network, 0.5)
        for step in range(2):
            case.train_step(method, network, optimiser, step)
            average.update(network)
        network = average.network
    predict = case.make_predictor(method, network)
    scores = predict.scores(case.field[0])
    again_method = case.create()
    again = case.build_network(again_method, case.seed + 1)
    _save_and_load(case, method, network, again)
    scores_again = case.make_predictor(again_method, again).scores(case.field[0])
    expect(
        np.array_equal(scores, scores_again),
        "the weights, saved and loaded, give other scores: keep everything that a prediction needs in "
        "parameters and persistent buffers of the network",
    )
    expect(
        np.array_equal(method.postprocess(scores), again_method.postprocess(scores_again)),
        "the weights, saved and loaded, give other instances: postprocess depends on more than the scores",
    )


def check_rules(case: Case) -> None:
    """Check that `rules`, if there are any, applied tile by tile give the same labels as `postprocess`."""
    method = case.create()
    rules = method.rules()
    if rules is None:
        return
    expect(
        isinstance(rules, postprocess.InstanceRules),
        f"rules returns a {type(rules).__name__}, expected fcrbench.postprocess.InstanceRules",
    )
    network = case.build_prepared_network(method)
    scores = case.make_predictor(method, network).scores(case.field[0])
    rng = np.random.default_rng(case.seed)
    noise = ndimage.gaussian_filter(rng.standard_normal(scores.shape), (0, 2, 2)).astype(np.float32)
    truth = np.where(case.field[1] > 0, 1 + case.field[1] % max(len(scores) - 1, 1), 0)
    colored = (np.arange(len(scores))[:, None, None] == truth % len(scores)).astype(np.float32)
    for what, given in {"a real image": scores, "the truth": 4 * colored, "noise": noise}.items():
        classes = given.argmax(axis=0).astype(np.uint8)
        found = np.zeros(classes.shape, np.int32)
        background = rules.background
        planes: dict[str, np.ndarray] = {}
        if background != "mode":
            planes |= {"doubt": postprocess.doubt(given, background)}
            planes |= {"margin": postprocess.margin(given, background)}
        large.instances_of_classes(classes, found, rules, **planes, tile=24)
        different = int((found != method.postprocess(given)).sum())
        expect(
            different == 0,
            f"{rules} give other labels than postprocess for scores of {what}, in {different} of "
            f"{found.size} pixels",
        )


def check_part(case: Case) -> None:
    """Check that the network's `part`, if it has one, gives the same scores as the whole output."""
    method = case.create()
    network = case.build_prepared_network(method).eval()
    if not isinstance(network, PartNetwork):
        return
    images, _ = case.make_batch(method)
    height, width = images.shape[2:]
    with torch.inference_mode():
        scores = method.scores(network(images))
    spans = [(0.0, 1.0), (0.0, 0.3), (0.4, 0.6), (0.7, 1.0)]
    for (top, bottom), (left, right) in itertools.product(spans, spans):
        rows = slice(int(top * height), int(bottom * height))
        columns = slice(int(left * width), int(right * width))
        with torch.inference_mode():
            found = method.scores(network.part(images, rows, columns))
        whole = scores[:, :, rows, columns]
        where = (
            f"rows {rows.start}:{rows.stop} and columns {columns.start}:{columns.stop} of {height} x {width}"
        )
        expect(
            found.shape == whole.shape,
            f"scores of part, {where}, are {tuple(found.shape)}; expected {tuple(whole.shape)}",
        )
        difference = float((found - whole).abs().max())
        expect(
            difference <= 1e-3 * max(_rms(whole), 1e-6),
            f"scores of part, {where}, differ by up to {difference:.3g} from those of the whole output, "
            f"whose root mean square is {_rms(whole):.3g}",
        )


def check_tiles(case: Case) -> None:
    """Check that tiles, if the network can be tiled, give the same scores as the whole image."""
    method = case.create()
    predict = case.make_predictor(method, case.build_prepared_network(method))
    if predict.halo is None:  # then images of any size pass the network at once
        return
    side = max(predict.halo, method.stride)
    short, long = (
        2 * method.stride,
        2 * predict.halo + 2 * side,
    )  # four windows, of which the last two are shifted
    field = case.field[0]
    for shape in ((short, long), (long, short)):
        image = np.resize(field, shape)
        scores = []
        for tile in (0, side):
            predict.tile = tile
            scores.append(predict.scores(image))
        difference = float(np.abs(scores[1] - scores[0]).max())
        size = float(np.sqrt(np.square(scores[0], dtype=np.float64).mean()))
        expect(
            difference <= 1e-3 * max(size, 1e-6),
            f"scores of an image {shape} by tiles of {side} pixels differ by up to {difference:.3g} from "
            f"those of the whole, whose root mean square is {size:.3g}: either the network depends on the "
            "position of a window in a way that its `at` ignores, or its `part` omits pixels that it needs",
        )


def check_overfits(case: Case) -> None:
    """Check that the method learns one image: its instances must reach `least_pq` within `steps`."""
    method = case.create()
    network = case.build_prepared_network(method)
    image, labels = case.field
    steps = case.steps if case.is_trained else 0
    optimiser = case.make_optimiser(network) if steps else None
    best, losses = -1.0, []
    for done in range(steps + 1):
        if done == steps or (done and done % EVALUATE_EVERY == 0):
            found = case.make_predictor(method, network)(image)
            best = max(best, metrics.pq(labels, found))
            if best >= case.least_pq:
                return
        if optimiser is not None and done < steps:
            losses.append(case.train_step(method, network, optimiser, done))
    trained = f"loss {losses[0]:.4g} to {losses[-1]:.4g} in {steps} steps" if losses else "nothing to train"
    raise AssertionError(
        f"PQ on one image of {labels.max()} objects is {best:.3f} at best; "
        f"expected {case.least_pq} ({trained})"
    )


def _save_and_load(
    case: Case, method: Method, network: nn.Module, into: nn.Module | None
) -> Mapping[str, Any]:
    """Save a network, load it into `into` if given, and return the options in the header of the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        try:
            save_weights(path, network, case.spec.name, method)
        except Exception as error:
            raise AssertionError(f"the weights cannot be saved: {error}") from error
        if into is not None:
            try:
                load_weights(path, into)
            except Exception as error:
                raise AssertionError(f"the weights cannot be loaded into a new network: {error}") from error
        return read_header(path).options


def _expect_same_options(method: Method, case: Case, values: Mapping[str, Any], where: str) -> None:
    again = registry.create(case.spec, "default", **values).options
    changed = [
        f"{field.name}: {getattr(method.options, field.name)!r} became {getattr(again, field.name)!r}"
        for field in dataclasses.fields(case.spec.options)
        if getattr(method.options, field.name) != getattr(again, field.name)
    ]
    expect(not changed, f"options change when they are saved as {where}: {'; '.join(changed)}")


def _rms(values: Tensor) -> float:
    return float(values.double().square().mean().sqrt())
