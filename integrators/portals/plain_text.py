"""A description as a portal bears it: plain text in which nobody's contact stands.

Portals let buyers reach a store through themselves and take ads down that go round them: no phone,
address, e-mail or page in the words. A whole sentence goes with the contact it was written for,
so that what stays still reads well; out of a long one only the contact is cut.
"""

import html
import re
from typing import Final

import phonenumbers

from core.text import HOME_REGION, fold

LONGEST_SENTENCE: Final = 160  # beyond that the contact alone is cut out
_SHORTEST_STREET: Final = 8  # folded: less than that stands in ordinary words
_TAG: Final = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_SENTENCE: Final = re.compile(r"(?<=[.!?;])(?<!Av\.)(?<!R\.)(?<!Dr\.)(?<!Rod\.)\s+")
_ADDRESSES: Final = re.compile(
    r"\S+@\S+\.\w+"  # e-mail
    r"|(?:https?://|www\.)\S+"
    r"|\b[\w-]{2,}(?:\.[\w-]+)*\.(?:com|net|org|app|shop|site|online|autos)(?:\.br)?\b(?:/\S*)?"
    r"|\b[\w-]{2,}\.br\b(?:/\S*)?"
    r"|(?<!\w)@\w[\w.]{2,}"  # a name in a social network
    r"|\b\d{5}-\d{3}\b",  # postal code
    re.IGNORECASE,
)
# Without an area code only what cannot be two years: 99999-0000, 3333-0000.
_SHORT_PHONE: Final = re.compile(
    r"(?<![\d./,-])(?!(?:19|20)\d\d-(?:19|20)\d\d)(?:9[ .]?)?\d{4}-\d{4}(?![\d/-])"
)
_LONG_NUMBER: Final = re.compile(r"(?:\d[ ().+-]{0,3}){8}")  # as a phone with its area has


def without_contacts(text: str, *, street: str = "", most: int) -> str:
    """`text` in at most `most` characters, without phones, addresses, e-mails and tags. `street`
    is the store's, whose sentence goes too."""
    own = fold(street.partition(",")[0])
    place = own if len(own) >= _SHORTEST_STREET else ""
    plain = html.unescape(_TAG.sub(" ", text)).replace("\r\n", "\n")
    lines = [" ".join(_line(line, place).split()) for line in plain.split("\n")]
    joined = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return joined if len(joined) <= most else joined[:most].rsplit(None, 1)[0]


def _line(line: str, place: str) -> str:
    kept = []
    for sentence in _SENTENCE.split(line.strip()):
        found = _contacts(sentence)
        is_place = bool(place) and place in fold(sentence)
        if not found and not is_place:
            kept.append(sentence)
        elif not is_place and len(sentence) > LONGEST_SENTENCE:
            kept.append(_cut(sentence, found))
    return " ".join(kept)


def _contacts(text: str) -> list[tuple[int, int]]:
    """Where contacts begin and end."""
    found = [match.span() for match in _ADDRESSES.finditer(text)]
    found += [match.span() for match in _SHORT_PHONE.finditer(text)]
    if _LONG_NUMBER.search(text):  # the library takes its time
        numbers = phonenumbers.PhoneNumberMatcher(text, HOME_REGION)
        found += [(match.start, match.end) for match in numbers]
    return sorted(found)


def _cut(text: str, spans: list[tuple[int, int]]) -> str:
    pieces, at = [], 0
    for start, end in spans:
        pieces.append(text[at : max(at, start)])
        at = max(at, end)
    return re.sub(r"\s{2,}", " ", "".join([*pieces, text[at:]])).strip()
