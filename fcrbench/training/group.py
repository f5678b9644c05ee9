"""The processes that train one network together: they share batches, and one of them writes files."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor
from torch import distributed as dist
from torch.autograd.function import once_differentiable


class ProcessGroup:
    """The processes of `fabric`. With a single process every method returns its input or does nothing.

    Each process runs the network on its shard of a batch, but computes the loss of the whole batch. So the
    gradients are those of one process with that batch, whatever a loss is a mean over (pixels, objects,
    pairs).

    world_size   number of processes
    rank         number of this process, from 0
    is_main      whether this is process 0, the one that validates, writes and reports
    """

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.world_size, self.rank = fabric.world_size, fabric.global_rank
        self.is_main = fabric.is_global_zero

    def shard(self, batch: Sequence[int]) -> list[int]:
        """Return the items of a batch that this process handles, which may be none."""
        start, stop = (len(batch) * rank // self.world_size for rank in (self.rank, self.rank + 1))
        return list(batch[start:stop])

    def gather(self, output: Any, labels: np.ndarray, batch_size: int) -> tuple[Any, np.ndarray]:
        """Collect the network output and the labels of the whole batch from all processes.

        output       what the network returned for the shard of this process: tensors whose first dimension
                     is that of the images
        labels       the labels of the shard
        batch_size   number of images in the whole batch
        """
        if self.world_size == 1:
            return output, labels
        starts = [batch_size * rank // self.world_size for rank in range(self.world_size + 1)]
        sizes = np.diff(starts).tolist()

        def gather_tensor(tensor: Tensor) -> Tensor:
            if tensor.ndim == 0 or len(tensor) != len(labels):
                raise ValueError(
                    f"the network returned a tensor of shape {tuple(tensor.shape)} for {len(labels)} images; "
                    "with several processes the first dimension of every output must be that of the images"
                )
            return _Gather.apply(tensor, sizes, self.rank)

        outputs = apply_to_collection(output, Tensor, gather_tensor)
        return outputs, gather_tensor(torch.from_numpy(labels).to(self.fabric.device)).cpu().numpy()

    def any_process(self, flag: bool) -> bool:
        """Return, in every process, whether `flag` is true in at least one of them."""
        if self.world_size == 1:
            return flag
        flags = torch.tensor(float(flag), device=self.fabric.device)
        dist.all_reduce(flags)
        return bool(flags > 0)

    def use_separate_rng(self, seed: int, step: int) -> None:
        """Seed torch's generator differently in each process, so that dropout differs between shards.

        The generator of process 0 is left as it is.
        """
        if not self.is_main:
            torch.manual_seed(int(np.random.default_rng([seed, step, self.rank]).integers(2**62)))

    def close(self) -> None:
        """Wait for all processes, then end the group. Process 0 does the remaining work alone."""
        if self.world_size > 1:
            self.fabric.barrier()
            dist.destroy_process_group()


class _Gather(torch.autograd.Function):
    """Concatenate the rows of all processes by rank; each process gets the gradient of its own rows.

    Every process computes the same loss of the same rows, so the gradient of its own rows is complete. It is
    multiplied by the number of processes because DDP averages gradients over them, where a sum is needed.
    """

    @staticmethod
    def forward(ctx: Any, shard: Tensor, sizes: list[int], rank: int) -> Tensor:
        ctx.sizes, ctx.rank = sizes, rank
        padded = shard.new_zeros((max(sizes), *shard.shape[1:]))  # all_gather needs equal shapes
        padded[: len(shard)] = shard
        parts = [torch.empty_like(padded) for _ in sizes]
        if padded.numel():
            dist.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        own = torch.split(grad, ctx.sizes)[ctx.rank]
        return own * len(ctx.sizes), None, None
