"""A page read as a browser reads it: what in it would run, its forms, links and words."""

import io
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final

# "{{7*7}}${7*7}" with one of its halves computed.
_COMPUTED: Final = re.compile(r"2>49|>49\$|\}\}\$?49|49\$49")
_RUNS: Final = re.compile(r"[\s\x00-\x1f]*(?:javascript|vbscript):", re.IGNORECASE)
_ADDRESSES: Final = ("href", "src", "action", "formaction", "data", "poster", "srcdoc")
WELL_FORMED: Final = {
    "tel": "(11) 98765-4321",
    "email": "ana@example.com",
    "url": "https://loja.example/x",
    "password": "uma senha bem comprida",
}


@dataclass
class Field:
    """One field of a form as a browser would send it, and what else it offers."""

    name: str
    kind: str
    value: str = ""
    options: list[str] = field(default_factory=list)


@dataclass
class Form:
    """One form of a page."""

    action: str
    method: str
    fields: list[Field] = field(default_factory=list)

    @property
    def shape(self) -> tuple[str, tuple[str, ...]]:
        """Forms alike but for their numbers are one."""
        names = dict.fromkeys(re.sub(r"\d+", "0", one.name) for one in self.fields)
        return re.sub(r"\d+", "0", self.action), tuple(names)


class Reading(HTMLParser):
    """One page; `wrongs` names what must not be there."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.wrongs: list[str] = []
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._script: str | None = None  # the text of the script that is open
        self._field: Field | None = None
        self._form: Form | None = None
        self._by_id: dict[str, Form] = {}
        self.feed(page)
        self.close()
        if any(_COMPUTED.search(words) for words in self.words):
            self.wrongs.append("a template computed what was typed")

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in pairs}
        self.words += given.values()
        if any(name.startswith("on") for name in given) or given.get("id") == "canary":
            self.wrongs.append(f"<{tag} {given}>")
        if any(_RUNS.match(given.get(name, "")) for name in _ADDRESSES):
            self.wrongs.append(f"<{tag} {given}>")
        if tag == "script" and "src" not in given:
            self._script = ""
            if "json" not in given.get("type", ""):
                self.wrongs.append("<script>")
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
            self._by_id[given.get("id", "")] = self._form
        elif tag == "option" and self._field is not None:
            self._field.options.append(given.get("value", ""))
            self._field.value = given["value"] if "selected" in given else self._field.value
        elif tag in {"input", "select", "textarea", "button"} and given.get("name"):
            self._note_field(tag, given)

    def _note_field(self, tag: str, given: dict[str, str]) -> None:
        form = self._by_id.get(given["form"]) if given.get("form") else self._form
        kind = given.get("type", "text") if tag == "input" else tag
        if kind == "checkbox" and "checked" not in given:
            kind = "unchecked"
        if given.get("tabindex") == "-1":  # a trap for machines that fill in everything
            kind = "trap"
        self._field = Field(given["name"], kind, given.get("value", ""))
        if form is not None:
            form.fields.append(self._field)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag in {"textarea", "select"}:
            self._field = None
        if tag == "script" and self._script:
            self._read_data(self._script)
        if tag == "script":
            self._script = None

    def _read_data(self, text: str) -> None:
        try:
            json.loads(text)
        except ValueError:
            self.wrongs.append("data that is none")

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self._script += data
        if self._field is not None and self._field.kind == "textarea":
            self._field.value += data
        self.words.append(data)


def filled(form: Form, text: str, *, is_wild: bool = False) -> dict[str, Any]:
    """What somebody hostile sends: `text` wherever text goes; with `is_wild` also where numbers,
    choices and hidden values go."""
    sent: dict[str, Any] = {}
    for one in form.fields:
        if one.name == "csrf_token" or one.kind in {"trap", "unchecked"}:
            continue
        if one.kind == "file":
            sent[one.name] = (io.BytesIO(b"a;b\n" + text.encode()), f"{text[:60]}.csv")
        elif one.kind in {"button", "submit"}:
            sent.setdefault(one.name, one.value)
        elif is_wild or one.kind in {"text", "textarea", "search"}:
            sent[one.name] = text
        elif one.kind == "radio":
            sent[one.name] = sent.get(one.name) or one.value
        elif one.kind == "select":
            sent[one.name] = one.value or next(filter(None, one.options), "")
        else:
            sent[one.name] = one.value or WELL_FORMED.get(one.kind, "")
    return sent
