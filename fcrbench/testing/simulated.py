"""Simulates CUDA for Python code: finds operations that would fail on a GPU or make the host wait for it.

The host waits until a GPU has finished its work when a value is read, when memory that is not pinned is
copied, and when the size of a result depends on values. Results are those of the CPU: CUDA kernels (cuDNN,
fused optimisers), their rounding, NCCL, memory and speed are not simulated.
"""

import warnings
from contextlib import ExitStack
from itertools import product
from typing import Any
from unittest import mock

import torch
from lightning_fabric import Fabric
from lightning_fabric.accelerators import CPUAccelerator
from lightning_fabric.plugins import MixedPrecision
from lightning_fabric.strategies import SingleDeviceStrategy
from torch import Tensor
from torch.overrides import TorchFunctionMode

from fcrbench.testing.cuda_tensor import DEVICE, CudaTensor, DeviceFault, WaitLog

_NO_NUMPY = {Tensor.numpy, Tensor.__array__, Tensor.__dlpack__}
_FROM_HOST_VALUES = {torch.tensor, torch.as_tensor, Tensor.new_tensor}
_OVERRIDE_CHECKS = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
_HOST = torch.device("cpu")


class SimulatedCuda(TorchFunctionMode):
    """A context in which "cuda:0" can be used; `waits` lists the lines at which the host waited for it.

    Raises DeviceFault for operations that would fail on a GPU.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits = WaitLog()
        self._patches = ExitStack()

    def __enter__(self) -> "SimulatedCuda":
        super().__enter__()
        for patch in _torch_patches():
            self._patches.enter_context(patch)
        self._patches.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", message="PyTorch was compiled without cuDNN")
        return self

    def __exit__(self, *error: Any) -> None:
        self._patches.close()
        super().__exit__(*error)

    def fabric(self, *, bf16: bool = False) -> Fabric:
        """Create a Fabric on the simulated device."""
        precision = MixedPrecision("bf16-mixed", "cuda") if bf16 else None
        return Fabric(strategy=SingleDeviceStrategy(DEVICE, accelerator=_Accelerator(), precision=precision))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        is_cuda = bool(args) and isinstance(args[0], CudaTensor)
        if func in (Tensor.to, Tensor.cpu, Tensor.cuda):
            return self._move(func, *args, **kwargs)
        if is_cuda and func in _NO_NUMPY:
            raise DeviceFault(f"Tensor.{func.__name__} of a tensor on {DEVICE}; copy it with .cpu() first")
        if is_cuda and func is Tensor.tolist:
            self.waits.add("tolist")
            return args[0].host.tolist()
        if func is Tensor.pin_memory:
            pinned = args[0].clone()
            pinned.is_in_pinned_memory = True
            return pinned
        if func is Tensor.is_pinned:
            return _is_pinned(args[0])
        return self._call(func, args, kwargs, is_cuda)

    def _call(self, func: Any, args: Any, kwargs: dict[str, Any], is_cuda: bool) -> Any:
        """Call any other function, which may create a tensor on a given device."""
        device = kwargs.get("device", DEVICE if is_cuda and func is Tensor.new_tensor else None)
        if device is None or torch.device(device).type != "cuda":
            if device is not None and is_cuda:  # zeros_like(x, device="cpu")
                args = (args[0].host, *args[1:])
            return func(*args, **kwargs)
        if func in _FROM_HOST_VALUES:
            self.waits.add("values of the host")
        kwargs.pop("device", None)
        made = func(*args, **kwargs)
        return made if isinstance(made, CudaTensor) else _ToDevice.apply(made, self.waits)

    def _move(self, func: Any, tensor: Tensor, *args: Any, copy: bool = False, **kwargs: Any) -> Any:
        """Do what Tensor.to, Tensor.cpu and Tensor.cuda do."""
        if func is not Tensor.to:
            args, kwargs = ("cpu" if func is Tensor.cpu else DEVICE,), {}
        elif args and isinstance(args[0], Tensor):
            args = (args[0].device, args[0].dtype, *args[1:])
        device, dtype, non_blocking, memory_format = torch._C._nn._parse_to(*args, **kwargs)
        source = DEVICE if isinstance(tensor, CudaTensor) else _HOST
        target_type = (device or source).type
        converted = tensor.to(
            dtype or tensor.dtype, copy=copy, memory_format=memory_format or torch.preserve_format
        )
        if source.type == target_type:
            return converted
        if target_type == "cpu":
            self.waits.add("copied to the host")
            return _ToHost.apply(converted)
        if not (non_blocking and _is_pinned(tensor)):
            self.waits.add("copied from the host")
        return _ToDevice.apply(converted, self.waits)


class _Accelerator(CPUAccelerator):
    def setup_device(self, device: torch.device) -> None:
        assert device == DEVICE


class _ToDevice(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, host: Tensor, waits: WaitLog) -> Tensor:
        return CudaTensor(host.detach().clone(), waits)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0].host, None


class _ToHost(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: CudaTensor) -> Tensor:
        ctx.waits = tensor.waits
        return tensor.host.detach().clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return CudaTensor(grads[0], ctx.waits)


def _is_pinned(tensor: Tensor) -> bool:
    return getattr(tensor, "is_in_pinned_memory", False)


def _torch_patches() -> list[Any]:
    """Return patches of the parts of torch that would notice that tensors are in host memory without CUDA."""
    autocast, grouped = torch.autocast, torch._C._group_tensors_by_device_and_dtype

    def autocast_on_host(device_type: str, *args: Any, **kwargs: Any) -> Any:
        return autocast("cpu" if device_type == "cuda" else device_type, *args, **kwargs)

    def group(lists: Any, with_indices: bool = False) -> Any:
        device = DEVICE if isinstance(lists[0][0], CudaTensor) else _HOST
        return {(device, dtype): tensors for (_, dtype), tensors in grouped(lists, with_indices).items()}

    def random_state(device: Any = None) -> Tensor:
        return torch.get_rng_state()

    def set_random_state(state: Tensor, device: Any = None) -> None:
        torch.set_rng_state(state)

    return [
        mock.patch.object(torch, "autocast", autocast_on_host),
        # Inference tensors do not support subclasses. Operations without gradients are the same.
        mock.patch.object(torch._C, "_InferenceMode", lambda on: torch.set_grad_enabled(not on)),
        mock.patch.object(torch._C, "_group_tensors_by_device_and_dtype", group),
        mock.patch.object(torch.cuda, "get_rng_state", random_state),
        mock.patch.object(torch.cuda, "set_rng_state", set_random_state),
        # Makes the mode see the calls inside torch functions written in Python, which also create tensors.
        *(
            mock.patch.object(module, name, return_value=False)
            for module, name in product((torch.functional, torch.nn.functional), _OVERRIDE_CHECKS)
        ),
    ]
