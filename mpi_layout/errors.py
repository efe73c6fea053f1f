"""The two errors that are no bugs: of the input, and of one config."""


class InputError(Exception):
    """Wrong input or usage; the text is the complete message for the user.

    It names the file, the key path, what was found and what is wanted. The
    command line prints it and exits with code 2, before any rank starts work.
    """


class ConfigError(Exception):
    """One config cannot be solved; the text says why.

    It is stored as the config's result, and the campaign goes on.
    """
