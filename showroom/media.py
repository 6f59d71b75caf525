"""Serves public files: pictures named by their content, kept by browsers for a year.

The site passes on what a bucket holds, too: the bucket needs no public policy and pages no second
origin, and a cache in front asks for each picture once. Originals have no address at all.
"""

from typing import Final

from flask import Blueprint, Response, abort, request

from core.headers import IMMUTABLE
from core.storage import BadKey, NoSuchFile, StorageFailed, storage
from inventory.renditions import CONTENT_TYPES

# Should somebody ever get a page past the re-encoding: it gets no script and no origin.
POLICY: Final = "default-src 'none'; sandbox"

media = Blueprint("media", __name__)


@media.get("/media/<path:key>")
def media_file(key: str) -> Response:
    """One public file; 404 for whatever is not one, without saying why."""
    content_type = CONTENT_TYPES.get(key.rpartition(".")[2])
    if content_type is None:
        abort(404)
    try:
        file = storage().open(key, public=True)
    except (BadKey, NoSuchFile):
        abort(404)
    except StorageFailed:
        abort(503)
    with file:
        # In one piece: a photo is of some 100 KB, and a loop over pieces of it costs more than all
        # the rest of the answer.
        content = file.read()
    response = Response(content, mimetype=content_type)
    response.headers["Cache-Control"] = IMMUTABLE
    response.headers["Content-Security-Policy"] = POLICY
    # Public pictures stand in mails, too, which a webmail shows under its own origin.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Disposition"] = "inline"
    response.set_etag(key)  # the name stands for the bytes
    response.make_conditional(request.environ, accept_ranges=True, complete_length=len(content))
    return response
