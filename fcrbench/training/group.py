"""The processes of one training, as one: who takes which crops, what all have to see, who writes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor
from torch import distributed as dist
from torch.autograd.function import once_differentiable


class Group:
    """The processes of `fabric`. With one process every method is the identity.

    Each takes its share of every batch through the network; the loss is that of the whole batch, on each of
    them, so that whatever a method's loss is a mean over (pixels, objects, pairs), the gradients are those of
    one process with that batch.

    first   whether this process is the one that validates, writes and reports
    """

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.size, self.rank = fabric.world_size, fabric.global_rank
        self.first = fabric.is_global_zero

    def share(self, batch: Sequence[int]) -> list[int]:
        """The part of a batch that this process takes; some are one longer than others, some empty."""
        start, stop = (len(batch) * rank // self.size for rank in (self.rank, self.rank + 1))
        return list(batch[start:stop])

    def whole(self, output: Any, labels: np.ndarray, total: int) -> tuple[Any, np.ndarray]:
        """Network output and labels of the whole batch, from those of the share of each process.

        output   as a network returns it: tensors of which each has one row per image
        total    images in the whole batch
        """
        if self.size == 1:
            return output, labels
        sizes = np.diff([total * rank // self.size for rank in range(self.size + 1)]).tolist()

        def gather(tensor: Tensor) -> Tensor:
            if tensor.ndim == 0 or len(tensor) != len(labels):
                raise ValueError(
                    f"the network returned a tensor of shape {tuple(tensor.shape)} for {len(labels)} images; "
                    "several processes need outputs whose first dimension is that of the images"
                )
            return _Gather.apply(tensor, sizes, self.rank)

        outputs = apply_to_collection(output, Tensor, gather)
        return outputs, gather(torch.from_numpy(labels).to(self.fabric.device)).cpu().numpy()

    def any(self, flag: bool) -> bool:
        """Whether `flag` is true in any process, which all learn."""
        if self.size == 1:
            return flag
        flags = torch.tensor(float(flag), device=self.fabric.device)
        dist.all_reduce(flags)
        return bool(flags > 0)

    def draw_apart(self, seed: int, step: int) -> None:
        """Let random layers (dropout) draw differently in each process; the first goes on as it was."""
        if not self.first:
            torch.manual_seed(int(np.random.default_rng([seed, step, self.rank]).integers(2**62)))

    def leave(self) -> None:
        """End the group when all have come here; what follows, the first does alone."""
        if self.size > 1:
            self.fabric.barrier()
            dist.destroy_process_group()


class _Gather(torch.autograd.Function):
    """The rows of all processes, in their order; gradients go back to the process that the rows are of.

    Every process computes the same loss of the same rows, so its own rows have the whole gradient already.
    It is multiplied by the number of processes because DDP takes the mean over them of what is a sum.
    """

    @staticmethod
    def forward(ctx: Any, share: Tensor, sizes: list[int], rank: int) -> Tensor:
        ctx.sizes, ctx.rank = sizes, rank
        padded = share.new_zeros((max(sizes), *share.shape[1:]))  # collectives want equal shapes
        padded[: len(share)] = share
        parts = [torch.empty_like(padded) for _ in sizes]
        if padded.numel():
            dist.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        own = torch.split(grad, ctx.sizes)[ctx.rank]
        return own * len(ctx.sizes), None, None
