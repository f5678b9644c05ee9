"""A small correct method, and variants of it with one fault each."""

import numpy as np
import torch
from scipy import ndimage
from torch import nn
from torch.nn.functional import cross_entropy

from fcrbench import postprocess
from fcrbench.methods import Method


class Network(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Conv2d(1, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=2, dilation=2)
        self.head = nn.Conv2d(width, 3, 3, padding=4, dilation=4)

    def forward(self, x):
        return self.head(self.second(self.first(x).relu()).relu())


class Sound(Method):
    """Predicts background, inside and edge; instances are the dilated components of the inside."""

    def build(self):
        return Network(self.options.width)

    def losses(self, output, labels, progress):
        edge = ndimage.maximum_filter(labels, (1, 3, 3)) != ndimage.minimum_filter(labels, (1, 3, 3))
        target = np.where(labels > 0, 1 + edge, 0)
        return {"loss": cross_entropy(output.float(), torch.from_numpy(target).to(output.device))}

    def scores(self, output):
        return output.float()

    def postprocess(self, scores):
        classes = scores.argmax(axis=0)
        inside, _ = postprocess.label(classes == 1)
        return np.where((classes > 0) & (inside == 0), ndimage.grey_dilation(inside, (3, 3)), inside)


class TargetOnHost(Sound):
    def losses(self, output, labels, progress):
        return {"loss": cross_entropy(output.float(), torch.from_numpy((labels > 0).astype(np.int64)))}


class NumpyOfOutput(Sound):
    def losses(self, output, labels, progress):
        sure = output.detach().numpy().max()
        return {"loss": super().losses(output, labels, progress)["loss"] / sure}


class ReadsLoss(Sound):
    def losses(self, output, labels, progress):
        loss = super().losses(output, labels, progress)["loss"]
        return {"loss": loss if float(loss.detach()) < 100 else loss / 2}


class ReadsScores(Sound):
    def scores(self, output):
        return output.float() / max(float(output.abs().max()), 1)


class OtherOnGPU(Sound):
    def losses(self, output, labels, progress):
        loss = super().losses(output, labels, progress)["loss"]
        return {"loss": 2 * loss if output.is_cuda else loss}


class NotTrained(Sound):
    def build(self):
        return nn.Identity()

    def scores(self, output):
        return torch.cat([torch.zeros_like(output), output], dim=1).float()


class DoubleScores(Sound):
    def scores(self, output):
        return output.double()


class LongLabels(Sound):
    def postprocess(self, scores):
        return super().postprocess(scores).astype(np.int64)


class ShrinksImage(Sound):
    def scores(self, output):
        return output[:, :, ::2, ::2].float()


class ChangesImage(Sound):
    def normalize(self, image):
        image += 1
        return super().normalize(image)


class ChangesLabels(Sound):
    def losses(self, output, labels, progress):
        labels[labels > 1] = 1
        return super().losses(output, labels, progress)


class ChangesScores(Sound):
    def postprocess(self, scores):
        scores -= scores.max()
        return super().postprocess(scores)


class NoLoss(Sound):
    def losses(self, output, labels, progress):
        return {"entropy": super().losses(output, labels, progress)["loss"]}


class LossPerImage(Sound):
    def losses(self, output, labels, progress):
        return {"loss": output.float().square().mean(dim=(1, 2, 3))}


class DetachedLoss(Sound):
    def losses(self, output, labels, progress):
        return {"loss": super().losses(output, labels, progress)["loss"].detach()}


class Pooled(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body, self.pool, self.up = Network(width), nn.MaxPool2d(2), nn.Upsample(scale_factor=2)

    def forward(self, x):
        return self.up(self.body(self.pool(x)))


class NoStride(Sound):
    """Halves and doubles the image, but does not declare a stride of 2."""

    def build(self):
        return Pooled(self.options.width)


class WrongSize(Sound):
    """Correct for images with even sides only."""

    def scores(self, output):
        height, width = output.shape[2:]
        return output[:, :, : max(height // 2 * 2, 1), : max(width // 2 * 2, 1)].float()


class DividesByDeviation(Sound):
    def normalize(self, image):
        with np.errstate(invalid="ignore"):
            return ((image - image.mean()) / image.std()).astype(np.float32)


class WithBranch(Network):
    def __init__(self, width, weight):
        super().__init__(width)
        self.branch, self.weight = nn.Conv2d(1, 3, 1), weight

    def forward(self, x):
        return (
            super().forward(x) if self.weight is None else super().forward(x) + self.weight * self.branch(x)
        )


class BranchUnused(Sound):
    def build(self):
        return WithBranch(self.options.width, None)


class BranchTimesZero(Sound):
    def build(self):
        return WithBranch(self.options.width, 0.0)


class InfiniteGradient(Sound):
    def losses(self, output, labels, progress):
        loss = super().losses(output, labels, progress)["loss"]
        return {"loss": loss + (output - output).sum().sqrt()}


class MeanOfNoObject(Sound):
    def losses(self, output, labels, progress):
        return {"loss": -output[:, 1][torch.from_numpy(labels > 0)].mean()}


class NaNWithoutObjects(Sound):
    """The loss is finite, but its gradient is not."""

    def losses(self, output, labels, progress):
        inside = (output[:, 1] * torch.from_numpy(labels > 0)).square().sum()
        return {"loss": super().losses(output, labels, progress)["loss"] + inside.sqrt()}


class OwnSeed(Sound):
    def build(self):
        with torch.random.fork_rng():
            torch.manual_seed(7)
            return super().build()


class NumpySeed(Sound):
    def build(self):
        network = super().build()
        nn.init.constant_(network.head.bias, float(np.random.normal()))
        return network


class RandomLabels(Sound):
    def postprocess(self, scores):
        return super().postprocess(scores + np.random.normal(size=scores.shape))


class HalfScores(Sound):
    def scores(self, output):
        return output


class Cancels(Sound):
    def scores(self, output):
        return ((output + 100) - 100).float()


class ForgetsPrepare(Sound):
    def prepare(self, network, labels):
        self.gain = 1 + next(iter(labels)).max()

    def scores(self, output):
        return output.float() * float(getattr(self, "gain", 1))


class RemembersBatch(Sound):
    def losses(self, output, labels, progress):
        self.least = 10_000
        return super().losses(output, labels, progress)

    def postprocess(self, scores):
        return postprocess.remove_small(super().postprocess(scores), getattr(self, "least", 0))


class OtherRules(Sound):
    """Dilates instances in addition to applying `rules`."""

    def rules(self):
        return postprocess.InstanceRules(background=0)


class RulesOfOldForm(Sound):
    def rules(self):
        return {"background": 0}


class CutNetwork(Network):
    def part(self, images, rows, columns):
        return self(images[:, :, rows, columns])


class PartWithoutHalo(Sound):
    def build(self):
        return CutNetwork(self.options.width)


class WrongPlace(Network):
    """Depends on the columns, and gets those of a window wrong."""

    def forward(self, x):
        return self.at(x, 0, 0)

    def at(self, images, row, column):
        wave = torch.sin(0.1 * (torch.arange(images.shape[3]) + column))
        return super().forward(images) + wave + (0.5 if row > 3 else 0)


class TiledWrongly(Sound):
    def build(self):
        return WrongPlace(self.options.width)


class ByImage(Network):
    def forward(self, x):
        return super().forward(x.view(len(x), -1, *x.shape[2:]))


class NoEmptyBatch(Sound):
    def build(self):
        return ByImage(self.options.width)


class OwnNoise(Network):
    """Draws random numbers that start again in each process."""

    def __init__(self, width):
        super().__init__(width)
        self.random = torch.Generator().manual_seed(0)

    def forward(self, x):
        return super().forward(x + 0.1 * torch.randn(x.shape, generator=self.random))

    def __deepcopy__(self, memo):
        copied = OwnNoise(self.first.out_channels)
        copied.load_state_dict(self.state_dict())
        return copied


class ForgetsItsNoise(Sound):
    def build(self):
        return OwnNoise(self.options.width)


class Shared(Network):
    def __init__(self, width):
        super().__init__(width)
        self.again = nn.Conv2d(1, width, 3)
        self.again.weight = self.first.weight


class SharesTensors(Sound):
    def build(self):
        return Shared(self.options.width)


class WrongTarget(Sound):
    def losses(self, output, labels, progress):
        return super().losses(output, labels[:, ::-1].copy(), progress)
