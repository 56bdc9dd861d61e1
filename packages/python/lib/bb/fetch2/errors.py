"""What can go wrong with an entry of SRC_URI. The names are BitBake's, since metadata catches them."""


class BBFetchException(Exception):
    def __init__(self, message):
        self.msg = message
        super().__init__(message)

    def __str__(self):
        return self.msg


class MalformedUrl(BBFetchException):
    def __init__(self, url, message=""):
        self.url = url
        super().__init__(message or "The URL: '%s' is invalid and cannot be interpreted" % url)


class FetchError(BBFetchException):
    def __init__(self, message, url=None):
        self.url = url
        super().__init__("Fetcher failure%s: %s" % (" for URL: '%s'" % url if url else "", message))


class ChecksumError(FetchError):
    def __init__(self, message, url=None, checksum=None):
        self.checksum = checksum
        super().__init__(message, url)


class NoChecksumError(FetchError):
    pass


class UnpackError(BBFetchException):
    def __init__(self, message, url):
        self.url = url
        super().__init__("Unpack failure for URL: '%s'. %s" % (url, message))


class RebaseError(UnpackError):
    """Never raised here: no work folder is brought up to date."""


class LocalModificationsError(UnpackError):
    """Never raised here: no work folder is brought up to date."""


class NoMethodError(BBFetchException):
    def __init__(self, url):
        self.url = url
        super().__init__("Could not find a fetcher which supports the URL: '%s'" % url)


class MissingParameterError(BBFetchException):
    def __init__(self, missing, url):
        self.missing, self.url = missing, url
        super().__init__("URL: '%s' is missing the required parameter '%s'" % (url, missing))


class ParameterError(BBFetchException):
    def __init__(self, message, url):
        self.url = url
        super().__init__("URL: '%s' has invalid parameters. %s" % (url, message))


class NetworkAccess(BBFetchException):
    def __init__(self, url, cmd):
        self.url, self.cmd = url, cmd
        super().__init__("Network access is disabled, but the command '%s' for '%s' needs it" % (cmd, url))


class UntrustedUrl(BBFetchException):
    def __init__(self, url, message=""):
        self.url = url
        super().__init__(message or "The URL '%s' is on a host that BB_ALLOWED_NETWORKS does not name" % url)


# Metadata knows them by this name, and so does whoever reads a message.
for _error in [
    one for one in globals().values() if isinstance(one, type) and issubclass(one, BBFetchException)
]:
    _error.__module__ = "bb.fetch2"
