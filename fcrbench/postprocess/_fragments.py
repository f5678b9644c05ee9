"""Which objects are pieces of larger ones, decided on the table of their contacts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels.fragments import MOST


@dataclass
class Contacts:
    """Objects 1..count and the pairs of them that share sides of their pixels.

    Attributes:
        sizes: (count + 1,) int64, pixels.
        edges: (count + 1,) int64, sides that face other objects or background; the image's border is no edge.
        pairs: (2, n) int64, ids, the lower one first, each pair once.
        sides: (n,) int64, shared by each pair.
        doubt: (n,) int64, of the pixels on both sides of these, summed; see `kernels.fragments.doubts`.
    """

    sizes: NDArray[np.int64]
    edges: NDArray[np.int64]
    pairs: NDArray[np.int64]
    sides: NDArray[np.int64]
    doubt: NDArray[np.int64]

    def pieces_by_contact(self, contact: float) -> NDArray[np.int64]:
        """(count + 1,) the object that each is a piece of, or itself; the rule of `join_fragments`."""
        small, large = self._ordered()
        return self._owners(small, large, self.sides, self.sides >= contact * self.edges[small])

    def pieces_by_doubt(self, bar: float) -> NDArray[np.int64]:
        """The same by the rule of `postprocess.instances`, join_doubt."""
        small, large = self._ordered()
        mean = self.doubt / (2 * MOST * self.sides)
        share = self.sides / self.edges[small]
        needed = bar * np.log(self.sizes[small]) * np.log(self.sizes[large]) / 4
        enough = mean * np.sqrt(np.sqrt(share)) >= needed
        return self._owners(small, large, self.doubt, enough)

    def _ordered(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The smaller and the larger of each pair; of equal ones the lower id counts as larger."""
        low, high = self.pairs
        larger_high = self.sizes[high] > self.sizes[low]
        return np.where(larger_high, low, high), np.where(larger_high, high, low)

    def _owners(
        self,
        small: NDArray[np.int64],
        large: NDArray[np.int64],
        strength: NDArray[np.int64],
        enough: NDArray[np.bool_],
    ) -> NDArray[np.int64]:
        """Of the pairs that are enough the strongest of each smaller one counts, then the lower id."""
        small, large, strength = small[enough], large[enough], strength[enough]
        order = np.lexsort((large, -strength, small))
        small, large = small[order], large[order]
        best = np.ones(len(small), bool)
        best[1:] = small[1:] != small[:-1]
        owner = np.arange(len(self.sizes))
        owner[small[best]] = large[best]
        while True:  # pieces of pieces
            further = owner[owner]
            if (further == owner).all():
                return owner
            owner = further
