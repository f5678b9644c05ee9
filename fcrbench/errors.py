"""The errors a user can act on. The command line prints them as one line and exits with their code."""


class FcrbenchError(Exception):
    """Something outside the program is wrong: a file, a device, a disk. The message is one line."""

    exit_code = 1


class DataError(FcrbenchError, ValueError):
    """A file or array does not hold what it should; the message says what was found and expected."""


class UsageError(FcrbenchError, ValueError):
    """A name, option or configuration value is not one that exists."""

    exit_code = 2
