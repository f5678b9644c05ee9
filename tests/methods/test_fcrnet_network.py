"""The U-Net, computed as a whole, in strips and in part, compared with a plain version of the network."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fcrbench import methods
from fcrbench.methods.fcrnet import parts
from fcrbench.methods.fcrnet.model import HALO


def plain(network, images):
    skips, x = [], images
    for block in network.down[:-1]:
        skips.append(block(x))
        x = torch.nn.functional.max_pool2d(skips[-1], 2)
    x = network.down[-1](x)
    for up, join in zip(network.up, network.join, strict=True):
        larger = torch.nn.functional.interpolate(up(x), scale_factor=2, mode="bilinear", align_corners=False)
        x = join(torch.cat([skips.pop(), larger], dim=1))
    return network.head(x)


@pytest.fixture(scope="module")
def network():
    """As after a training."""
    torch.manual_seed(0)
    network = methods.create("fcrnet", filters=(3, 4, 4, 5, 6)).build()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return network.eval()


@settings(max_examples=40, deadline=None)
@given(
    st.data(),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(1, 2),
    st.sampled_from([64, 32 * 96, 1 << 20]),
)
def test_strips_and_parts(network, data, height, width, batch, strip):
    shape = 16 * height, 16 * width
    rows, columns = (
        slice(*sorted(data.draw(st.lists(st.integers(0, n), min_size=2, max_size=2, unique=True))))
        for n in shape
    )
    images = torch.randn(batch, 1, *shape)
    before, parts.STRIP_PIXELS = parts.STRIP_PIXELS, strip
    try:
        with torch.inference_mode():
            expected = plain(network, images)
            torch.testing.assert_close(network(images), expected, rtol=1e-4, atol=1e-5)
            found = network.part(images, rows, columns)
        torch.testing.assert_close(found, expected[:, :, rows, columns], rtol=1e-4, atol=1e-5)
    finally:
        parts.STRIP_PIXELS = before


def test_gradients(network):
    images = torch.randn(2, 1, 48, 32, requires_grad=True)
    for function in (network, lambda images: plain(network, images)):
        function(images).square().sum().backward()
    (twice,) = torch.autograd.grad(2 * network(images).square().sum(), images)
    torch.testing.assert_close(images.grad, twice, rtol=1e-4, atol=1e-5)


def test_little_of_a_large_image_is_in_memory_at_once(network):
    """No activation of full resolution is that of the whole image."""
    sizes = []
    hooks = [
        module.register_forward_hook(lambda *given: sizes.append(given[-1][0, 0].numel()))
        for module in network.join
    ]
    try:
        with torch.inference_mode():
            network(torch.zeros(1, 1, 1024, 256))
    finally:
        for hook in hooks:
            hook.remove()
    assert max(sizes) <= parts.STRIP_PIXELS + 2 * HALO * 256


def layer_by_layer(network, x, relu_between):
    """The network as sums of products, without its modules: convolutions in pairs, before each pooling."""
    weights = network.state_dict()

    def conv(x, name):
        return torch.nn.functional.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)

    def pair(x, name):
        x = conv(x, f"{name}.0.0")
        return conv(x.clamp_min(0) if relu_between else x, f"{name}.1.0").clamp_min(0)

    skips = []
    for level in range(4):
        skips.append(pair(x, f"down.{level}"))
        x = torch.nn.functional.max_pool2d(skips[-1], 2)
    x = pair(x, "down.4")
    for level in range(4):
        x = conv(x, f"up.{level}.0").clamp_min(0)
        x = torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = pair(torch.cat([skips.pop(), x], dim=1), f"join.{level}")
    return conv(x, "head")


@pytest.mark.parametrize("preset", ["paper", "authors"])
def test_blocks_end_in_a_relu_and_have_another_inside_as_the_preset_says(preset):
    torch.manual_seed(1)
    network = methods.create("fcrnet", preset, filters=(3, 4, 4, 5, 6)).build()
    for parameter in network.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)  # biases that are not 0
    images = torch.randn(2, 1, 48, 32)
    with torch.inference_mode():
        found = network(images)
        torch.testing.assert_close(found, layer_by_layer(network, images, preset == "authors"))
        other = layer_by_layer(network, images, preset != "authors")
    assert (found - other).abs().max() > 0.01


@pytest.mark.parametrize("block", ["conv-relu-conv-relu", "conv-conv-relu"])
def test_fresh_weights_keep_the_scale_of_what_passes_through(block):
    torch.manual_seed(0)
    network = methods.create("fcrnet", "paper", block=block).build()
    with torch.inference_mode():
        x = torch.randn(1, 1, 64, 64)
        for level in range(4):
            x = network.pool(network.down[level](x))
            assert 0.3 < x.square().mean().sqrt() < 3
