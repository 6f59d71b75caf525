"""XML into raw records, one node at a time, without entities, document types or network."""

import codecs
import re
from collections.abc import Iterator
from typing import IO, Any, Final

from flask_babel import gettext as _
from lxml import etree

from inventory.importing.records import (
    DEEPEST,
    MOST_VALUES,
    Reading,
    Record,
    add,
    bom_encoding,
    decodes,
    folded,
)
from inventory.importing.report import ImportRefused

MOST_ELEMENTS: Final = 2_000_000
_XML_DECLARED: Final = re.compile(rb"""<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
_DOCTYPE: Final = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def xml_records(file: IO[bytes], reading: Reading, record_names: set[str]) -> Iterator[Record]:
    head = file.read(64 * 1024)
    file.seek(0)
    if _DOCTYPE.search(head.replace(b"\x00", b"")):
        raise ImportRefused(_has_entities())
    try:
        yield from _walk_xml(file, reading, record_names, _xml_override(file, head))
    except (etree.XMLSyntaxError, LookupError):
        raise ImportRefused(_("This XML cannot be read: it is damaged or was cut short.")) from None


def _has_entities() -> str:
    return str(_("This XML defines a document type or entities, which are not read."))


def _xml_override(file: IO[bytes], head: bytes) -> str | None:
    """Windows-1252 for the common file that calls itself UTF-8 and is not."""
    declared = _XML_DECLARED.match(head.lstrip(codecs.BOM_UTF8))
    says = declared[1].decode("ascii").lower() if declared else "utf-8"
    if says not in {"utf-8", "utf8", "us-ascii", "ascii"} or bom_encoding(head[:2000]) in {
        "utf-16", "utf-16-le", "utf-16-be", "utf-32",
    }:  # fmt: skip
        return None
    return None if decodes(file, "utf-8") else "windows-1252"


def _walk_xml(
    file: IO[bytes], reading: Reading, record_names: set[str], encoding: str | None
) -> Iterator[Record]:
    events = etree.iterparse(
        file,
        events=("start", "end"),
        encoding=encoding,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    depth = elements = number = 0
    record_depth = 0  # 0: outside of any
    for event, node in events:
        if event == "start":
            depth += 1
            elements += 1
            if elements == 1 and node.getroottree().docinfo.internalDTD is not None:
                raise ImportRefused(_has_entities())
            if depth > DEEPEST or elements > MOST_ELEMENTS:
                raise ImportRefused(_("This XML is nested too deeply or has too many parts."))
            if not record_depth and depth > 1 and _local_name(node) in record_names:
                record_depth = depth
            continue
        if depth == record_depth:
            number += 1
            record_depth = 0
            yield _xml_record(number, node, reading)
        if not record_depth:
            node.clear()
            while node.getprevious() is not None:
                del node.getparent()[0]
        depth -= 1


def _local_name(node: Any) -> str:
    return folded(str(node.tag).rpartition("}")[2])


def _xml_record(number: int, node: Any, reading: Reading) -> Record:
    record = Record(number, {})
    waiting = [(node, "", "")]
    count = 0
    try:
        while waiting:
            parent, path, written = waiting.pop()
            children = [child for child in parent if isinstance(child.tag, str)]
            for name, text in parent.attrib.items():
                attribute = f"@{str(name).rpartition('}')[2]}"
                attribute_path = path + folded(attribute)
                reading.names.setdefault(attribute_path, written + attribute)
                add(record, attribute_path, str(text), reading)
            if not children and path:
                add(record, path[:-1], "".join(parent.itertext()), reading)
            for child in reversed(children):  # the stack turns them round again
                name = child.tag.rpartition("}")[2]
                child_path = f"{path}{folded(name)}"
                reading.names.setdefault(child_path, f"{written}{name}")
                waiting.append((child, f"{child_path}/", f"{written}{name}/"))
            count += len(children) + len(parent.attrib)
            if count > MOST_VALUES:
                raise ValueError(_("This vehicle has too many parts."))
    except ValueError as error:
        record.problem = str(error)
    return record
