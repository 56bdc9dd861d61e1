"""The event that ends a command."""
import bb.event


class CookerExit(bb.event.Event):
    pass
