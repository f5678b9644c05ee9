"""Contacts between objects, and the rules by which they decide which objects are pieces of larger ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fcrbench.kernels.contacts import MAX_DOUBT


@dataclass
class Contacts:
    """Objects 1..count and the pairs of objects that share sides of their pixels.

    Attributes:
        sizes: (count + 1,) int64, the pixels of each object.
        edges: (count + 1,) int64, the sides of pixels of each object that face other objects or the
            background. Sides on the border of the image do not count.
        pairs: (2, n) int64, the ids of each pair, the lower one first; each pair occurs once.
        sides: (n,) int64, the number of sides that each pair shares.
        doubt: (n,) int64, the sum of the doubt of the pixels on both sides of these; see
            `kernels.contacts.compute_doubts`.
    """

    sizes: NDArray[np.int64]
    edges: NDArray[np.int64]
    pairs: NDArray[np.int64]
    sides: NDArray[np.int64]
    doubt: NDArray[np.int64]

    def owners_by_contact(self, contact: float) -> NDArray[np.int64]:
        """Return (count + 1,) the object that each is a piece of, or itself; the rule of `join_fragments`."""
        small, large = self._order_by_size()
        return self._strongest_owners(small, large, self.sides, self.sides >= contact * self.edges[small])

    def owners_by_doubt(self, join_doubt: float) -> NDArray[np.int64]:
        """Return the same by the rule `join_doubt` of `postprocess.InstanceRules`."""
        small, large = self._order_by_size()
        mean = self.doubt / (2 * MAX_DOUBT * self.sides)
        share = self.sides / self.edges[small]
        needed = join_doubt * np.log(self.sizes[small]) * np.log(self.sizes[large]) / 4
        is_piece = mean * np.sqrt(np.sqrt(share)) >= needed
        return self._strongest_owners(small, large, self.doubt, is_piece)

    def _order_by_size(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the smaller and the larger object of each pair; on a tie, the lower id counts as larger."""
        low, high = self.pairs
        larger_high = self.sizes[high] > self.sizes[low]
        return np.where(larger_high, low, high), np.where(larger_high, high, low)

    def _strongest_owners(
        self,
        small: NDArray[np.int64],
        large: NDArray[np.int64],
        strength: NDArray[np.int64],
        is_piece: NDArray[np.bool_],
    ) -> NDArray[np.int64]:
        """Return the owner of each object: for a piece, the larger object of its strongest pair.

        On a tie it is the one with the lower id.
        """
        small, large, strength = small[is_piece], large[is_piece], strength[is_piece]
        order = np.lexsort((large, -strength, small))
        small, large = small[order], large[order]
        is_strongest = np.ones(len(small), bool)
        is_strongest[1:] = small[1:] != small[:-1]
        owner = np.arange(len(self.sizes))
        owner[small[is_strongest]] = large[is_strongest]
        while True:  # follow pieces of pieces
            next_owner = owner[owner]
            if (next_owner == owner).all():
                return owner
            owner = next_owner
