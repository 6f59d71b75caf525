"""Every address behind the door, read from the code: screen, method, permission."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from admin.door import StaffView
from admin.home import Home
from admin.site import SCREENS
from dealership.roles import Permission

_NAME: Final = re.compile(r"<(?:[^:<>]*:)?(\w+)>")


@dataclass(frozen=True)
class Address:
    """One method of one address of a screen."""

    rule: str
    method: str
    endpoint: str
    permission: Permission | None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(_NAME.findall(self.rule))

    def path(self, values: dict[str, object]) -> str:
        return _NAME.sub(lambda match: quote(str(values[match[1]])), self.rule)

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"


def every_screen() -> list[StaffView]:
    """The screens as the door builds them."""
    home = Home(name="Hoje", url="/admin", endpoint="admin")
    return [home, *(view for screen in SCREENS for view in screen.views())]


def addresses_of(view: StaffView) -> list[Address]:
    """What a screen answers to."""
    return [
        Address(
            rule=f"{view.url.rstrip('/')}{url}",
            method=method,
            endpoint=f"{view.endpoint}.{name}",
            permission=view.endpoint_permission(name),
        )
        for url, name, methods in view._urls
        for method in methods
        if method in {"GET", "POST", "PUT", "PATCH", "DELETE"}
    ]


def every_address() -> list[Address]:
    """All of them."""
    return [address for view in every_screen() for address in addresses_of(view)]
