"""The one function that reads addresses which somebody else chose: imports and photos.

DomainError
└── FetchRefused          an address we may not or could not read
    ├── AddressRefused    we do not read such addresses
    ├── TooLarge          more bytes than we take
    └── FetchFailed       it did not answer, or not with a page; `status` says which, where known

An address may lead back into our own network, by its name, by a redirect or by a second answer of
the name server. So every address that a name has is judged, the connection goes to the very
address that was judged, and redirects are followed by hand. The sentences name what the person
typed, never what was found inside. Rules: OWASP SSRF prevention, RFC 6890, RFC 6052, RFC 3056.
"""

import io
import socket
import ssl
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import IO, TYPE_CHECKING, Any, Final, cast
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from flask_babel import gettext as _

from core.errors import DomainError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LONGEST_URL: Final = 2048
MOST_REDIRECTS: Final = 3
CONNECT_SECONDS: Final = 5.0
PORTS: Final = frozenset({80, 443, 8080, 8443})
UNPACKED_FACTOR: Final = 4  # a compressed answer may grow to so many times `max_bytes`
# Some stock systems turn away what does not look like a browser.
USER_AGENT: Final = "Mozilla/5.0 (compatible; Vitrine/1.0)"
_CHUNK_BYTES: Final = 64 * 1024
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

IPAddress = IPv4Address | IPv6Address
Policy = Callable[[IPAddress], bool]

_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_V4_COMPATIBLE: Final = IPv6Network("::/96")
# Called global by the standard library, reachable only inside: protocol assignments, 6to4 relays.
_NOT_FOR_US: Final = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
_PRIVATE: Final = tuple(
    (IPv6Network if ":" in text else IPv4Network)(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
        "::1/128", "fc00::/7",
    )
)  # fmt: skip
# Where Alibaba's and Amazon's machines get their credentials, amid private addresses.
_CREDENTIALS: Final = frozenset({IPv4Address("100.100.100.200"), IPv6Address("fd00:ec2::254")})


class FetchRefused(DomainError):
    """An address we may not or could not read."""


class AddressRefused(FetchRefused):
    """We do not read such addresses: the form, the port or where it leads."""


class TooLarge(FetchRefused):
    """More bytes than the caller takes."""


class FetchFailed(FetchRefused):
    """No answer, a broken one, or a refusal. `status` is the HTTP status where there was one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Fetched:
    """What an address answered with status 200. `url` is the last one after redirects;
    `content_type` without parameters; `file` stands at its start and goes when closed."""

    url: str
    status: int
    content_type: str
    charset: str | None
    etag: str | None
    size_bytes: int
    file: IO[bytes]

    def read(self) -> bytes:
        """The whole body."""
        self.file.seek(0)
        return self.file.read()


def fetch(
    url: str,
    *,
    max_bytes: int,
    accept: str | None = None,
    allow_private: bool = False,
    timeout_seconds: float = 60,
) -> Fetched:
    """Read `url` with GET into a temporary file.

    At most `max_bytes` on the wire (four times that unpacked) and `timeout_seconds` by the clock
    for everything together. `accept` is the header of that name. `allow_private` lets addresses
    of private networks and this machine in, on any port. Raises AddressRefused, TooLarge and
    FetchFailed.
    """
    policy = is_public_or_private if allow_private else is_public
    return _fetch(url, policy, max_bytes, accept, time.monotonic() + timeout_seconds)


def is_web_address(text: str) -> bool:
    """Whether `text` means an address on the web rather than a file."""
    return text.lower().startswith(("http://", "https://"))


# --- which addresses -------------------------------------------------------------------------


def is_public(address: IPAddress) -> bool:
    """Whether `address` belongs to the open internet, also when unwrapped."""
    if isinstance(address, IPv4Address):
        return (
            address.is_global
            and not address.is_multicast
            and not any(address in network for network in _NOT_FOR_US)
        )
    if address not in _GLOBAL_UNICAST or not address.is_global:
        return False
    return all(is_public(inner) for inner in _embedded(address))


def is_public_or_private(address: IPAddress) -> bool:
    """The rule when the operator allows private networks: those and this machine too, but never
    link-local addresses, where clouds keep their credentials, their like, nor multicast."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return is_public_or_private(address.ipv4_mapped)
    return is_public(address) or (
        address not in _CREDENTIALS
        and any(address in network for network in _PRIVATE if network.version == address.version)
    )


