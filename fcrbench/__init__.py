"""Score, train and compare nucleus instance segmentation methods.

`segment` segments an array, `score_folders` scores folders of label images. The functions for arrays are in
`fcrbench.metrics`, `fcrbench.postprocess` and `fcrbench.export`.

Nothing heavy is imported here: `import fcrbench.metrics` costs numpy, scipy and numba only.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fcrbench.api import score_folders as score_folders
    from fcrbench.api import segment as segment

__version__ = "0.1.0"
__all__ = ["__version__", "score_folders", "segment"]

_LAZY = ("score_folders", "segment")


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fcrbench import api

    return getattr(api, name)


def __dir__() -> list[str]:
    loaded = {name for name in globals() if name[0] != "_"} - {"Any", "TYPE_CHECKING"}
    return sorted(loaded | set(__all__))
