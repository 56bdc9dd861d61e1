"""Old spellings of messages with a domain."""

import bb
from tsbake import absent


def fatal(msgdomain, msg):
    bb.fatal(msg)


def error(msgdomain, msg):
    bb.error(msg)


def warn(msgdomain, msg):
    bb.warn(msg)


def note(level, msgdomain, msg):
    bb.note(msg)


def debug(level, msgdomain, msg):
    bb.debug(level, msg)


__getattr__ = absent.names(__name__)
