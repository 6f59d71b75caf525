"""SOAP 1.1 as Webmotors' services speak it: envelopes out, results in.

The service is read leniently (any prefix, fields in any order), because only parts of its answers
are public; what we send is built by a library, in the order given, for it ignores in silence what
stands out of order. Document types and entities are refused.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from lxml import etree

STOCK: Final = "www.webmotors.com.br/wsEstoqueRevendedorWebMotors"
LOGIN: Final = "www.webmotors.com.br/wsLoginSistemaRevendedor"
GOOD: Final = "500"  # the code of success; no HTTP status
_SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
# Characters that no XML 1.0 document holds (W3C, § 2.2).
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
Fields = Sequence[tuple[str, Any]]  # values are texts, Fields of an element, or None: left out


class NotSoap(ValueError):
    """No whole answer of that operation."""


@dataclass(frozen=True)
class Answer:
    """The result of one operation: its code ("500" is good) and its elements."""

    code: str
    root: Element

    def text(self, *names: str) -> str:
        """The text of the first element that is called one of `names`, in that order."""
        return next((text for name in names for text in texts(self.root, name)), "")

    def rows(self, marker: str) -> Iterator[dict[str, str]]:
        """The elements that hold a `marker`, each as a table of its own fields."""
        for element in self.root.iter():
            fields = {_local(one): (one.text or "").strip() for one in element}
            if marker in fields:
                yield fields

    def elements(self, marker: str) -> Iterator[Element]:
        """The elements that hold a `marker`."""
        for element in self.root.iter():
            if any(_local(one) == marker for one in element):
                yield element


def envelope(namespace: str, operation: str, fields: Fields) -> bytes:
    """The request for `operation`, its parameters in the order given."""
    root = etree.Element(f"{{{_SOAP}}}Envelope", nsmap={"soap": _SOAP})
    body = etree.SubElement(root, f"{{{_SOAP}}}Body")
    call = etree.SubElement(body, f"{{{namespace}}}{operation}", nsmap={"wm": namespace})
    _fill(call, namespace, fields)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _fill(parent: etree._Element, namespace: str, fields: Fields) -> None:
    for name, value in fields:
        if value is None:
            continue
        element = etree.SubElement(parent, f"{{{namespace}}}{name}")
        if isinstance(value, list | tuple):
            _fill(element, namespace, value)
        else:
            element.text = _NOT_XML.sub("", str(value))


def read(body: bytes, operation: str) -> Answer:
    """What `operation` answered. Raises NotSoap when that is cut short or something else."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise NotSoap("the answer was cut short, or is none") from None
    result = next((one for one in root.iter() if _local(one) == f"{operation}Result"), None)
    if result is None:
        result = next((one for one in root.iter() if _local(one) == f"{operation}Response"), None)
    if result is None:
        raise NotSoap("the answer is of something else")
    return Answer(_code(result), result)


def _code(result: Element) -> str:
    """The code of the result itself; lists carry one in each of their rows instead."""
    own = [(one.text or "").strip() for one in result if _local(one) == "CodigoRetorno"]
    rest = own or list(texts(result, "CodigoRetorno"))
    bad = [code for code in rest if code and code != GOOD]
    return bad[0] if bad and not own else (rest[-1] if rest else "")


def texts(root: Element, name: str) -> Iterator[str]:
    """The texts of all elements of that name that have one."""
    for element in root.iter():
        if _local(element) == name and (text := (element.text or "").strip()):
            yield text


def table(element: Element) -> Mapping[str, str]:
    """The fields right below an element."""
    return {_local(one): (one.text or "").strip() for one in element}


def _local(element: Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
