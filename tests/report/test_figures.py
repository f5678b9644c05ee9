"""Charts that no label can break."""

import warnings

from fcrbench.report import figures


def test_a_long_label_leaves_room_for_its_row():
    label = "discriminative weights=20261125-154938-bbbc039-discriminative-c296c959"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Matplotlib's where axes have no room left
        svg = figures.interval_chart("x", "PQ", {label: (0.8, 0.7, 0.9), "fcrnet": (0.7, 0.6, 0.8)}, {}, "PQ")
    assert "discriminative" in svg
    assert f"{label} 0.800 (0.700 to 0.900)" in svg  # whole for a screen reader
