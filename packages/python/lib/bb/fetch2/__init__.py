"""URIs of SRC_URI and what local ones mean. Fetching itself is the engine's: a class here tells where things are."""
import os
import re
import urllib.parse

import bb
import bb.utils
from bb.fetch2 import mirrors, status
from bb.fetch2.status import FetchConnectionCache  # noqa: F401 (metadata takes it from here)

CHECKSUM_LIST = ["md5", "sha256", "sha1", "sha384", "sha512", "goh1"]


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
    pass


class NoChecksumError(FetchError):
    pass


class UnpackError(BBFetchException):
    def __init__(self, message, url):
        self.url = url
        super().__init__("Unpack failure for URL: '%s'. %s" % (url, message))


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


_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<slashes>//)?(?P<rest>.*)", re.DOTALL)
_NETWORK = re.compile(r"(?:(?P<user>[^@/?#]*)@)?(?P<host>\[[^\]]*\]|[^:/?#]*)(?::(?P<port>[0-9]*))?")


def _pairs(text, between):
    found = {}
    for part in text.split(between):
        if part:
            key, equals, value = part.partition("=")
            found[key] = value if equals else None
    return found


def _joined(pairs, between, bare):
    return between.join(key + "=" + value if value or not bare else key for key, value in pairs.items())


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
            self.userinfo = network.group("user") or ""
            self.hostname = network.group("host").lower()
            self.port = int(network.group("port")) if network.group("port") else None
            rest = rest[network.end():]
        path, _, query = rest.partition("?")
        self.path = urllib.parse.unquote(path)
        self.params = _pairs(params, ";")
        self.query = _pairs(query, "&")

    def __str__(self):
        return "".join((
            self.scheme, ":", "" if self.relative else "//",
            self.userinfo + "@" if self.userinfo else "", self.hostport, self.path_quoted,
            "?" + _joined(self.query, "&", bare=True) if self.query else "",
            ";" + _joined(self.params, ";", bare=True) if self.params else "",
        ))

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


class _Method:
    """What metadata asks of `ud.method`."""

    def __init__(self, scheme):
        self._scheme = scheme

    def supports_checksum(self, urldata):
        return self._scheme in ("http", "https", "ftp", "s3")

    def supports_srcrev(self):
        return self._scheme in ("git", "gitsm", "svn", "hg")

    def need_update(self, ud, d):
        return not os.path.exists(ud.localpath)


class FetchData:
    """One entry of SRC_URI."""

    def __init__(self, url, d, localonly=False):
        self.url = url
        self.type, self.host, self.path, self.user, self.pswd, self.parm = decodeurl(d.expand(url))
        self.method = _Method(self.type)
        self.name = self.parm.get("name") or "default"
        self.names = self.name.split(",")
        self.basename = os.path.basename(self.path)
        self.donestamp = self.lockfile = None
        if self.type == "file":
            self.searchpaths = _local_places(self.path, d)
            self.localpath = next((one for one in self.searchpaths if os.path.exists(one)), self.searchpaths[-1])
            self.localfile = self.path
        else:
            self.localfile = self.parm.get("downloadfilename") or self.basename
            self.localpath = os.path.join(d.getVar("DL_DIR") or "", self.localfile)

    def setup_localpath(self, d):
        pass


def _local_places(path, d):
    """Where a `file://` entry is looked for, in order; the last is where it would be put."""
    if path.startswith("/"):
        return [path]
    _, tried = bb.utils.which(d.getVar("FILESPATH") or "", path, history=True)
    return tried or [path]


class Fetch:
    """The entries of SRC_URI (or of `urls`) with their local places. `download` and `unpack` are the engine's."""

    def __init__(self, urls, d, cache=True, localonly=False, connection_cache=None):
        self.d = d
        self.urls = list(urls) or (d.getVar("SRC_URI") or "").split()
        self.ud = {url: FetchData(url, d, localonly) for url in self.urls}
        self.connection_cache = connection_cache

    def checkstatus(self, urls=None):
        """Raises FetchError unless each entry is at its place or on one of its mirrors."""
        before, after = (mirror_from_string(self.d.getVar(name)) for name in ("PREMIRRORS", "MIRRORS"))
        for url in urls or self.urls:
            plain = self.d.expand(url)
            places = [*mirrors.candidates(plain, before), plain, *mirrors.candidates(plain, after)]
            if not any(self._is_there(place) for place in places):
                raise FetchError("it is at none of %s" % " ".join(places), url)

    def _is_there(self, url):
        scheme, host, path, user, password, _ = decodeurl(url)
        if scheme == "file":
            return os.path.exists(FetchData(url, self.d).localpath)
        if scheme not in ("http", "https") or not _may_ask(host, self.d):
            return False
        asked = URI(url)
        asked.userinfo, asked.params = "", {}
        return status.answers(str(asked), user, password, self.connection_cache)

    def localpath(self, url):
        return self.ud[url].localpath if url in self.ud else FetchData(url, self.d).localpath

    def localpaths(self):
        return [self.ud[url].localpath for url in self.urls]

    def expanded_urldata(self, urls=None):
        return [self.ud[url] for url in urls or self.urls]

    def download(self, urls=None):
        bb.fatal("sources are fetched by the task do_fetch of the engine, not by bb.fetch2.Fetch.download")

    def unpack(self, root, urls=None):
        bb.fatal("sources are unpacked by the task do_unpack of the engine, not by bb.fetch2.Fetch.unpack")


