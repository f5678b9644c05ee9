"""The rules by which the components of a class map become instances, and the order of the rules.

The rules are defined here once and implemented three times: for arrays in `host`, for tensors on an
accelerator in `device`, and for images larger than memory in `tiled`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np

from fcrbench.kernels.margins import UNITS_PER_SCORE


@dataclass(frozen=True)
class ObjectFilter:
    """Decides which objects are kept, by their size and by how certain the network is of them.

    Attributes:
        min_size: objects of fewer pixels become background.
        border_size: objects that touch the border of the image become background if they have fewer pixels.
        min_margin: objects of fewer pixels than `sure_size` become background if their margin, in the mean
            over their pixels, is lower (see `postprocess.margin`); 0 turns the rule off. For logits, 2.2
            means that the colour is nine times as likely as the background. With a small `min_size`, small
            objects are kept if the network is certain of them, and larger ones are dropped if it is not.
        sure_size: in pixels; see `min_margin`.

    Raises ValueError if a value is negative or not a number.
    """

    min_size: int = 0
    border_size: int = 0
    min_margin: float = 0.0
    sure_size: int = 100

    def __post_init__(self) -> None:
        for name in ("min_size", "border_size", "sure_size"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: expected 0 or more pixels, found {getattr(self, name)}")
        if not 0 <= self.min_margin < np.inf:
            raise ValueError(f"min_margin: expected 0 or more, found {self.min_margin}")

    @property
    def drops_objects(self) -> bool:
        """Whether the filter would drop any object at all."""
        return self.min_size > 1 or self.border_size > 1 or (self.min_margin > 0 and self.sure_size > 1)

    def keeps(self, sizes: Any, on_border: Any, margins: Any) -> Any:
        """Return whether each object is kept. All arguments are NumPy arrays or tensors with one entry per
        object.

        Args:
            sizes: pixels of each object.
            on_border: whether it touches the border of the image.
            margins: its margins (`kernels.margins.compute_margins`) summed over its pixels; only used with
                `min_margin`.
        """
        large_enough = (sizes >= self.min_size) & (~on_border | (sizes >= self.border_size))
        if not self.min_margin:
            return large_enough
        is_certain = margins >= UNITS_PER_SCORE * self.min_margin * sizes
        return large_enough & ((sizes >= self.sure_size) | is_certain)


@dataclass(frozen=True, kw_only=True)
class InstanceRules(ObjectFilter):
    """The rules by which a class map becomes a label image.

    It has the attributes of `ObjectFilter`, and those below.

    Attributes:
        background: the class that is background; "mode" takes the class of most pixels, the lowest one on a
            tie. That is the rule of the FCRNet authors, which is right only if the background is the largest
            class.
        connectivity: 1 for 4-connected components, 2 for 8-connected ones.
        join_doubt: before all other rules, an object joins a larger one that it is a piece of. It is a piece
            if doubt * share^(1/4) >= join_doubt * ln(sqrt(size)) * ln(sqrt(larger)). 0 turns the rule off.
            `share` is the part of the object's edge that lies on the larger one (see
            `postprocess.join_fragments`). `doubt` is the mean probability, by the softmax of the scores, of
            the second most likely class besides the background, over the pixels on both sides of that edge:
            it is up to 0.5 where one colour fades into another within a nucleus, and near 0 where two nuclei
            meet. `size` and `larger` are the pixels of the two objects: the larger both are, the more likely
            they are objects of their own. If there are several larger objects, the piece joins the one with
            the largest sum of doubt, on a tie the one that comes first. The scores must be logits.
        fill_holes: after all other rules, every hole becomes part of the object around it; see
            `postprocess.fill_holes`.

    Raises ValueError if a value is out of range, or if `join_doubt` or `min_margin` is used with the
    background "mode", as both need to know the class of the background.
    """

    background: Literal["mode"] | int = "mode"
    connectivity: int = 1
    join_doubt: float = 0.0
    fill_holes: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.background != "mode" and not (
            isinstance(self.background, int | np.integer) and self.background >= 0
        ):
            raise ValueError(f'background: expected "mode" or a class from 0 on, found {self.background!r}')
        check_connectivity(self.connectivity)
        if not 0 <= self.join_doubt < np.inf:
            raise ValueError(f"join_doubt: expected 0 or more, found {self.join_doubt}")
        for name in ("join_doubt", "min_margin"):
            if getattr(self, name) and self.background == "mode":
                raise ValueError(f'{name}: expected the class of the background beside it, found "mode"')

    @property
    def changes_components(self) -> bool:
        """Whether any rule could change the connected components."""
        return bool(self.drops_objects or self.fill_holes or self.join_doubt)

    def check_background(self, n_classes: int) -> None:
        """Raise ValueError if the background is not one of this many classes."""
        if self.background != "mode" and self.background >= n_classes:
            raise ValueError(
                f'background: expected "mode" or a class 0..{n_classes - 1}, found {self.background!r}'
            )


class Objects(Protocol):
    """Connected components of a class map, to which rules are applied."""

    def join_fragments(self, join_doubt: float) -> None:
        """Join every object that is a piece of a larger one to that one; see `InstanceRules.join_doubt`."""

    def apply_filter(self, object_filter: ObjectFilter) -> None:
        """Turn the objects that the filter does not keep into background."""

    def fill_holes(self) -> None:
        """Make every hole part of the object around it."""


def apply_rules(rules: InstanceRules, objects: Objects) -> None:
    """Apply the rules to connected components, in their fixed order."""
    if rules.join_doubt:
        objects.join_fragments(rules.join_doubt)
    if rules.drops_objects:
        objects.apply_filter(rules)
    if rules.fill_holes:
        objects.fill_holes()


def updated_rules(rules: InstanceRules | None, changes: Mapping[str, Any]) -> InstanceRules:
    """Return the rules with some attributes replaced; `rules` None stands for the default rules.

    A class in place of the rules is taken as the background, which is deprecated. Raises TypeError for a name
    that is not an attribute, or if `rules` is something else.
    """
    if rules is None:
        rules = InstanceRules()
    elif isinstance(rules, int | str | np.integer):
        warnings.warn(f"give the background by name: background={rules!r}", DeprecationWarning, stacklevel=3)
        changes = {"background": rules, **changes}
        rules = InstanceRules()
    elif not isinstance(rules, InstanceRules):
        raise TypeError(f"rules: expected InstanceRules, found {type(rules).__name__}")
    return replace(rules, **changes) if changes else rules


def check_connectivity(connectivity: int, n_dim: int = 2) -> None:
    """Raise ValueError if this is not a connectivity of images with this number of dimensions."""
    if connectivity in range(1, n_dim + 1):
        return
    kinds = "1 (4-connected) or 2 (8-connected)"
    if n_dim == 3:
        kinds = "1 (6-connected), 2 (18-connected) or 3 (26-connected)"
    raise ValueError(f"connectivity: expected {kinds}, found {connectivity!r}")
