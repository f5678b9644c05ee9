"""The device, the precision and the processes that networks compute with."""
