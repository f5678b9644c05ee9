"""Batch normalisation over the batch of all processes, on CPU and CUDA alike."""

from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.autograd.function import once_differentiable
from torch.nn.functional import batch_norm
from torch.nn.modules.batchnorm import _BatchNorm as AnyBatchNorm


def convert_sync_batchnorm(network: nn.Module) -> nn.Module:
    """Turn every batch normalisation of `network` into a SyncedBatchNorm that has its weights and buffers."""
    if isinstance(network, AnyBatchNorm) and not isinstance(network, SyncedBatchNorm):
        return SyncedBatchNorm.from_plain(network)
    for name, child in network.named_children():
        setattr(network, name, convert_sync_batchnorm(child))
    return network


class SyncedBatchNorm(AnyBatchNorm):
    """Batch normalisation that computes mean and variance over the batches of all processes in training.

    torch.nn.SyncBatchNorm does the same, but on GPUs only; this one also runs on CPUs. The batch of a process
    may be empty. In evaluation, and with a single process, it is plain batch normalisation.
    """

    @classmethod
    def from_plain(cls, plain: AnyBatchNorm) -> "SyncedBatchNorm":
        """Return a layer that shares the weights and buffers of `plain`."""
        synced = cls.__new__(cls)
        synced.__dict__ = plain.__dict__
        return synced

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected an input of at least 2 dimensions, found {input.ndim}")

    def forward(self, input: Tensor) -> Tensor:
        if not (self.training and dist.is_initialized() and dist.get_world_size() > 1):
            return super().forward(input)
        self._check_input_dim(input)
        mean, variance, count = _moments(input.detach())
        if self.running_mean is not None and self.running_var is not None:
            self._update_running_statistics(mean, variance * (count / (count - 1).clamp_min(1)))
        return _Normalise.apply(input, self.weight, self.bias, mean, variance, count, self.eps)

    @torch.no_grad()
    def _update_running_statistics(self, mean: Tensor, variance: Tensor) -> None:
        """Update the running mean and variance as torch's batch normalisation does."""
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)  # type: ignore[union-attr]
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)  # type: ignore[union-attr]


def _moments(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean, biased variance and number of values of each channel over all processes, each (C,).

    Each process sends its mean and its sum of squared deviations. They are combined as in Chan, Golub &
    LeVeque (1983), which avoids the cancellation of sums of squares.
    """
    x = x if x.dtype == torch.float64 else x.float()
    others = [0, *range(2, x.ndim)]
    own = x.new_zeros(3, x.shape[1])
    if x.numel():
        own[0] = x.numel() // x.shape[1]
        variance, mean = torch.var_mean(x, dim=others, correction=0)
        own[1], own[2] = mean, variance * own[0]
    parts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, own)
    count, mean, squares = torch.stack(parts, dim=1)
    total = count.sum(dim=0).clamp_min(1)
    whole = (count * mean).sum(dim=0) / total
    deviation = (squares + count * (mean - whole).square()).sum(dim=0)
    return whole, deviation / total, total


class _Normalise(torch.autograd.Function):
    """Normalises with mean and variance of the whole batch, and propagates gradients through them."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        variance: Tensor,
        count: Tensor,
        eps: float,
    ) -> Tensor:
        inverse = (variance + eps).rsqrt()
        ctx.save_for_backward(x, weight, mean, inverse, count)
        wide = x.to(mean.dtype)
        return batch_norm(wide, mean, variance, weight, bias, training=False, eps=eps).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        x, weight, mean, inverse, count = ctx.saved_tensors
        shape = (1, -1, *[1] * (x.ndim - 2))
        others = [0, *range(2, x.ndim)]
        wide = grad.to(mean.dtype)
        normal = (x - mean.view(shape)) * inverse.view(shape)
        grad_bias = wide.sum(dim=others)
        grad_weight = (wide * normal).sum(dim=others)
        both = torch.stack([grad_bias, grad_weight])
        dist.all_reduce(both)
        along_mean, along_deviation = (both / count).view(2, *shape)
        scale = inverse if weight is None else inverse * weight
        grad_x = (wide - along_mean - normal * along_deviation) * scale.view(shape)
        # DDP sums the gradients of weight and bias over the processes, as it does all others.
        weights = (None, None) if weight is None else (grad_weight, grad_bias)
        return grad_x.to(x.dtype), *weights, None, None, None, None
