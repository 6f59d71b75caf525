import gzip
import os
import socket
import threading
import time
from ipaddress import ip_address

import pytest
from flask_babel import force_locale
from pytest_httpserver import HTTPServer
from werkzeug import Response

from core import fetch as fetching
from core.fetch import (
    AddressRefused,
    FetchFailed,
    TooLarge,
    fetch,
    is_public,
    is_public_or_private,
)

MEGABYTE = 1_000_000


@pytest.fixture(autouse=True)
def english(app):
    with force_locale("en"):
        yield


def get(url, **options):
    return fetch(url, max_bytes=MEGABYTE, allow_private=True, **options)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.8", "192.88.99.1",
        "198.18.0.1", "192.0.2.1", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1",
        "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::",
        "2001:0:7f00:1::", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "4000::1",
    ],
)  # fmt: skip
def test_inner_address_is_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "200.147.3.157", "2606:4700::1111", "2002:808:808::"]
)
def test_internet_address_is_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "fd00::1", "::ffff:10.0.0.1"])
def test_operator_may_allow_private_addresses(address):
    assert is_public_or_private(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "::", "100.100.100.200",
        "::ffff:100.100.100.200", "fd00:ec2::254",
    ],
)  # fmt: skip
def test_some_addresses_are_never_allowed(address):
    assert not is_public_or_private(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://127.1/", "http://2130706433/",
        "http://0x7f000001/", "http://0177.0.0.1/", "http://[::1]/", "http://0/",
        "http://[::ffff:127.0.0.1]/", "http://１２７.0.0.1/",
    ],
)  # fmt: skip
def test_every_spelling_of_this_machine_is_refused(url):
    with pytest.raises(AddressRefused) as refusal:
        fetch(url, max_bytes=10)
    assert "127" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/x", "file:///etc/passwd", "gopher://a.example", "//a.example/x", "x", "",
        "http://", "http:///x", "http://ana:senha@a.example/", "http://a@a.example/",
        "http://a.example:99999/", "http://a.example:x/", "http://a .example/",
        "http://a.example/\r\nX: 1", "http://a.example/\tx", "http://[fe80::1%25eth0]/",
        "http://[::1/", "http://" + "a" * 2048, "http://" + "ä" * 80 + ".example/",
    ],
)  # fmt: skip
def test_odd_forms_are_refused_before_any_look_up(url, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: pytest.fail("looked up"))
    with pytest.raises(AddressRefused):
        get(url)


def answer_with(monkeypatch, *addresses):
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda _host, port, **_k: [(0, 0, 0, "", (address, port)) for address in addresses],
    )
    monkeypatch.setattr(socket, "create_connection", lambda *_a, **_k: pytest.fail("connected"))


def test_one_inner_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    answer_with(monkeypatch, "8.8.8.8", "10.0.0.1")
    with pytest.raises(AddressRefused):
        fetch("http://a.example/", max_bytes=10)


def test_unusual_port_of_a_public_address_is_refused(monkeypatch):
    answer_with(monkeypatch, "8.8.8.8")
    with pytest.raises(AddressRefused):
        fetch("http://a.example:22/", max_bytes=10, allow_private=True)


def test_unknown_name_is_a_plain_sentence(monkeypatch):
    def fail(*_args, **_rest):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(FetchFailed, match="no server with this name"):
        fetch("http://a.example/", max_bytes=10)


def test_connection_goes_to_the_address_that_was_judged(httpserver: HTTPServer, monkeypatch):
    httpserver.expect_request(
        "/", headers={"Host": f"a.example:{httpserver.port}"}
    ).respond_with_data("ok")
    answers = iter([["127.0.0.1"]])  # a second look-up would find nothing
    real = socket.getaddrinfo

    def once(host, port, *args, **rest):
        if host == "a.example":
            return [(0, 0, 0, "", (address, port)) for address in next(answers)]
        return real(host, port, *args, **rest)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    assert get(f"http://a.example:{httpserver.port}/").read() == b"ok"


def test_body_and_headers_arrive(httpserver: HTTPServer):
    httpserver.expect_request("/e stoque.csv", query_string="a=b").respond_with_data(
        "é;1", content_type="text/csv; charset=ISO-8859-1", headers={"ETag": '"1"'}
    )
    fetched = get(httpserver.url_for("/e%20stoque.csv?a=b"), accept="text/csv")
    assert fetched.read() == "é;1".encode()
    assert (fetched.content_type, fetched.charset, fetched.etag) == (
        "text/csv",
        "iso-8859-1",
        '"1"',
    )
    assert (fetched.status, fetched.size_bytes) == (200, 4)


