"""What every staff screen stands on: closed by default, one store's people see one store.

A view names a permission with each of its addresses (`@at`); an address without one answers 404
to everybody, and a test fails. Strangers are sent to the sign-in, people whose role does not
reach get the same 404 as for something that is not there: an address tells nobody what exists.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import abort, flash, g, redirect, request, url_for
from flask_admin import BaseView, expose
from flask_security import current_user
from werkzeug.wrappers import Response

from core.db import writing
from core.errors import DomainError
from dealership import audit
from dealership.roles import Permission
from dealership.staff import StaffMember
from leads.reception import network

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
NO_STORE: Final = "private, no-store"


def at(
    address: str, permission: Permission, *, methods: Sequence[str] = ("GET",)
) -> Callable[[Endpoint], Endpoint]:
    """Show a method of a `StaffView` at `address`, below the view's own, to whom `permission` is
    given. Nothing that changes anything answers to GET."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.permission = permission  # type: ignore[attr-defined]
        return cast(Endpoint, expose(address, methods=tuple(methods))(endpoint))

    return mark


def staff() -> StaffMember:
    """Who is signed in. 404 for nobody: call it only behind `@at`."""
    if not current_user.is_authenticated:
        abort(404)
    return cast(StaffMember, current_user._get_current_object())


def may(permission: Permission, store_id: int | None = None) -> bool:
    """Whether who is signed in may do it; for templates and fields. Nobody may nothing."""
    return bool(current_user.is_authenticated and staff().may(permission, store_id))


def within_stores(statement: sa.Select[Any], column: Any) -> sa.Select[Any]:
    """`statement` for the stores of who is signed in; `column` holds a store's id."""
    ids = staff().store_ids
    return statement if ids is None else statement.where(column.in_(ids))


def found(row: Any, store_id: int | None = None) -> Any:
    """`row`, or 404 when there is none or it belongs to a store that is not this person's."""
    if row is None or (store_id is not None and not staff().serves(store_id)):
        abort(404)
    return row


@contextmanager
def changing(
    action: str,
    subject: str = "",
    *,
    label: str = "",
    store_id: int | None = None,
) -> Iterator["Change"]:
    """One change by who is signed in: `writing()` and its audit entry, together or not at all.

    What the block puts into `change.before` and `change.after` is kept where it differs.
    """
    change = Change(subject, label)
    by = staff().email
    with writing():
        yield change
        audit.record(
            by,
            action,
            change.subject,
            label=change.label,
            before=change.before,
            after=change.after,
            network=network(request.remote_addr or ""),
            store_id=store_id,
        )


class Change:
    """What is told of one change: `subject` and `label` may become known only while it is made."""

    def __init__(self, subject: str, label: str) -> None:
        self.subject, self.label = subject, label
        self.before: Mapping[str, Any] | None = None
        self.after: Mapping[str, Any] | None = None


def refused(error: DomainError) -> None:
    """Show a refusal on the next page in its own words."""
    flash(str(error), "error")


def done(words: str, *, undo: str = "", warning: str = "", mend: str = "") -> None:
    """Say on the next page what was done; `undo` is the address that takes it back by POST,
    `warning` what to look at now and `mend` the address where."""
    message = {"words": words, "undo": undo, "warning": warning, "mend": mend}
    flash(message if undo or warning else words, "done")  # type: ignore[arg-type]


def is_sure() -> bool:
    """Whether the question before a step that is hard to take back was answered, by the script's
    dialog or on the page of `StaffView.ask_first`."""
    return request.form.get("confirmado") == "1"


def local_path(text: str | None, otherwise: str) -> str:
    """`text` if it is an address under /admin/ on this site, else `otherwise`. A return address
    comes from outside: it must never lead away (open redirect)."""
    if not text or not text.startswith("/admin/") or any(c in text for c in "\\\r\n\t\0"):
        return otherwise
    parts = urlsplit(text)
    return otherwise if parts.scheme or parts.netloc or text.startswith("//") else text


class StaffView(BaseView):  # type: ignore[misc]
    """A screen of the staff door. Subclasses expose methods with `@at`.

    `icon` is an id of static/admin-icons.svg; `category` one of admin.groups.
    """

    icon = "check"
    in_menu = True
    menu_path = ""  # where the menu leads, if not to the view's own root

    def __init__(self, *arguments: Any, **options: Any) -> None:
        # A screen reached only from others has no page of its own; the library wants one named.
        if self._default_view is None and self._urls:
            type(self)._default_view = self._urls[0][1]
        super().__init__(*arguments, **options)

    def endpoint_permission(self, name: str) -> Permission | None:
        """What opens the method `name`, or None: closed to everybody."""
        permission: Permission | None = getattr(getattr(type(self), name), "permission", None)
        return permission

    def is_visible(self) -> bool:
        """In the menu of who may open its first page."""
        permission = self.endpoint_permission(self._default_view) if self._default_view else None
        return permission is not None and may(permission)

    def is_accessible(self) -> bool:
        """The library asks this for menus too."""
        return self.is_visible()

    def _handle_view(self, name: str, **_arguments: Any) -> Response | None:
        permission = self.endpoint_permission(name)
        if not current_user.is_authenticated:
            return to_sign_in()
        if permission is None or not may(permission):
            abort(404)
        g.staff_permission = permission
        return None

    def _run_view(self, fn: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Plainly: the library's own runs a view again when it raised a TypeError."""
        return fn(self, *arguments, **named)

    def ask_first(
        self,
        question: str,
        words: str,
        *,
        yes: str,
        back: str,
        back_words: str,
        fields: Mapping[str, str] | None = None,
    ) -> str:
        """The page that asks before a step, for browsers without the script: `yes` on its button
        posts here again with `fields`; `back` is where "no" leads."""
        return str(
            self.render(
                "admin/sure.html",
                question=question,
                words=words,
                yes=yes,
                back=back,
                back_words=back_words,
                fields={**(fields or {}), "confirmado": "1"},
            )
        )


def to_sign_in() -> Response:
    """To the sign-in and back here afterwards; what was posted must be sent again."""
    here = request.full_path.rstrip("?") if request.method == "GET" else request.path
    return redirect(url_for("security.login", next=here))


def answer(error: DomainError, back: str) -> Response:
    """The usual end of a refused change: its words, on the page it came from."""
    refused(error)
    return redirect(back, code=303)


__all__ = [
    "NO_STORE",
    "Change",
    "StaffView",
    "answer",
    "at",
    "changing",
    "done",
    "found",
    "is_sure",
    "local_path",
    "may",
    "refused",
    "staff",
    "to_sign_in",
    "within_stores",
]
