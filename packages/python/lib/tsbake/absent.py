"""What a module of `bb` says of names that BitBake's has and ours has not: hasattr() finds out, and a call fails with words."""


def names(module):
    """A module's `__getattr__`."""

    def absent(name):
        if not name.startswith("__"):
            message = "%s.%s is not there: tsbake does not offer it to metadata (docs/differences.md)" % (
                module,
                name,
            )
            raise AttributeError(message)
        raise AttributeError("module %r has no attribute %r" % (module, name))

    return absent
