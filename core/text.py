"""Reading and writing the words and numbers people type: names, numbers, distances, phones.

DomainError
├── NotANumber        text that is no number, or could be two different ones
├── NotKilometres     text that is no distance in whole kilometres
└── NotPhone          text that is no telephone number that exists
"""

import re
import unicodedata
from decimal import Decimal
from typing import Final
from urllib.parse import quote

import phonenumbers
from flask_babel import gettext as _
from slugify import slugify

from core.errors import DomainError

HOME_REGION: Final = "BR"
LONGEST_NUMBER: Final = 15  # digits before the decimals: cents still fit a 64-bit column


class NotANumber(DomainError, ValueError):
    """Text that is no number, or could be two different ones."""


class NotKilometres(DomainError, ValueError):
    """Text that is no distance in whole kilometres."""


class NotPhone(DomainError, ValueError):
    """Text that is no telephone number. `suggestion` is E.164 when only the mobile 9 is missing."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.suggestion = suggestion


# --- words ---------------------------------------------------------------------------------

_NOT_ALPHANUMERIC: Final = re.compile(r"[\W_]+")
_LATIN_MARKS: Final = re.compile("[\u0300-\u036f]+")  # what NFKD parts from a letter

# Direction marks and overrides can make a name or an address read as another one. The joiners
# U+200C and U+200D are kept: emoji and several scripts are spelled with them.
_UNSEEN: Final = re.compile(
    "[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_LINE_END: Final = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def fold(text: str) -> str:
    """The form in which two spellings of one thing are equal: no accents, lower case, single
    spaces where anything but letters and digits stood. 'CITROËN C3-Aircross' -> 'citroen c3
    aircross'."""
    if not text.isascii():  # names of people mostly end here: as ASCII, without a look at each
        text = _LATIN_MARKS.sub("", unicodedata.normalize("NFKD", text))
    if not text.isascii():
        # Lower case may itself compose (Turkish dotted I), so marks are dropped after it too.
        lowered = unicodedata.normalize("NFKD", _without_marks(text).lower())
        text = _without_marks(lowered)
    return _NOT_ALPHANUMERIC.sub(" ", text.lower()).strip()


def _without_marks(text: str) -> str:
    return "".join(char for char in text if not unicodedata.category(char).startswith("M"))


def slugify_name(text: str, limit: int = 80) -> str:
    """A name as part of an address: 'Citroën C3 1.6' -> 'citroen-c3-1-6'. At most `limit`
    characters, cut between words; empty when nothing of `text` can be written in ASCII."""
    return slugify(
        text,
        max_length=limit,
        word_boundary=True,
        entities=False,  # a name is not HTML: 'A&B' holds no entity
        decimal=False,
        hexadecimal=False,
    )


def clean_line(text: str, limit: int) -> str:
    """`text` as one line fit to store: composed (NFC), without control and direction characters,
    single spaces, at most `limit` characters. The excess is cut: a caller that must not lose any
    checks the length first."""
    visible = _UNSEEN.sub("", _CONTROL.sub("", _LINE_END.sub(" ", text)))
    return _cut(unicodedata.normalize("NFC", " ".join(visible.split())), limit)


def clean_text(text: str, limit: int) -> str:
    """Like `clean_line`, but keeps the line ends (as '\\n') and single empty lines."""
    lines = (clean_line(line, limit) for line in _LINE_END.split(text))
    return _cut(re.sub(r"\n{3,}", "\n\n", "\n".join(lines).strip("\n")), limit)


def _cut(text: str, limit: int) -> str:
    """The first `limit` characters; an accent never loses its letter, nor a letter its accent."""
    if len(text) <= limit:
        return text
    end = limit
    while end > 0 and unicodedata.combining(text[end]):
        end -= 1
    return text[:end].rstrip()


# --- numbers -------------------------------------------------------------------------------

# Each notation gives the whole part and, where it has any, the decimals.
_NOTATIONS: Final = tuple(
    re.compile(pattern + r"\Z")
    for pattern in (
        r"([0-9]+)(?:[.,]([0-9]{1,2}))?",
        r"([1-9][0-9]{0,2}(?:\.[0-9]{3})+)(?:,([0-9]{1,2}))?",
        r"([1-9][0-9]{0,2}(?:,[0-9]{3})+)\.([0-9]{1,2})",
        # Decimals come once, so several commas can only part thousands.
        r"([1-9][0-9]{0,2}(?:,[0-9]{3}){2,})()",
    )
)


def parse_decimal(text: str) -> Decimal:
    """Reads a number with at most two decimals in Brazilian or plain notation.

    * One or two digits after a single mark are decimals: `12.34`, `12,34`, `89900.0`.
    * Three digits after dots are thousands, as Brazil writes them: `1.234` is 1234.
    * Two different marks: the last one is the decimal mark (`1.234,56`, `1,234.56`).
    * `1,234` alone is refused: thousands to an English eye, three decimals to a Brazilian one.

    Raises `NotANumber` for that, for signs, words, wrong groups and more than 15 whole digits.
    """
    number = text.strip()
    match = next((match for notation in _NOTATIONS if (match := notation.match(number))), None)
    if match is None:
        raise NotANumber(_("This is not a number: %(text)s", text=_quoted(text)))
    whole = re.sub("[.,]", "", match[1]).lstrip("0") or "0"
    if len(whole) > LONGEST_NUMBER:
        raise NotANumber(_("This number is too large: %(text)s", text=_quoted(text)))
    return Decimal(f"{whole}.{match[2] or '0'}")