def _embedded(address: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that `address` carries: mapped, 6to4, Teredo, NAT64, v4-compatible."""
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _V4_COMPATIBLE or any(address in network for network in _NAT64):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [inner for inner in found if inner is not None]


@dataclass(frozen=True)
class Target:
    """One address taken apart: where to connect is decided apart from what to ask for."""

    scheme: str
    host: str  # ASCII
    port: int
    path: str  # with the query

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"


def target_of(url: str) -> Target:
    """Take `url` apart; raises AddressRefused for forms we do not read."""
    if len(url) > LONGEST_URL:
        raise AddressRefused(_("This address is too long."))
    if any(char <= " " or char == "\x7f" for char in url):
        raise AddressRefused(_("An address on the web holds no spaces."))
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _ascii_host(parts)
    except (ValueError, UnicodeError):
        raise AddressRefused(_("This is not an address on the web.")) from None
    if parts.scheme not in {"http", "https"} or not host:
        raise AddressRefused(_("Only addresses that begin with https:// or http:// are read."))
    if parts.username is not None or parts.password is not None:
        raise AddressRefused(_("An address with a user name or password is not read."))
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]")
    return Target(
        scheme=parts.scheme,
        host=host,
        port=port if port is not None else (443 if parts.scheme == "https" else 80),
        path=f"{path}?{query}" if query else path,
    )


def _ascii_host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if "%" in host:  # an IPv6 zone names one of our own network cards
        raise ValueError
    return host if host.isascii() else host.encode("idna").decode("ascii")


def _judged_addresses(target: Target, policy: Policy) -> list[IPAddress]:
    """Every address of the host, all of them allowed; raises AddressRefused or FetchFailed.

    The system's resolver reads 127.1, 0x7f000001 and 2130706433 too, so those are judged by what
    they mean.
    """
    try:
        answers = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchFailed(_("There is no server with this name.")) from None
    addresses = list(dict.fromkeys(ip_address(str(answer[4][0])) for answer in answers))
    if not addresses or not all(policy(address) for address in addresses):
        raise AddressRefused(
            _("This address leads into a private network, which is not allowed here.")
        )
    if target.port not in PORTS and any(is_public(address) for address in addresses):
        raise AddressRefused(_("Addresses with an unusual port are not read."))
    return addresses


# --- reading ---------------------------------------------------------------------------------


def _fetch(
    url: str, policy: Policy, max_bytes: int, accept: str | None, deadline: float
) -> Fetched:
    for _hop in range(MOST_REDIRECTS + 1):
        target = target_of(url)
        try:
            with connect(target, policy, deadline) as connection:
                response = _ask(connection, target, accept, deadline)
                if response.status not in _REDIRECTS:
                    return _receive(response, url, max_bytes)
                location = response.getheader("Location", "")
        except TimeoutError:
            raise FetchFailed(_("The address took too long to answer.")) from None
        except (OSError, HTTPException, zlib.error):
            raise FetchFailed(_("The address broke the connection off.")) from None
        url = _redirected(url, location)
    raise FetchFailed(_("The address only leads from one to the next."))


def _redirected(url: str, location: str) -> str:
    """The address that a redirect names; never from the safe scheme to the open one."""
    try:
        following = urljoin(url, location)
    except ValueError:
        raise AddressRefused(_("This is not an address on the web.")) from None
    is_downgrade = url.lower().startswith("https:") and not following.lower().startswith("https:")
    if not location or is_downgrade:
        raise AddressRefused(_("The address leads on to one that is not read."))
    return following


def connect(target: Target, policy: Policy, deadline: float) -> socket.socket:
    """A connection to an address that was judged, never to the name, which may answer anew."""
    failure: OSError = OSError()
    for address in _judged_addresses(target, policy):
        try:
            plain = socket.create_connection(
                (str(address), target.port), timeout=min(CONNECT_SECONDS, seconds_left(deadline))
            )
        except OSError as error:
            failure = error
            continue
        if target.scheme == "http":
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=target.host)
        except ssl.SSLCertVerificationError:
            plain.close()
            raise FetchFailed(_("The certificate of this address is not valid.")) from None
        except OSError:
            plain.close()
            raise
    raise failure


def seconds_left(deadline: float) -> float:
    """What is left until `deadline` (monotonic seconds). Raises TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _ask(
    connection: socket.socket, target: Target, accept: str | None, deadline: float
) -> HTTPResponse:
    lines = [
        f"GET {target.path} HTTP/1.1",
        f"Host: {target.host_header}",
        f"User-Agent: {USER_AGENT}",
        f"Accept: {accept or '*/*'}",
        "Accept-Encoding: gzip",
        "Connection: close",
        "\r\n",
    ]
    connection.settimeout(seconds_left(deadline))
    connection.sendall("\r\n".join(lines).encode("latin-1"))
    response = HTTPResponse(cast(socket.socket, Clocked(connection, deadline)), method="GET")
    response.begin()
    return response


class Clocked(io.RawIOBase):
    """A socket read against the clock: a server that drips bytes never outlasts the deadline."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, _CHUNK_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._connection.settimeout(seconds_left(self._deadline))
        return self._connection.recv_into(buffer)


def _receive(response: HTTPResponse, url: str, max_bytes: int) -> Fetched:
    if response.status != 200:
        raise FetchFailed(
            _("The address answered with error %(status)s.", status=response.status),
            response.status,
        )
    if (response.length or 0) > max_bytes:
        raise TooLarge(_too_large(max_bytes))
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller reads and closes it
    try:
        size_bytes = _save(response, file, max_bytes)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return Fetched(
        url=url,
        status=response.status,
        content_type=response.headers.get_content_type(),
        charset=response.headers.get_content_charset(),
        etag=response.getheader("ETag"),
        size_bytes=size_bytes,
        file=file,
    )


def _save(response: HTTPResponse, file: IO[bytes], max_bytes: int) -> int:
    """Write the body to `file`, unpacked once; its size in bytes. Raises TooLarge and FetchFailed,
    also for an answer that ends before its announced length: half a stock is not a stock."""
    unpack = _unpacker(response.getheader("Content-Encoding", ""))
    taken = written = 0
    most = max_bytes * UNPACKED_FACTOR if unpack else max_bytes
    while chunk := response.read1(_CHUNK_BYTES):
        taken += len(chunk)
        if taken > max_bytes:
            raise TooLarge(_too_large(max_bytes))
        if unpack:
            chunk = unpack.decompress(chunk, most - written + 1)
        written += len(chunk)
        if written > most:
            raise TooLarge(_too_large(max_bytes))
        file.write(chunk)
    if response.length or (unpack and (not unpack.eof or unpack.unused_data)):
        raise FetchFailed(_("The answer ended before it was complete."))
    return written


def _unpacker(encoding: str) -> Any:
    if encoding.strip().lower() in {"", "identity"}:
        return None
    if encoding.strip().lower() in {"gzip", "x-gzip", "deflate"}:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    raise FetchFailed(_("The address answered in a form that is not read."))


def _too_large(max_bytes: int) -> str:
    most = max(1, max_bytes // 1_000_000)
    return str(_("This is larger than %(size)s MB, which is the most that is read.", size=most))
