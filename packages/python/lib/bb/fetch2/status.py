"""Whether something is at a URL, without fetching it. Many threads may ask, each with connections of its own."""

import base64
import netrc
import os
import urllib.parse

TIMEOUT_S = 30
REDIRECTS = 10
# Servers that do not answer HEAD, or not to everybody.
NOT_BY_HEAD = (403, 405)


class FetchConnectionCache:
    """Connections that may serve the next question too; for one thread at a time."""

    def __init__(self):
        self._open = {}

    def take(self, key):
        return self._open.pop(key, None)

    def keep(self, key, connection):
        self._open[key] = connection

    def close_connections(self):
        for connection in self._open.values():
            connection.close()
        self._open.clear()


def answers(url, user="", password="", cache=None):
    """True when the server says that it has it. Whatever else happens is False: a mirror may always be away."""
    import http.client

    own = cache or FetchConnectionCache()
    try:
        for _ in range(REDIRECTS):
            status, location = _ask(own, "HEAD", url, user, password)
            if status in NOT_BY_HEAD:
                status, location = _ask(own, "GET", url, user, password)
            if not location:
                return 200 <= status < 300
            before = urllib.parse.urlsplit(url)
            url = urllib.parse.urljoin(url, location)
            if urllib.parse.urlsplit(url)[:2] != before[:2]:
                # What one server may know is nothing for another.
                user = password = ""
    except (OSError, http.client.HTTPException, ValueError):
        pass
    finally:
        if cache is None:
            own.close_connections()
    return False


def _ask(cache, method, url, user, password):
    """(status, where it has gone)"""
    import http.client

    parts = urllib.parse.urlsplit(url)
    headers = {"Accept": "*/*", "User-Agent": "tsbake", **_login(parts.hostname, user, password)}
    proxy = _proxy(parts)
    target = (
        url
        if proxy and parts.scheme == "http"
        else urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    )
    key = (parts.scheme, parts.netloc)
    kept = cache.take(key)
    for connection in filter(None, (kept, _connect(parts, proxy))):
        try:
            connection.request(method, target, headers=headers)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException):
            connection.close()
            # The server may have closed what was kept in the meantime.
            if connection is kept:
                continue
            raise
        if method == "HEAD":
            answer.read()
        if method == "HEAD" and not answer.will_close:
            cache.keep(key, connection)
        else:
            # Nobody wants the whole of it.
            connection.close()
        moved = answer.getheader("Location") if answer.status in (301, 302, 303, 307, 308) else None
        return answer.status, moved
    raise OSError("no connection")


def _connect(parts, proxy):
    """Not yet open: that happens with the first request."""
    import http.client

    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    if proxy is None:
        return kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
    headers = {}
    if proxy.username:
        headers["Proxy-Authorization"] = _basic(
            urllib.parse.unquote(proxy.username), urllib.parse.unquote(proxy.password or "")
        )
    connection = kind(proxy.hostname, proxy.port, timeout=TIMEOUT_S)
    if parts.scheme == "https":
        connection.set_tunnel(parts.hostname, parts.port, headers)
    return connection


def _proxy(parts):
    import urllib.request

    proxy = urllib.request.getproxies().get(parts.scheme)
    if not proxy or urllib.request.proxy_bypass(parts.netloc):
        return None
    return urllib.parse.urlsplit(proxy if "://" in proxy else "http://" + proxy)


def _login(host, user, password):
    if not user:
        try:
            user, _, password = netrc.netrc(os.environ.get("NETRC")).authenticators(host) or ("", "", "")
        except (OSError, netrc.NetrcParseError):
            return {}
    return {"Authorization": _basic(user, password or "")} if user else {}


def _basic(user, password):
    return "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()
