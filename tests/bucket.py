"""An S3-like server on this machine, for the edge of the network: objects in a dictionary."""

import hashlib
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "vitrine-test"


@dataclass
class Bucket:
    """What the server holds, by path inside the bucket, and how it behaves."""

    objects: dict[str, tuple[bytes, str, datetime]] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)  # verb, path, signature
    broken: bool = False
    port: int = 0

    @property
    def url(self) -> str:
        return f"s3://{BUCKET}/loja?endpoint=http://127.0.0.1:{self.port}&region=sa-east-1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    bucket: Bucket

    def log_message(self, *_args: object) -> None:
        pass

    def _key(self) -> str:
        path = unquote(urlsplit(self.path).path)
        self.bucket.requests.append((self.command, path, self.headers.get("Authorization", "")))
        return path.removeprefix(f"/{BUCKET}").lstrip("/")

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", headers.pop("length", str(len(body))))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self) -> None:
        key = self._key()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.bucket.broken:
            return self._answer(403)
        self.bucket.objects[key] = (body, self.headers["Content-Type"], datetime.now(UTC))
        return self._answer(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')

    def do_GET(self) -> None:
        key = self._key()
        if self.bucket.broken:
            return self._answer(403)
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            return self._answer(200, self._list(query["prefix"][0]), Content_Type="application/xml")
        if key not in self.bucket.objects:
            return self._answer(404)
        body, content_type, modified_at = self.bucket.objects[key]
        return self._answer(
            200,
            body,
            Content_Type=content_type,
            Last_Modified=format_datetime(modified_at, usegmt=True),
            ETag=f'"{hashlib.md5(body).hexdigest()}"',
        )

    do_HEAD = do_GET  # noqa: N815

    def do_DELETE(self) -> None:
        self.bucket.objects.pop(self._key(), None)
        self._answer(204)

    def _list(self, prefix: str) -> bytes:
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(body)}</Size>"
            f"<LastModified>{modified_at.strftime('%Y-%m-%dT%H:%M:%S.000Z')}</LastModified>"
            f'<ETag>"x"</ETag></Contents>'
            for key, (body, _type, modified_at) in sorted(self.bucket.objects.items())
            if key.startswith(prefix)
        )
        return (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
        ).encode()


class BucketServer:
    """`with BucketServer() as bucket:` serves it on loopback meanwhile."""

    def __enter__(self) -> Bucket:
        bucket = Bucket()
        handler = type("Handler", (_Handler,), {"bucket": bucket})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        bucket.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return bucket

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
