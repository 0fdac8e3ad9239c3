"""The proxy on the way out, as the environment names it: HTTPS_PROXY and HTTP_PROXY, NO_PROXY for what needs none."""

from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

_AS = {"wss": "https", "ws": "http"}


def proxy_for(url: str) -> str | None:
    """The proxy for ``url``, with its scheme, and its login where it names one. None where the way is a direct one."""
    there = urlsplit(url)
    proxies = getproxies_environment()
    proxy = proxies.get(_AS.get(there.scheme, there.scheme))
    if not proxy or proxy_bypass(there.netloc.rpartition("@")[2]):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def shown(proxy: str) -> str:
    """The address of a proxy without its login."""
    return urlsplit(proxy).netloc.rpartition("@")[2]
