"""URIs of SRC_URI: read and put together. tests/golden/fetch/urls.txt has what BitBake makes of them."""

import re
import urllib.parse

from bb.fetch2.errors import MalformedUrl, MissingParameterError

_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<slashes>//)?(?P<rest>.*)", re.DOTALL)
_NETWORK = re.compile(
    r"(?:(?P<user>[^/?#]*)@)?(?P<host>\[[^\]]*\]|[^:/?#]*)(?::(?P<port>[0-9]*))?(?=[/?#]|$)"
)


def _pairs(text, between):
    found = {}
    for part in text.split(between):
        if part:
            key, equals, value = part.partition("=")
            found[key] = value if equals else None
    return found


def _joined(pairs, between, bare):
    """`bare`: values that are shown without `=`."""
    return between.join(key if value in bare else key + "=" + value for key, value in pairs.items())


class URI:
    """
    scheme, userinfo (username, password), hostname, port, path, query and params of one URI; str() puts it together.

    Differences to RFC 3986, as everywhere in SRC_URI: parameters follow the first `;` of the whole text, and
    `file://name` is a relative path, never a host.
    """

    def __init__(self, uri=None):
        self.scheme = self.userinfo = self.hostname = self._path = ""
        self.port = None
        self.params, self.query = {}, {}
        self.relative = False
        if uri:
            self._read(uri)

    def _read(self, text):
        text, _, params = text.partition(";")
        found = _URI.match(text)
        scheme, slashes, rest = found.group("scheme", "slashes", "rest") if found else ("", None, text)
        self.scheme = scheme.lower()
        if self.scheme == "file" and slashes and not rest.startswith("/"):
            slashes = None
        rest = rest.partition("#")[0]
        if slashes:
            network = _NETWORK.match(rest)
            if not network:
                raise MalformedUrl(text)
            self.userinfo = (network.group("user") or "").removesuffix(":")
            self.hostname = network.group("host").lower().strip("[]")
            self.port = int(network.group("port")) if network.group("port") else None
            rest = rest[network.end() :]
        path, _, query = rest.partition("?")
        self.path = urllib.parse.unquote(path)
        self.params = _pairs(params, ";")
        self.query = _pairs(query, "&")

    def __str__(self):
        return "".join(
            (
                self.scheme,
                ":",
                "" if self.relative else "//",
                self.userinfo + "@" if self.userinfo else "",
                self.hostport,
                self.path_quoted,
                "?" + _joined(self.query, "&", ("", None)) if self.query else "",
                ";" + _joined(self.params, ";", (None,)) if self.params else "",
            )
        )

    @property
    def hostport(self):
        return "%s:%d" % (self.hostname, self.port) if self.port else self.hostname

    @property
    def path(self):
        return self._path

    @path.setter
    def path(self, path):
        self._path = path
        self.relative = bool(path) and not path.startswith("/")

    @property
    def path_quoted(self):
        return urllib.parse.quote(self.path)

    @path_quoted.setter
    def path_quoted(self, path):
        self.path = urllib.parse.unquote(path)

    @property
    def username(self):
        return self.userinfo.partition(":")[0]

    @username.setter
    def username(self, username):
        self.userinfo = username + (":" + self.password if self.password else "")

    @property
    def password(self):
        return self.userinfo.partition(":")[2]

    @password.setter
    def password(self, password):
        self.userinfo = self.username + ":" + password


def decodeurl(url):
    """(scheme, host[:port], path, user, password, parameters)"""
    uri = URI(url)
    return uri.scheme, uri.hostport, uri.path or "/", uri.username, uri.password, uri.params


def encodeurl(decoded):
    """The text of such a tuple."""
    scheme, host, path, user, password, parameters = decoded
    if not scheme:
        raise MissingParameterError("type", "encoded from the data %s" % str(decoded))
    uri = URI()
    uri.scheme = scheme
    if scheme != "file":
        uri.hostname = host or ""
        if user:
            uri.userinfo = user + (":" + password if password else "")
    if path:
        uri.path = re.sub("//+", "/", path)
        if scheme == "file":
            # `file://name`, as recipes write it.
            uri.relative = False
    uri.params = parameters or {}
    return str(uri)