def _may_ask(host, d):
    """BB_NO_NETWORK, and BB_ALLOWED_NETWORKS with `*.` in front of names."""
    if bb.utils.to_boolean(d.getVar("BB_NO_NETWORK")):
        return False
    allowed = (d.getVar("BB_ALLOWED_NETWORKS") or "").split()
    name = host.partition(":")[0].lower()
    return not allowed or any(
        name == one.lower() or one.startswith("*.") and name.endswith(one[1:].lower()) for one in allowed)


def localpath(url, d):
    return Fetch([url], d).localpath(url)


def get_checksum_file_list(d):
    """`PATH:True` or `PATH:False` of every place where a local source is looked for, up to the one that has it."""
    shown = []
    for one in Fetch([], d).expanded_urldata():
        if one.type != "file":
            continue
        shown += ["%s:%s" % (place, os.path.exists(place)) for place in one.searchpaths]
        if not os.path.exists(one.localpath):
            bb.fatal("%s: no file for the SRC_URI entry '%s'; these places were searched:\n%s"
                     % (d.getVar("PN"), one.url, "\n".join(one.searchpaths)))
    return " ".join(shown)


def get_srcrev(d, method_name="sortable_revision"):
    """
    The revision for a version: the source's own, or, of several sources, SRCREV_FORMAT with each name replaced by the
    revision of that source.
    """
    revisions = _revisions(d)
    if len(revisions) < 2:
        text = "".join(revision[:10] for _, revision in revisions)
    else:
        text = d.getVar("SRCREV_FORMAT") or ""
        if not text:
            raise FetchError("SRC_URI has several sources with a revision (%s): SRCREV_FORMAT has to say how their names "
                             "make up the version" % ", ".join(name for name, _ in revisions))
        short = {name: revision[:10] for name, revision in revisions}
        # A longer name first: another may be its beginning.
        names = "|".join(re.escape(name) for name in sorted(short, key=len, reverse=True))
        text = re.sub(names, lambda match: short[match.group(0)], text)
    return "AUTOINC+" + text if text else ""


def get_hashvalue(d, method_name="sortable_revision"):
    """The revisions of all sources: what a signature has to know of them."""
    return " ".join(revision for _, revision in _revisions(d))


def _revisions(d):
    """Name and revision of each source that has one: the entry's own, SRCREV_name, then SRCREV."""
    found = []
    for one in Fetch([], d).expanded_urldata():
        if one.method.supports_srcrev():
            for name in one.names:
                revision = one.parm.get("rev") or d.getVar("SRCREV_" + name) or d.getVar("SRCREV")
                if revision and revision != "INVALID":
                    found.append((name, revision))
    return found


get_pkgv_string = get_srcrev


def get_autorev(d):
    return "AUTOINC"


def mirror_from_string(data):
    """Pairs of a mirror variable."""
    words = (data or "").replace("\\n", " ").split()
    if len(words) % 2:
        bb.warn("a mirror variable has an odd number of words: %s" % data)
    return list(zip(words[::2], words[1::2]))


def get_fetcher_environment(d):
    """Variables that programs which fetch should see."""
    wanted = "HOME PATH HTTP_PROXY http_proxy HTTPS_PROXY https_proxy FTP_PROXY ftp_proxy NO_PROXY no_proxy " \
             "GIT_PROXY_COMMAND GIT_SSL_CAINFO SSH_AUTH_SOCK SSL_CERT_FILE".split()
    values = {name: d.getVar(name) or os.environ.get(name) for name in wanted}
    return {name: value for name, value in values.items() if value}
