"""What BB_SETSCENE_DEPVALID has said is not needed: handed over once, and not at each of thousands of calls."""

_not_needed = set()


def not_needed(known, new):
    """All names so far. `known`: how many the caller has handed over before. None: it has to begin again."""
    if known == 0:
        _not_needed.clear()
    if len(_not_needed) != known:
        return None
    _not_needed.update(new)
    return _not_needed
