"""One aiohttp session to a provider: key, proxy, limits on what is read, and everything that can go wrong.

Nothing is opened before the first request. The key is read once and put into the session's headers.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...errors import SetupError
from ..request_errors import RequestError, Transient, of_status, retry_after
from ..secrets import scrubbed, secret
from .chat import error_text

if TYPE_CHECKING:
    import aiohttp

_CONNECT = 10.0
LARGEST_REPLY = 32 * 2**20
"""Bytes after decompression. Eight thousand tokens with 20 log-probabilities each are about 10 MB."""
_LARGEST_ERROR = 2**16


class Http:
    """Sends requests with the key that ``key_env`` names.

    key_needed: whether to refuse to send without one.  home: the folder whose ``.env`` is read first.
    """

    def __init__(self, key_env: str, *, key_needed: bool, home: Path = Path()) -> None:
        self._key_env, self._key_needed = key_env, key_needed
        self._key = secret(key_env, home)
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[str, str | None] = {}
        self._limits: dict[float, aiohttp.ClientTimeout] = {}

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(
        self, method: str, base_url: str, path: str, data: Any = None, *, seconds: float,
        largest: int = LARGEST_REPLY,
    ) -> bytes:  # fmt: skip
        """The body of a 200 reply to ``method base_url+path``, read and decompressed within ``seconds``.

        data: JSON bytes, or an ``aiohttp.FormData``.  largest: bytes of the body after decompression.
        Raises a RequestError for everything else.
        """
        import aiohttp

        session = self._session or self._open()
        limits = self._limits.get(seconds)
        if limits is None:
            limits = self._limits[seconds] = aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT)
        if isinstance(data, bytes):
            data = aiohttp.BytesPayload(data, content_type="application/json")
        try:
            async with session.request(
                method, base_url + path, data=data, timeout=limits,
                proxy=self._proxy(base_url), allow_redirects=False,
            ) as reply:  # fmt: skip
                whole = reply.status == 200
                raw, more = await _read(reply.content, largest if whole else _LARGEST_ERROR)
                if not whole:
                    raise self._error(reply.status, raw, reply.headers)
                if more:
                    raise Transient("malformed", f"the reply is larger than {largest // 2**20} MB")
                return raw
        except TimeoutError as error:
            raise Transient("timeout", f"no answer in {seconds:g} s from {base_url}") from error
        except aiohttp.ClientConnectorError as error:
            why = scrubbed(str(error), self._key)
            raise Transient("no connection", f"nothing answers at {base_url}: {why}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            said = scrubbed(f"{type(error).__name__} {error}", self._key)
            raise Transient("dropped connection", f"{base_url}: {said}") from error

    def _error(self, status: int, raw: bytes, headers: Any) -> RequestError:
        if 300 <= status < 400:
            target = headers.get("Location", "?")
            said = f"the server redirects to {target}; use that as base_url"
            return of_status(status, scrubbed(said, self._key))
        wait = retry_after(headers.items(), time.time())
        return of_status(status, scrubbed(error_text(raw), self._key), wait)

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        headers = {"User-Agent": "tunesmith", "Accept-Encoding": "gzip, deflate"}
        key = self._key.get_secret_value()
        if not (key.isascii() and key.isprintable()):
            fix = "copy the key again, without line breaks or typographic signs"
            raise SetupError("models", f"{self._key_env} holds characters that no key has", fix)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        elif self._key_needed:
            name = self._key_env
            fix = f"export {name}=..., or write {name}=... into .env; or set base_url to a server of your own"
            raise SetupError("models", f"{name} is not set, and the provider needs a key", fix)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
        )
        return self._session

    def _proxy(self, base_url: str) -> str | None:
        """The proxy that the environment names for this address; none for this machine itself.

        aiohttp's ``trust_env`` would send requests for localhost to the proxy, and read logins from ~/.netrc.
        """
        if base_url not in self._proxies:
            from urllib.request import getproxies, proxy_bypass

            parts = urlsplit(base_url)
            host = parts.hostname or ""
            local = host in ("localhost", "::1") or host.startswith("127.")
            found = None if local or proxy_bypass(host) else getproxies().get(parts.scheme)
            self._proxies[base_url] = found
        return self._proxies[base_url]


async def _read(content: aiohttp.StreamReader, largest: int) -> tuple[bytes, bool]:
    """The first ``largest`` bytes, and whether there are more. aiohttp decompresses as it is read."""
    chunks, size = [], 0
    async for chunk in content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > largest:
            break
    return b"".join(chunks)[:largest], size > largest
