"""Tensors that claim to be on "cuda:0" but are in host memory.

Operations on tensors of two devices raise an error, as do operations without a deterministic algorithm if
deterministic algorithms are enabled. Operations that return a value to the host, or a result whose size
depends on values, are recorded as waits.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._mode_utils import no_dispatch
from torch.utils._pytree import tree_iter, tree_map

DEVICE = torch.device("cuda:0")
aten = torch.ops.aten

# Their result, its size, or whether they raise an error depends on values, which CUDA copies to the host.
_HOST_READS = {
    aten._local_scalar_dense.default: "a value is read",
    aten.nonzero.default: "nonzero",
    aten.masked_select.default: "masked_select",
    aten.bincount.default: "bincount",
    aten._unique2.default: "unique",
    aten.unique_dim.default: "unique",
    aten.unique_consecutive.default: "unique_consecutive",
    aten.repeat_interleave.Tensor: "repeat_interleave",
    aten.equal.default: "equal",
}
_INDEXING = {
    aten.index.Tensor,
    aten.index_put_.default,
    aten.index_put.default,
    aten._index_put_impl_.default,
    aten._unsafe_index.Tensor,
}
# The operations that torch.use_deterministic_algorithms refuses on CUDA, according to its documentation.
_NOT_DETERMINISTIC = {
    aten.upsample_linear1d_backward.default,
    aten.upsample_bilinear2d_backward.default,
    aten.upsample_bicubic2d_backward.default,
    aten.upsample_trilinear3d_backward.default,
    aten._adaptive_avg_pool2d_backward.default,
    aten.adaptive_max_pool2d_backward.default,
    aten.reflection_pad1d_backward.default,
    aten.reflection_pad2d_backward.default,
    aten.replication_pad2d_backward.default,
    aten.grid_sampler_2d_backward.default,
    aten.histc.default,
    aten.put_.default,
}


class DeviceFault(RuntimeError):  # noqa: N818
    """An operation that would fail on a GPU."""


class WaitLog(list[str]):
    """The lines of code at which the host waited for the device."""

    def add(self, reason: str) -> None:
        frame = sys._getframe(1)
        while frame.f_back and _is_internal(frame.f_code.co_filename):
            frame = frame.f_back
        self.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} ({reason})")


def _is_internal(file: str) -> bool:
    own = (__file__, str(Path(__file__).with_name("simulated.py")))
    return file in own or any(f"/{package}/" in file for package in ("torch", "lightning_fabric"))


class CudaTensor(Tensor):
    """A tensor on the simulated device; `host` holds its values."""

    host: Tensor
    waits: WaitLog

    @staticmethod
    def __new__(cls, host: Tensor, waits: WaitLog) -> "CudaTensor":
        tensor: CudaTensor = Tensor._make_wrapper_subclass(
            cls,
            host.size(),
            strides=host.stride(),
            storage_offset=host.storage_offset(),
            dtype=host.dtype,
            layout=host.layout,
            device=host.device,
        )
        tensor.host, tensor.waits = host, waits
        return tensor

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return DEVICE

    @property
    def is_cuda(self) -> bool:  # type: ignore[override]
        return True

    @property
    def is_cpu(self) -> bool:  # type: ignore[override]
        return False

    def get_device(self) -> int:
        return 0

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if id(self) not in memo:
            copy = self.detach().clone()
            if isinstance(self, torch.nn.Parameter):
                copy = torch.nn.Parameter(copy, self.requires_grad)
            memo[id(self)] = copy
        found: Tensor = memo[id(self)]
        return found

    def __tensor_flatten__(self) -> tuple[list[str], WaitLog]:
        """Defined so that moving a network keeps its parameter objects, to which an optimiser refers."""
        return ["host"], self.waits

    @staticmethod
    def __tensor_unflatten__(inner: Mapping[str, Tensor], waits: WaitLog, *size: Any) -> "CudaTensor":
        return CudaTensor(inner["host"], waits)

    def untyped_storage(self) -> torch.UntypedStorage:
        return self.host.untyped_storage()

    def data_ptr(self) -> int:
        return self.host.data_ptr()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.host.__reduce_ex__(protocol)

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"CudaTensor({tuple(self.shape)}, {self.dtype})"

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [x for x in tree_iter((args, kwargs)) if isinstance(x, Tensor)]
        waits = next(x for x in tensors if isinstance(x, CudaTensor)).waits
        _refuse_mixed_devices(func, tensors, args)
        _refuse_not_deterministic(func, args)
        _record_waits(func, tensors, args, waits)
        wrappers = {id(x.host): x for x in tensors if isinstance(x, CudaTensor)}

        def unwrap(x: Any) -> Any:
            return x.host if isinstance(x, CudaTensor) else x

        def wrap(x: Any) -> Any:
            if not isinstance(x, Tensor):
                return x
            return wrappers[id(x)] if id(x) in wrappers else CudaTensor(x, waits)

        result = tree_map(wrap, func(*tree_map(unwrap, args), **tree_map(unwrap, kwargs)))
        if torch.Tag.inplace_view in func.tags:  # e.g. transpose_: the wrapper needs the new shape too
            with no_dispatch():
                func(*args, **kwargs)
        return result


def _refuse_mixed_devices(func: Any, tensors: list[Tensor], args: Any) -> None:
    host_tensors = [x for x in tensors if not isinstance(x, CudaTensor)]
    if not host_tensors or func is aten.copy_.default:
        return
    if func in _INDEXING and isinstance(args[0], CudaTensor):
        host_tensors = [] if len(args) < 3 else [x for x in args[2:3] if not isinstance(x, CudaTensor)]
    # A zero-dimensional tensor on the host is passed to the kernel as a number.
    takes_numbers = torch.Tag.pointwise in func.tags or func in _INDEXING or func is aten.fill_.Tensor
    if takes_numbers and all(x.ndim == 0 for x in host_tensors):
        return
    raise DeviceFault(
        f"{func}: expected all tensors on one device, found cuda:0 and cpu "
        f"(of shapes {[tuple(x.shape) for x in host_tensors]})"
    )


def _refuse_not_deterministic(func: Any, args: Any) -> None:
    if not torch.are_deterministic_algorithms_enabled():
        return
    refused = func in _NOT_DETERMINISTIC
    refused |= func is aten.nll_loss2d_forward.default and args[3] != 0  # any reduction except "none"
    refused |= func is aten.cumsum.default and args[0].is_floating_point()
    if refused:
        raise RuntimeError(
            f"{func.overloadpacket.__name__} does not have a deterministic implementation, but you set "
            "'torch.use_deterministic_algorithms(True)'"
        )


def _record_waits(func: Any, tensors: list[Tensor], args: Any, waits: WaitLog) -> None:
    if func in _HOST_READS:
        waits.add(_HOST_READS[func])
    if func is aten.copy_.default and not all(isinstance(x, CudaTensor) for x in tensors):
        waits.add("copied to or from the host")
    if func not in _INDEXING:
        return
    for index in (index for index in args[1] if index is not None):
        if not isinstance(index, CudaTensor):
            waits.add("indices on the host")
        # A mask is converted to positions, whose number the host must know, unless one number is filled in.
        fills_number = func in (aten.index_put_.default, aten.index_put.default) and args[2].ndim == 0
        if index.dtype in (torch.bool, torch.uint8) and not fills_number:
            waits.add("a mask as index")
