"""The event that ends a command."""

import bb.event
from tsbake import absent


class CookerExit(bb.event.Event):
    pass


__getattr__ = absent.names(__name__)
