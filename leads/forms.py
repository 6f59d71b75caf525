"""What buyers may ask, one class per form. Name and phone first; the rest is asked later.

A class says what it is for (`kind`), where its leads go (`department`) and whether it opens one.
Fields speak pt-BR in the post because the addresses do; everything else here is English.
"""

import hashlib
import json
import secrets
import uuid
from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar, Final, Self
from urllib.parse import parse_qsl, unquote_to_bytes

from flask import Request
from flask_babel import lazy_gettext as _l
from itsdangerous import BadData, TimestampSigner
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from wtforms import (
    BooleanField,
    Form,
    HiddenField,
    MultipleFileField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.validators import Email, InputRequired, Length, Optional

from core.clock import now
from core.config import current
from core.money import NotMoney, format_brl, parse_brl
from core.text import NotKilometres, NotPhone, clean_line, clean_text, parse_km, parse_phone
from leads.proof import challenge

MOST_BODY_BYTES: Final = 1024 * 1024  # of a form without files
MOST_PARTS: Final = 60
MOST_PHOTOS: Final = 8
PHOTO_BYTES_MAX: Final = 12 * 1024 * 1024
# Photos a little too heavy still come in, to be refused one by one instead of all together.
MOST_UPLOAD_BYTES: Final = MOST_BODY_BYTES + MOST_PHOTOS * (PHOTO_BYTES_MAX + 4 * 1024 * 1024)
# Hidden from people and offered by no browser's autofill; only machines fill it in.
HONEYPOT: Final = "confirme_assunto"
STAMP_MAX_AGE_SECONDS: Final = 30 * 24 * 3600
INTERNAL: Final = frozenset(
    {"submission_id", HONEYPOT, "carimbo", "origem", "texto", "prova", "enviar"}
)
INCOMPLETE_EMAIL: Final = _l("This e-mail looks incomplete. It has the form name@example.com.")
_WITH_CHOICES: Final = frozenset({"RadioField", "SelectField"})
Typed = MultiDict[str, str]


class LeadForm(Form):
    """Who is asking, and how to answer. The base of every public form."""

    kind: ClassVar[str] = "contact"
    source: ClassVar[str] = "form:contato"
    department: ClassVar[str] = "sales"
    opens_lead: ClassVar[bool] = True
    # Fields drawn first, in order; the rest of a class's fields follow.
    order: ClassVar[tuple[str, ...]] = ("nome", "telefone", "email", "mensagem")

    nome = StringField(
        _l("Your name"),
        [
            InputRequired(_l("Type your name.")),
            Length(max=120, message=_l("This is too long: use at most 120 characters.")),
        ],
        render_kw={"autocomplete": "name", "autocapitalize": "words"},
    )
    telefone = StringField(
        _l("WhatsApp or phone"),
        [Length(max=40, message=_l("This is too long: type one number with area code."))],
        description=_l("With area code, such as (11) 98765-4321"),
        render_kw={"type": "tel", "autocomplete": "tel", "inputmode": "tel"},
    )
    email = StringField(
        _l("E-mail"),
        [
            Optional(),
            Length(max=254, message=_l("This address is too long.")),
            Email(message=INCOMPLETE_EMAIL, granular_message=False),
        ],
        render_kw={"type": "email", "autocomplete": "email", "inputmode": "email"},
    )
    mensagem = TextAreaField(
        _l("Message"),
        [Length(max=4000, message=_l("This is too long: use at most 4,000 characters."))],
        render_kw={"rows": 3},
    )
    consentimento = BooleanField(_l("I want to receive news and offers"))
    submission_id = HiddenField()
    carimbo = HiddenField()  # when the page was drawn, signed
    origem = HiddenField()  # first and last touch, filled in by the script
    texto = HiddenField()  # which wording of the consent was shown
    prova = HiddenField()  # proof of work, where the dealer asks for one

    too_large = False
    was_posted = False
    unknown: tuple[str, ...] = ()

    @classmethod
    def blank(cls, **values: Any) -> Self:
        """The form of a freshly drawn page, with what is known already as `values`."""
        form = cls(data=values)
        form.submission_id.data, form.carimbo.data = new_marks()
        return form

    @classmethod
    def posted(cls, request: Request, *, most_bytes: int = MOST_BODY_BYTES) -> Self:
        """The form as `request` filled it in. A body that is too large, or in too many parts, is
        an empty form that says so."""
        with_files = request.mimetype == "multipart/form-data"
        request.max_content_length = most_bytes if with_files else MOST_BODY_BYTES
        request.max_form_memory_size = MOST_BODY_BYTES
        request.max_form_parts = MOST_PARTS
        try:
            typed = typed_in(request)
        except RequestEntityTooLarge:
            form = cls.blank()
            form.too_large = True
            return form
        form = cls(typed)
        form.was_posted = True
        form.unknown = tuple(key for key in typed if key not in form._fields and key != HONEYPOT)
        form._honeypot = typed.get(HONEYPOT, "")
        return form

    _honeypot = ""

    @property
    def honeypot(self) -> str:
        return self._honeypot

    @property
    def filled_in_seconds(self) -> float | None:
        """How long the page was open; None without an honest stamp."""
        try:
            _value, drawn = _signer().unsign(
                self.carimbo.data or "", max_age=STAMP_MAX_AGE_SECONDS, return_timestamp=True
            )
        except BadData:
            return None
        return float((now() - drawn).total_seconds())

    @property
    def is_untouched(self) -> bool:
        """Whether all that can be seen of it is what its class says: nothing is filled in, chosen
        from a list of this page's own, or wrong. Then everybody gets the same but for the marks."""
        return not (
            self.was_posted
            or self.too_large
            or any(
                field.errors
                or (field.data and field.type != "HiddenField")
                or field.type in _WITH_CHOICES
                for field in self._fields.values()
            )
        )

    @property
    def first_error(self) -> str:
        """The name of the first wrong field that can be seen, in the order drawn; or empty."""
        rest = [name for name in self._fields if name not in self.order]
        wrong = (name for name in (*self.order, *rest) if self._fields[name].errors)
        return next((name for name in wrong if self._fields[name].type != "HiddenField"), "")

    @property
    def hidden_errors(self) -> list[str]:
        """What is wrong with fields that nobody sees, in words to say above the form."""
        return [
            str(field.errors[0])
            for field in self._fields.values()
            if field.type == "HiddenField" and field.errors
        ]

    @property
    def puzzle(self) -> str:
        """The proof of work that the page asks for, as JSON; empty where none is asked."""
        return json.dumps(challenge()) if current().proof_of_work else ""

    def redraw(self) -> None:
        """Ready the refused form for another try: a new stamp, the same submission id."""
        _number, self.carimbo.data = new_marks()

    @property
    def fields(self) -> dict[str, str]:
        """Everything typed, as typed but for control characters; what the submission keeps."""
        return {
            name: clean_text(str(field.raw_data[0]), 20_000)
            for name, field in self._fields.items()
            if name not in INTERNAL and field.raw_data
        }

    @property
    def phone(self) -> str:
        """E.164, or empty. A mobile typed without its ninth digit, as people who learned it
        before 2016 do, can only mean one number: it is taken, not sent back."""
        phone, problem = self._parsed_phone
        return phone or (problem and problem.suggestion) or ""

    @cached_property
    def _parsed_phone(self) -> tuple[str, NotPhone | None]:
        try:
            return (parse_phone(self.telefone.data) if self.telefone.data else ""), None
        except NotPhone as error:
            return "", error

    def details(self) -> dict[str, Any]:
        """What this kind of form asks beyond the common fields, as plain values."""
        return {}

    def validate_nome(self, field: StringField) -> None:
        field.data = clean_line(field.data or "", MOST_BODY_BYTES)
        if not field.data:
            raise ValidationError(_l("Type your name."))

    def validate_telefone(self, field: StringField) -> None:
        field.data = clean_line(field.data or "", MOST_BODY_BYTES)
        if not field.data:
            if not (self.email.data or "").strip():
                if "email" in self.order:
                    raise ValidationError(_l("Type a phone with area code, or an e-mail below."))
                raise ValidationError(_l("Type a phone with area code."))
            return
        _phone, problem = self._parsed_phone
        if problem and problem.suggestion is None:
            raise ValidationError(str(problem))

    def validate_email(self, field: StringField) -> None:
        field.data = clean_line(field.data or "", MOST_BODY_BYTES)

    def validate_mensagem(self, field: TextAreaField) -> None:
        field.data = clean_text(field.data or "", MOST_BODY_BYTES)


def new_marks() -> tuple[str, str]:
    """What each form that is given away has of its own: a submission id, and the moment, signed."""
    number = uuid.UUID(bytes=secrets.token_bytes(16), version=4)
    return str(number), _signer().sign(b"").decode()


def _signer() -> TimestampSigner:
    return TimestampSigner(current().secret_key, salt="form-stamp")


def typed_in(request: Request) -> Typed:
    """The fields of the post. Old pages and robots send Latin-1: read as such instead of losing
    the accents of a name. Raises RequestEntityTooLarge."""
    if request.mimetype == "application/x-www-form-urlencoded":
        body = request.get_data(cache=True)
        if not _is_utf8(body):
            return MultiDict(_parse_latin(body))
    return request.form


def _is_utf8(body: bytes) -> bool:
    try:
        unquote_to_bytes(body).decode()
    except UnicodeDecodeError:
        return False
    return True


def _parse_latin(body: bytes) -> Iterable[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("cp1252", "replace"),
            keep_blank_values=True,
            encoding="cp1252",
            errors="replace",
            max_num_fields=MOST_PARTS,
        )
    except ValueError:  # too many of them
        raise RequestEntityTooLarge from None


def _chosen(field: SelectField | RadioField) -> str:
    """What was chosen; empty for anything that was not on offer."""
    value = field.data or ""
    return value if value in [option.data for option in field] else ""


class ContactForm(LeadForm):
    """`/contato`: anything, to one store where the link came from its page."""

    loja = HiddenField()

    def details(self) -> dict[str, Any]:
        store = clean_line(self.loja.data or "", 80)
        return {"store": store} if store else {}


class InterestForm(LeadForm):
    """On an offer's page: a proposal for that car."""

    kind = "interest"
    source = "form:oferta"
    order = ("nome", "telefone", "mensagem")


class LineForm(LeadForm):
    """On the page of a car that is held: a place in its line."""

    kind = "line"
    source = "form:fila"
    order = ("nome", "telefone", "email")


class CallBackForm(LeadForm):
    """Call me back, at a time of the day that suits."""

    kind = "call_back"
    source = "form:ligacao"
    order = ("nome", "telefone", "quando")

    quando = SelectField(
        _l("When may we call?"),
        choices=[
            SelectChoice("", _l("As soon as possible")),
            SelectChoice("morning", _l("In the morning")),
            SelectChoice("afternoon", _l("In the afternoon")),
            SelectChoice("evening", _l("In the early evening")),
        ],
        default="",
        validate_choice=False,
    )

    def validate_telefone(self, field: StringField) -> None:
        if not (field.data or "").strip():
            raise ValidationError(_l("Type the number we should call."))
        super().validate_telefone(field)

    def details(self) -> dict[str, Any]:
        return {"when": when} if (when := _chosen(self.quando)) else {}


class _BookingForm(LeadForm):
    """A time in a store. The page draws the times; who finds none that suits sends the form
    without one and is called."""

    loja = HiddenField()
    horario = RadioField(_l("Day and time"), choices=[], validate_choice=False)
    slot_problem = ""  # why the time that was chosen cannot be had

    def validate_horario(self, _field: RadioField) -> None:
        if self.slot_problem:
            raise ValidationError(self.slot_problem)

    def details(self) -> dict[str, Any]:
        return {
            "store": clean_line(self.loja.data or "", 80),
            "slot": clean_line(self.horario.data or "", 20),
        }


class TestDriveForm(_BookingForm):
    """`/test-drive`: this car, in that store, at that time."""

    __test__ = False  # not a test, whatever pytest thinks
    kind = "test_drive"
    source = "form:test-drive"
    order = ("nome", "telefone", "email", "veiculo")

    veiculo = StringField(
        _l("Which car?"),
        [Length(max=120, message=_l("Use at most 120 characters."))],
        description=_l("Model and year, or what you are looking for"),
    )
    oferta = HiddenField()

    def details(self) -> dict[str, Any]:
        wish = {"car": clean_line(self.veiculo.data, 120)} if self.veiculo.data else {}
        return {**super().details(), **wish}


class ServiceForm(_BookingForm):
    """`/pos-venda`: the workshop."""

    kind = "service"
    source = "form:pos-venda"
    department = "service"
    order = ("nome", "telefone", "servico", "carro", "placa", "mensagem")

    servico = SelectField(
        _l("What do you need?"),
        choices=[
            SelectChoice("inspection", _l("Periodic inspection")),
            SelectChoice("repair", _l("Repair or noise")),
            SelectChoice("tyres", _l("Tyres and alignment")),
            SelectChoice("recall", _l("Recall")),
            SelectChoice("parts", _l("Parts and accessories")),
            SelectChoice("other", _l("Something else")),
        ],
        validate_choice=False,
    )
    carro = StringField(
        _l("Your car"),
        [Length(max=120, message=_l("Use at most 120 characters."))],
        description=_l("Model and year, such as Onix 2021"),
    )
    placa = StringField(
        _l("Plate (optional)"),
        [Length(max=10, message=_l("A plate has seven letters and digits."))],
        render_kw={"autocapitalize": "characters"},
    )

    def details(self) -> dict[str, Any]:
        return {
            **super().details(),
            "service": _chosen(self.servico),
            "car": clean_line(self.carro.data or "", 120),
            "plate": clean_line(self.placa.data or "", 10).upper(),
        }


def _digest(file: FileStorage) -> str:
    """The first half of the SHA-256 of an upload, read in pieces and wound back."""
    digest = hashlib.sha256()
    while piece := file.stream.read(1 << 20):
        digest.update(piece)
    file.stream.seek(0)
    return digest.hexdigest()[:32]


class TradeInForm(LeadForm):
    """`/avaliacao`: the car they have."""

    kind = "trade_in"
    source = "form:avaliacao"
    order = ("nome", "telefone", "marca", "modelo", "ano", "km", "cor", "valor")

    marca = StringField(
        _l("Make"),
        [InputRequired(_l("Type the make.")), Length(max=60, message=_l("This is too long."))],
    )
    modelo = StringField(
        _l("Model and version"),
        [InputRequired(_l("Type the model.")), Length(max=120, message=_l("This is too long."))],
        description=_l("Such as Onix 1.0 LT"),
    )
    ano = StringField(
        _l("Model year"),
        [InputRequired(_l("Type the year, such as 2019."))],
        render_kw={"inputmode": "numeric"},
    )
    km = StringField(_l("Mileage (optional)"), render_kw={"inputmode": "numeric"})
    cor = StringField(_l("Colour (optional)"), [Length(max=40, message=_l("This is too long."))])
    valor = StringField(
        _l("How much do you expect for it? (optional)"), render_kw={"inputmode": "numeric"}
    )
    fotos = MultipleFileField(
        _l("Photos (optional)"),
        description=_l("Up to 8: outside, inside, the dashboard with the km, any damage"),
        # By name: iPhones then send their HEIC photos as JPEG, which everybody can read.
        render_kw={"accept": "image/jpeg,image/png,image/webp"},
    )
    oferta = HiddenField()
    uploads: tuple[FileStorage, ...] = ()

    @classmethod
    def posted(cls, request: Request, *, most_bytes: int = MOST_UPLOAD_BYTES) -> Self:
        """As `LeadForm.posted`, with the photos in `uploads`, those without a name left out: that
        is how a browser sends an empty field."""
        form = super().posted(request, most_bytes=most_bytes)
        if not form.too_large:
            form.uploads = tuple(file for file in request.files.getlist("fotos") if file.filename)
        return form

    @property
    def fields(self) -> dict[str, str]:
        """With the photos' digests: the same words with other photos are not a repeat."""
        digests = " ".join(_digest(file) for file in self.uploads[:MOST_PHOTOS])
        return {**super().fields, **({"fotos": digests} if digests else {})}

    def validate_ano(self, field: StringField) -> None:
        text = clean_line(field.data or "", 12).rpartition("/")[2].strip()
        if not (text.isascii() and text.isdigit() and 1930 <= int(text) <= now().year + 1):
            raise ValidationError(_l("Type the model year with four digits, such as 2019."))
        field.data = text

    def validate_km(self, field: StringField) -> None:
        if text := (field.data or "").strip():
            try:
                parse_km(text)
            except NotKilometres as error:
                raise ValidationError(str(error)) from None

    def validate_valor(self, field: StringField) -> None:
        if text := (field.data or "").strip():
            try:
                parse_brl(text)
            except NotMoney as error:
                raise ValidationError(str(error)) from None

    def details(self) -> dict[str, Any]:
        return {
            "make": clean_line(self.marca.data or "", 60),
            "model": clean_line(self.modelo.data or "", 120),
            "model_year": int(self.ano.data or 0),
            "mileage_km": parse_km(text) if (text := (self.km.data or "").strip()) else None,
            "color": clean_line(self.cor.data or "", 40),
            "expected_cents": parse_brl(text)
            if (text := (self.valor.data or "").strip())
            else None,
        }


class FinancingForm(LeadForm):
    """`/financiamento`: a simulation somebody wants to take further. Amounts in reais as typed;
    the page recomputes the simulation and hands it over as details."""

    kind = "financing"
    source = "form:financiamento"
    order = ("nome", "telefone")

    preco = HiddenField()
    entrada = HiddenField()
    prazo = HiddenField()
    oferta = HiddenField()
    problem = ""  # why these numbers cannot be financed

    def validate_entrada(self, _field: HiddenField) -> None:
        if self.problem:
            raise ValidationError(self.problem)


class _MailForm(LeadForm):
    """Something to be told by e-mail: the address is all it takes."""

    opens_lead = False
    order = ("email",)

    nome = StringField(
        _l("Your name"),
        [Length(max=120, message=_l("This is too long: use at most 120 characters."))],
        render_kw={"autocomplete": "name", "autocapitalize": "words"},
    )
    email = StringField(
        _l("E-mail"),
        [
            InputRequired(_l("Type your e-mail.")),
            Length(max=254, message=_l("This address is too long.")),
            Email(message=INCOMPLETE_EMAIL, granular_message=False),
        ],
        render_kw={"type": "email", "autocomplete": "email", "inputmode": "email"},
    )

    def validate_nome(self, field: StringField) -> None:
        field.data = clean_line(field.data or "", 10_000)

    def validate_telefone(self, field: StringField) -> None:
        if (field.data or "").strip():
            super().validate_telefone(field)


class PriceAlertForm(_MailForm):
    """Tell me when this car gets cheaper."""

    kind = "price_alert"
    source = "form:alerta"


class NewsletterForm(_MailForm):
    """News and offers by e-mail, confirmed by mail before the first one."""

    kind = "newsletter"
    source = "form:newsletter"


class DetailsForm(LeadForm):
    """After the lead is safe: what helps to answer it. Nothing is required."""

    kind = "details"
    source = "form:detalhes"
    order = ("email", "prazo", "pagamento", "troca", "mensagem")

    prazo = RadioField(
        _l("When do you want to buy?"),
        choices=[
            SelectChoice("week", _l("This week")),
            SelectChoice("month", _l("This month")),
            SelectChoice("later", _l("Later")),
        ],
        validate_choice=False,
    )
    pagamento = RadioField(
        _l("How do you want to pay?"),
        choices=[
            SelectChoice("cash", _l("Cash")),
            SelectChoice("financing", _l("Financing")),
            SelectChoice("consortium", _l("Consortium letter")),
        ],
        validate_choice=False,
    )
    troca = StringField(
        _l("Do you have a car to trade in?"),
        [Length(max=120, message=_l("Use at most 120 characters."))],
        description=_l("Model and year, such as Onix 2021"),
    )

    def validate_nome(self, field: StringField) -> None:
        field.data = clean_line(field.data or "", 120)

    def validate_telefone(self, field: StringField) -> None:
        field.data = clean_line(field.data or "", 40)

    def details(self) -> dict[str, Any]:
        given = {
            "when": _chosen(self.prazo),
            "payment": _chosen(self.pagamento),
            "trade_in": clean_line(self.troca.data or "", 120),
        }
        return {key: value for key, value in given.items() if value}


# Names have no validator but InputRequired by default; details ask for none.
DetailsForm.nome = StringField(_l("Your name"), [Length(max=120)])


def amount_text(cents: int) -> str:
    """ "16.000": an amount as people type it, without the currency."""
    return format_brl(cents).removeprefix("R$\xa0")


FORMS: Final = {
    form.kind: form
    for form in (
        ContactForm,
        InterestForm,
        LineForm,
        CallBackForm,
        TestDriveForm,
        ServiceForm,
        TradeInForm,
        FinancingForm,
        PriceAlertForm,
        NewsletterForm,
        DetailsForm,
    )
}
