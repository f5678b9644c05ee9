"""The device and the precision that networks compute with."""
