"""Maximum-weight matching of a sparse bipartite graph."""

import numpy as np

from fcrbench.kernels._jit import jit_with_gil

# Weight of the total intersection, which decides ties: too small to outweigh a true difference in total IoU.
TIE = 1e-9


@jit_with_gil
def assign(
    rows: np.ndarray,
    cols: np.ndarray,
    shared: np.ndarray,
    union: np.ndarray,
    n_rows: int,
    n_cols: int,
    bonus: float,
) -> tuple[np.ndarray, int]:
    """Find the one-to-one matching with the largest total IoU; on a tie, with the largest total intersection.

    The Hungarian method by shortest augmenting paths (Kuhn 1955; Jonker and Volgenant 1987) on adjacency
    lists. A search stays within one connected group of overlapping objects, and a row may stay unmatched at
    cost 0.

    Args:
        rows, cols: index of the true and the predicted object of each pair.
        shared, union: pixels of the intersection and of the union of each pair.
        n_rows, n_cols: the numbers of objects.
        bonus: added to the IoU of each pair.

    Returns the pair chosen for each row, -1 for none, and the sum of `shared` over the chosen pairs.
    """
    total = 0
    for edge in range(rows.size):
        total += shared[edge]
    weights = np.empty(rows.size)
    for edge in range(rows.size):
        weights[edge] = shared[edge] / union[edge] + TIE * (shared[edge] / total) + bonus
    offsets = np.zeros(n_rows + 1, np.int64)
    order = np.empty(rows.size, np.int64)
    row_price = np.zeros(n_rows)
    edge_of_row = np.empty(n_rows, np.int64)
    for row in range(n_rows):
        edge_of_row[row] = -1
    col_price = np.zeros(n_cols)
    edge_of_col = np.empty(n_cols, np.int64)
    # distance: length of the shortest alternating path from the current row to a column; entry: its last
    # edge.
    distance = np.empty(n_cols)
    entry = np.empty(n_cols, np.int64)
    done = np.zeros(n_cols, np.bool_)
    seen = np.empty(n_cols, np.int64)
    for col in range(n_cols):
        edge_of_col[col] = -1
        distance[col] = np.inf
    for edge in range(rows.size):
        offsets[rows[edge] + 1] += 1
    for row in range(n_rows):
        offsets[row + 1] += offsets[row]
    # Edges sorted by row: those of row r are order[offsets[r] : offsets[r + 1]].
    for edge in range(rows.size):
        row = rows[edge]
        order[offsets[row]] = edge
        offsets[row] += 1
    for row in range(n_rows, 0, -1):  # each offset has moved up to the start of the next row
        offsets[row] = offsets[row - 1]
    offsets[0] = 0
    for source in range(n_rows):
        n_seen = 0
        row = source
        length = 0.0
        give_up = np.inf  # length of the shortest path that leaves a row unmatched
        given_up = -1
        end = -1
        start_price = 0.0
        for e in range(offsets[source], offsets[source + 1]):
            edge = order[e]
            start_price = min(start_price, -weights[edge] - col_price[cols[edge]])
        row_price[source] = start_price
        while True:
            if length - row_price[row] < give_up:
                give_up = length - row_price[row]
                given_up = row
            for e in range(offsets[row], offsets[row + 1]):
                edge = order[e]
                col = cols[edge]
                if done[col]:
                    continue
                through = length - weights[edge] - row_price[row] - col_price[col]
                if through < distance[col]:
                    if distance[col] == np.inf:
                        seen[n_seen] = col
                        n_seen += 1
                    distance[col] = through
                    entry[col] = edge
            nearest = -1
            for s in range(n_seen):
                col = seen[s]
                if not done[col] and (nearest < 0 or distance[col] < distance[nearest]):
                    nearest = col
            if nearest < 0 or give_up <= distance[nearest]:
                length = give_up
                break
            length = distance[nearest]
            if edge_of_col[nearest] < 0:
                end = nearest
                break
            done[nearest] = True
            row = rows[edge_of_col[nearest]]

        row_price[source] += length
        for s in range(n_seen):
            col = seen[s]
            if done[col]:
                row_price[rows[edge_of_col[col]]] += length - distance[col]
                col_price[col] -= length - distance[col]
            distance[col] = np.inf
            done[col] = False

        # Walk back along the path; each row takes the next column and hands over the one it held.
        edge = -1
        if end < 0:
            if given_up == source:
                continue
            edge = edge_of_row[given_up]
            edge_of_row[given_up] = -1
            end = cols[edge]
        while True:
            edge = entry[end]
            row = rows[edge]
            held = edge_of_row[row]
            edge_of_row[row] = edge
            edge_of_col[end] = edge
            if row == source:
                break
            end = cols[held]
    matched = 0
    for row in range(n_rows):
        if edge_of_row[row] >= 0:
            matched += shared[edge_of_row[row]]
    return edge_of_row, matched
