"""Plate, RENAVAM, chassis and FIPE code: read as typed, kept as text in one normal form.

DomainError
├── NotPlate        no Brazilian plate, old or Mercosul
├── NotRenavam      no vehicle register number, or its check digit is wrong
├── NotVin          no chassis number
└── NotFipeCode     no code of the FIPE table

A right check digit does not mean that the document exists, only that it was typed well.
"""

import re
from typing import Final

from flask_babel import gettext as _

from core.errors import DomainError

_SEPARATORS: Final = re.compile(r"[\s.\-/]+")
_PLATE: Final = re.compile(r"[A-Z]{3}[0-9][A-Z0-9][0-9]{2}\Z")
_RENAVAM: Final = re.compile(r"[0-9]{9,11}\Z")
_VIN: Final = re.compile(r"[A-HJ-NPR-Z0-9]{17}\Z")  # ISO 3779: no I, O, Q
_FIPE: Final = re.compile(r"[0-9]{7}\Z")

# A Mercosul plate made from an old one has this letter in the place of the second digit.
_MERCOSUL_LETTERS: Final = "ABCDEFGHIJ"
_SECOND_DIGIT: Final = 4
_RENAVAM_WEIGHTS: Final = (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
_FIPE_WEIGHTS: Final = (7, 6, 5, 4, 3, 2)


class NotPlate(DomainError, ValueError):
    """Text that is no Brazilian plate."""


class NotRenavam(DomainError, ValueError):
    """Text that is no RENAVAM."""


class NotVin(DomainError, ValueError):
    """Text that is no chassis number."""


class NotFipeCode(DomainError, ValueError):
    """Text that is no FIPE code."""


def _bare(text: str) -> str:
    # Upper case of a letter outside ASCII may be one inside ('ı'), so those stop here.
    return _SEPARATORS.sub("", text).upper() if text.isascii() else ""


def normalise_plate(text: str) -> str:
    """'abc-1234' -> 'ABC1234', 'abc1d23' -> 'ABC1D23', as the car carries it. Raises `NotPlate`.

    Old plates are LLLNNNN, Mercosul ones (car and motorcycle) LLLNLNN: Resolução CONTRAN 969/2022.
    """
    plate = _bare(text)
    if not _PLATE.match(plate):
        raise NotPlate(_("A plate has three letters and four digits, or the form ABC1D23."))
    return plate


def canonical_plate(text: str) -> str:
    """The Mercosul form, under which both plates of one vehicle are equal: 'ABC1234' and 'ABC1C34'
    are the same car. For finding duplicates, not for showing. Raises `NotPlate`."""
    plate = normalise_plate(text)
    second = plate[_SECOND_DIGIT]
    letter = _MERCOSUL_LETTERS[int(second)] if second.isdigit() else second
    return plate[:_SECOND_DIGIT] + letter + plate[_SECOND_DIGIT + 1 :]


def both_plates(text: str) -> tuple[str, ...]:
    """The spellings under which the car may be on record: as typed, the Mercosul form and, where
    there was one, the old form. Raises `NotPlate`."""
    plate, mercosul = normalise_plate(text), canonical_plate(text)
    place = _MERCOSUL_LETTERS.find(mercosul[_SECOND_DIGIT])
    old = mercosul[:_SECOND_DIGIT] + str(place) + mercosul[_SECOND_DIGIT + 1 :]
    return tuple(dict.fromkeys([plate, mercosul, *([old] if place >= 0 else [])]))


def plate_final_digit(plate: str | None) -> str | None:
    """All of the plate that the public sees: its last digit, which sets the month of the yearly
    licensing. None without a plate."""
    return plate[-1] if plate and plate[-1].isdigit() else None


def normalise_renavam(text: str) -> str:
    """Eleven digits. Numbers from before April 2013 have nine and are the same with zeros in
    front; shorter ones are refused rather than filled up. Raises `NotRenavam`."""
    digits = _bare(text)
    if not _RENAVAM.match(digits):
        raise NotRenavam(_("A RENAVAM has 11 digits (9 in older documents)."))
    renavam = digits.zfill(11)
    weighted = sum(
        int(digit) * weight for digit, weight in zip(renavam, _RENAVAM_WEIGHTS, strict=False)
    )
    if weighted * 10 % 11 % 10 != int(renavam[-1]) or not weighted:
        raise NotRenavam(_("This RENAVAM has a wrong digit: compare it with the document."))
    return renavam


def normalise_vin(text: str) -> str:
    """Seventeen letters and digits without I, O and Q, in upper case. Raises `NotVin`.

    Neither the maker nor the check digit is judged: cars on sale come from everywhere, and makers
    in Brazil often do not fill position 9 as a check digit.
    """
    vin = _bare(text)
    if not _VIN.match(vin) or len(set(vin)) == 1:
        raise NotVin(_("A chassis number has 17 letters and digits, never I, O or Q."))
    return vin


def normalise_fipe_code(text: str) -> str:
    """'0053406' -> '005340-6'. Raises `NotFipeCode`; the digit itself is not judged, see
    `fipe_digit_fits`."""
    digits = _bare(text)
    if not _FIPE.match(digits):
        raise NotFipeCode(_("A FIPE code has six digits and a check digit, such as 005340-6."))
    return f"{digits[:6]}-{digits[6]}"


def fipe_digit_fits(code: str) -> bool:
    """Whether the last digit of a normalised code is the usual one (modulus 11). That rule was
    inferred from published codes, no official text states it: good for a warning only."""
    rest = sum(int(d) * weight for d, weight in zip(code, _FIPE_WEIGHTS, strict=False)) % 11
    return int(code[-1]) == (0 if rest < 2 else 11 - rest)
