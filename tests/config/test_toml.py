"""Configuration files as editors write them."""

from fcrbench.config import read_toml


def test_a_byte_order_mark_is_no_part_of_the_configuration(tmp_path):
    path = tmp_path / "windows.toml"
    path.write_bytes(b'\xef\xbb\xbfseed = 3\r\n[dataset]\r\nname = "synthetic"\r\n')
    assert read_toml(path) == {"seed": 3, "dataset": {"name": "synthetic"}}