def _quoted(text: str) -> str:
    return clean_line(text, 40)


def group_thousands(number: int) -> str:
    """Digits in Brazilian groups: 58200 -> '58.200'."""
    return f"{number:,}".replace(",", ".")


def row_number(text: str) -> int | None:
    """The number of a row as forms send it, or None for anything else: at most nine ASCII digits,
    which every database takes."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


_KM_UNIT: Final = re.compile(r"\s*(?:km|kms|quil[oôó]metros?)\.?\Z", re.IGNORECASE)


def format_km(km: int) -> str:
    """58200 -> '58.200 km' (no-break space before the unit)."""
    return f"{group_thousands(km)}\u00a0km"


def parse_km(text: str) -> int:
    """Whole kilometres from '12.500 km', '58200', '58.200,0'. Raises `NotKilometres`, also for
    parts of a kilometre: no odometer shown to a buyer has them, so the mark is misplaced. '0.000'
    is what systems write that part every number: nothing either way."""
    number = _KM_UNIT.sub("", text.strip())
    try:
        km = Decimal(0) if number in {"0.000", "0,000"} else parse_decimal(number)
    except NotANumber:
        km = None
    if km is None or km != int(km):
        raise NotKilometres(
            _("This is not a mileage in km: %(text)s. Write it like 58.200.", text=_quoted(text))
        )
    return int(km)


# --- phones --------------------------------------------------------------------------------

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}\Z")
# Ten digits whose third is 6-9: a mobile number from before the ninth digit (2012-2016).
_MOBILE_WITHOUT_NINE: Final = re.compile(r"(?:\+?55|0)?([1-9][0-9])([6-9][0-9]{7})\Z")
_DASHES: Final = re.compile("[\u2010-\u2015\u2212]")
# "0xx11": how carriers used to print the digits of theirs.
_CARRIER_PLACE: Final = re.compile(r"\A(\(?)\s*0?\s*xx?[\s.)-]*(?=\(?[1-9])", re.IGNORECASE)
_PHONE_CHARACTERS: Final = re.compile(r"[-+0-9().\s/]+\Z")


def parse_phone(text: str) -> str:
    """A telephone number as people type it, in E.164: '011 98765-4321' -> '+5511987654321'.
    Numbers without a country code are Brazilian. Raises `NotPhone`; when only the ninth digit of
    a mobile number is missing the error's `suggestion` carries the number with it."""
    typed = clean_line(text.replace("tel:", "", 1), 40)
    # Digits of a Japanese keyboard; the dashes that our own pages print, copied from there.
    typed = _DASHES.sub("-", unicodedata.normalize("NFKC", typed))
    typed = _CARRIER_PLACE.sub(r"\1", typed)
    if typed.startswith("00"):  # how one dials abroad from most countries
        typed = f"+{typed[2:]}"
    if not _PHONE_CHARACTERS.match(typed):
        raise NotPhone(_("Type the phone number with its area code, for example (11) 98765-4321."))
    try:
        number = phonenumbers.parse(typed, HOME_REGION)
    except phonenumbers.NumberParseException:
        number = None
    if number is not None and phonenumbers.is_valid_number(number):
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    old_mobile = _MOBILE_WITHOUT_NINE.match(re.sub(r"[^+0-9]", "", typed))
    if old_mobile:
        area, rest = old_mobile.groups()
        completed = f"+55{area}9{rest}"
        if phonenumbers.is_valid_number(phonenumbers.parse(completed)):
            message = _(
                "Mobile numbers have a 9 after the area code. Did you mean %(phone)s?",
                phone=format_phone(completed),
            )
            raise NotPhone(message, suggestion=completed)
    raise NotPhone(_("Type the phone number with its area code, for example (11) 98765-4321."))


def format_phone(e164: str) -> str:
    """A stored number as it is read: '+5511987654321' -> '(11) 98765-4321', other countries with
    their code. What is no number comes back as it is: a page shows it rather than fail."""
    if not _E164.match(e164):
        return e164
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return e164
    home = number.country_code == phonenumbers.country_code_for_region(HOME_REGION)
    style = (
        phonenumbers.PhoneNumberFormat.NATIONAL
        if home
        else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    )
    return phonenumbers.format_number(number, style)


def whatsapp_link(e164: str, message: str = "") -> str:
    """The address that opens a conversation with `e164` and `message` typed in already: digits
    only, UTF-8 percent-encoded, as wa.me asks. Raises `NotPhone`."""
    if not _E164.match(e164):
        raise NotPhone(_("This is not a complete phone number: %(text)s", text=_quoted(e164)))
    link = f"https://wa.me/{e164[1:]}"
    return f"{link}?text={quote(message, safe='')}" if message else link


def inside_a_sentence(text: str) -> str:
    """`text` without its first capital, unless it begins with an acronym."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]