def test_proxy_settings_are_ignored(httpserver: HTTPServer, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    httpserver.expect_request("/").respond_with_data("ok")
    assert get(httpserver.url_for("/")).read() == b"ok"


def test_three_redirects_are_followed_and_no_more(httpserver: HTTPServer):
    for step in range(4):
        httpserver.expect_request(f"/{step}").respond_with_data(
            "", status=302, headers={"Location": f"/{step + 1}"}
        )
    httpserver.expect_request("/4").respond_with_data("ok")
    assert get(httpserver.url_for("/1")).url.endswith("/4")
    with pytest.raises(FetchFailed):
        get(httpserver.url_for("/0"))


def test_redirect_is_judged_like_the_first_address(httpserver: HTTPServer):
    def only_this_one(address):
        return address == ip_address("127.0.0.1")

    for path, location in {
        "/a": f"http://127.0.0.2:{httpserver.port}/",
        "/b": "http://169.254.169.254/latest/meta-data/",
        "/c": "file:///etc/passwd",
        "/e": "",
    }.items():
        httpserver.expect_request(path).respond_with_data(
            "", status=301, headers={"Location": location}
        )
        url = f"http://127.0.0.1:{httpserver.port}{path}"
        with pytest.raises(AddressRefused):
            fetching._fetch(url, only_this_one, 10, None, time.monotonic() + 5)


def test_safe_scheme_never_leads_to_the_open_one():
    with pytest.raises(AddressRefused):
        fetching._redirected("https://a.example/", "http://a.example/")
    assert fetching._redirected("http://a.example/x", "https://b.example/") == "https://b.example/"
    with pytest.raises(AddressRefused):
        fetching._redirected("http://a.example/", "http://[")


def test_error_answer_carries_its_status(httpserver: HTTPServer):
    httpserver.expect_request("/").respond_with_data("no", status=404)
    with pytest.raises(FetchFailed, match="404") as failure:
        get(httpserver.url_for("/"))
    assert failure.value.status == 404


def test_announced_size_is_checked(httpserver: HTTPServer):
    httpserver.expect_request("/").respond_with_data(b"x" * (MEGABYTE + 1))
    with pytest.raises(TooLarge, match="1 MB"):
        get(httpserver.url_for("/"))


def test_size_without_announcement_is_counted(httpserver: HTTPServer):
    httpserver.expect_request("/").respond_with_handler(
        lambda _request: Response(iter([b"x" * 300_000] * 10))
    )
    with pytest.raises(TooLarge):
        get(httpserver.url_for("/"))


def test_packed_answer_is_unpacked_once_and_bounded(httpserver: HTTPServer):
    packed = {"Content-Encoding": "gzip"}
    httpserver.expect_request("/ok").respond_with_data(gzip.compress(b"ok" * 9), headers=packed)
    httpserver.expect_request("/bomb").respond_with_data(
        gzip.compress(bytes(50 * MEGABYTE)), headers=packed
    )
    httpserver.expect_request("/cut").respond_with_data(
        gzip.compress(os.urandom(999))[:-9], headers=packed
    )
    httpserver.expect_request("/twice").respond_with_data(
        b"", headers={"Content-Encoding": "gzip, gzip"}
    )
    assert get(httpserver.url_for("/ok")).read() == b"ok" * 9
    with pytest.raises(TooLarge):
        get(httpserver.url_for("/bomb"))
    for path in ("/cut", "/twice"):
        with pytest.raises(FetchFailed):
            get(httpserver.url_for(path))


def serve_raw(*pieces, pause_seconds=0.0):
    """A server that says `pieces` to its first visitor; its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener, listener.accept()[0] as visitor:
            visitor.recv(65536)
            try:
                for piece in pieces:
                    visitor.sendall(piece)
                    time.sleep(pause_seconds)
            except OSError:
                pass

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_answer_cut_short_is_no_answer():
    for raw in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"what?\r\n\r\n",
        b"",
    ):
        with pytest.raises(FetchFailed):
            get(serve_raw(raw))


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "], ids=["body", "headers"]
)
def test_dripping_server_does_not_outlast_the_clock(head):
    url = serve_raw(head, *[b"x"] * 100, pause_seconds=0.05)
    start = time.monotonic()
    with pytest.raises(FetchFailed, match="too long"):
        get(url, timeout_seconds=0.3)
    assert time.monotonic() - start < 2
