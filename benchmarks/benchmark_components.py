"""Connected components of a colour map."""

from benchmarks import scenes
from fcrbench import postprocess


class Label:
    params = (["field", "large", "noisy"], [1, 2])
    param_names = ("scene", "connectivity")

    def setup(self, scene: str, connectivity: int) -> None:
        shape = scenes.LARGE if scene == "large" else scenes.FIELD
        self.classes = scenes.color_map(scenes.nuclei(shape))
        if scene == "noisy":
            self.classes = scenes.scores(self.classes, noise=0.5).argmax(0).astype("uint8")
        postprocess.label(self.classes, connectivity=connectivity)

    def time_label(self, scene: str, connectivity: int) -> None:
        postprocess.label(self.classes, connectivity=connectivity)

    def peakmem_label(self, scene: str, connectivity: int) -> None:
        postprocess.label(self.classes, connectivity=connectivity)
