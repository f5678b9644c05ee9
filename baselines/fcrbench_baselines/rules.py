"""Options that every decoder here has, of the names and meaning that they have in FCRNet."""

from dataclasses import dataclass

from fcrbench.methods.options import at_least, refuse_idle


@dataclass(frozen=True)
class CleaningRules:
    """What is too small, or too unsure, goes; see `fcrbench.postprocess.remove_small`.

    min_size     instances smaller than this are dropped; pixels
    border_size  those that touch the border of the image are if they are smaller than this; pixels
    min_margin   those of fewer pixels than sure_size are whose evidence of being an object, in log odds, is
                 less than this in the mean over their pixels; 0, none are
    sure_size    see min_margin; pixels
    fill_holes   fill holes that one instance encloses
    """

    min_size: int = 10
    border_size: int = 25
    min_margin: float = 2.2
    sure_size: int = 100
    fill_holes: bool = True

    def __post_init__(self) -> None:
        at_least(0, self, "min_size", "border_size", "min_margin", "sure_size")
        if not self.min_margin:
            refuse_idle(self, "sure_size", because="min_margin 0")
