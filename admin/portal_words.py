"""What staff read about other systems: what each key is, and how to connect the two sides."""

from collections.abc import Mapping, Sequence
from typing import Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from integrators.accounts import Account

# What a kind of account is called where its own name is no brand.
KIND_LABELS: Final[Mapping[str, str]] = {
    "telephony": _l("Telephone (Twilio and the like)"),
    "mailbox": _l("Mailbox"),
    "generic": _l("Another system"),
    "webmotors": _l("Webmotors (on trial)"),
}
# What each thing an account is told is called on a screen, by its key.
KEY_LABELS: Final[Mapping[str, str]] = {
    "client_id": _l("Id of the application"),
    "client_secret": _l("Secret of the application"),
    "refresh_token": _l("Refresh token"),
    "user_id": _l("Number of the seller"),
    "access_token": _l("Integration token"),
    "lead_token": _l("Token of the leads"),
    "email": _l("E-mail of the account"),
    "username": _l("User"),
    "password": _l("Password"),
    "cnpj": _l("CNPJ of the store there"),
    "app_secret": _l("Secret of the application"),
    "verify_token": _l("Verification word"),
    "page_token": _l("Token of the page"),
    "form_ids": _l("Numbers of the forms"),
    "auth_token": _l("Token"),
    "forward_to": _l("Number that rings"),
    "greeting": _l("Greeting"),
    "ring_seconds": _l("How many seconds it rings"),
    "tracking": _l("Numbers by source"),
    "host": _l("Mail server (POP3)"),
    "port": _l("Port"),
    "security": _l("Encryption"),
    "delete": _l("Delete what was read"),
    "secret": _l("Secret of the signature"),
    "chassis": _l("Feeds with the whole chassis number"),
    "stock_password": _l("Password of the stock user"),
    "modality": _l("Number of the kind of ad"),
    "exclusion_reason": _l("Number of the reason for taking ads down"),
}
KEY_HINTS: Final[Mapping[str, str]] = {
    "lead_token": _l("Posts are checked against it when it is set."),
    "cnpj": _l("Posts are checked against it when it is set."),
    "verify_token": _l("Any word of yours; type the same one on the other side."),
    "form_ids": _l("Parted by commas. Their leads are asked for every 15 minutes."),
    "forward_to": _l("With country code, like +5511999990000."),
    "greeting": _l("What the caller hears first."),
    "ring_seconds": _l("20 when empty."),
    "tracking": _l("Like +551133330000:fachada, +551133330001:google."),
    "port": _l("995 when empty."),
    "security": _l("Empty for encrypted; none only for a server on your own network."),
    "delete": _l("1 to delete messages once they are stored; empty to leave them."),
    "secret": _l("Any long word of yours; the other side signs with it."),
    "stock_password": _l("Only where it is another one than the password above."),
    "modality": _l("Empty for the largest of your contract that takes photos."),
    "exclusion_reason": _l("1, sold, when empty."),
    "chassis": _l(
        "1 to allow it: Google's vehicle feed demands it. Give that address to nobody else."
    ),
}
ABOUT: Final[Mapping[str, str]] = {
    "mercadolivre": _l("Advertises your cars and brings leads and questions."),
    "olx": _l("Advertises your cars and brings leads and chat messages."),
    "chavesnamao": _l("Advertises your cars and brings the leads."),
    "webmotors": _l(
        "Advertises your cars and brings the leads. Not tried against the real service yet."
    ),
    "meta": _l("Forms on Facebook and Instagram."),
    "whatsapp": _l("Messages to your business number."),
    "telephony": _l("Calls, answered or missed, by number."),
    "adf": _l("Any portal that sends ADF/XML."),
    "mailbox": _l("Leads that portals send by e-mail."),
    "generic": _l(
        "Your own site, a form, an automation. It also gives feeds of your stock to portals."
    ),
}
_TO_ADVERTISE: Final = _l("To advertise, open “Ads” here and touch “Start advertising”.")
# What to do on the other side, in order. The address stands above them on the screen.
STEPS: Final[Mapping[str, Sequence[str]]] = {
    "mercadolivre": (
        _l("Open your application in the developers' area of Mercado Livre."),
        _l("Paste the address as the callback for notifications."),
        _l("Switch on the topic vis_leads (or questions, not both)."),
        _l("Use this refresh token nowhere else: each one works once."),
        _TO_ADVERTISE,
    ),
    "olx": (
        _l("Ask OLX's integration support to register the address for your leads."),
        _l("Give them the token of the leads, if you typed one here."),
        _l("The same address takes the chat messages."),
        _TO_ADVERTISE,
    ),
    "chavesnamao": (
        _l("Send the address to Chaves na Mão's support, with the e-mail of your account."),
        _l("Their posts carry your integration token: type the same one here."),
        _TO_ADVERTISE,
    ),
    "webmotors": (
        _l("Send the address to your contact at Webmotors."),
        _l("Until the credentials are here, what arrives is kept and waits."),
        _l("For ads, ask them to let this server's address in, and type the stock user's data."),
        _TO_ADVERTISE,
    ),
    "meta": (
        _l("In your application at Meta, open Webhooks, Page."),
        _l("Paste the address as callback and type the verification word."),
        _l("Subscribe to leadgen and connect your page."),
    ),
    "whatsapp": (
        _l("In your application at Meta, open WhatsApp, Configuration."),
        _l("Paste the address as callback and type the verification word."),
        _l("Subscribe to messages."),
    ),
    "telephony": (
        _l("In the telephone service, open the number that buyers call."),
        _l("Paste the address for incoming calls and for the status of calls."),
        _l("Call the number once: it shows here as a lead."),
    ),
    "adf": (
        _l("Give the address to the portal, for posts of ADF/XML."),
        _l("If it asks for user and password, use those typed here."),
    ),
    "mailbox": (
        _l("In the portal, let leads go to this mailbox."),
        _l("New messages are read every 15 minutes."),
        _l("The address above is only for mail servers that post messages themselves."),
    ),
    "generic": (
        _l("Post JSON or form fields to the address: nome, telefone, email, mensagem, veiculo."),
        _l("Send an id of your own with each lead: the same id is taken once."),
        _l("If you typed a secret, sign each post as docs/webhooks.md says."),
        _l("To advertise, give the portal the address of the feed that stands under “Feed”."),
    ),
}
REASONS: Final[Mapping[str, str]] = {
    "secrets cannot be opened": _l("Our copy of the secrets cannot be opened. Type them again."),
    "no signature": _l("The signature is missing. Was the secret typed on the other side?"),
    "signature does not match": _l("The signature does not fit: the two secrets differ."),
    "signature too old": _l("The signature is too old: check the clock of the other side."),
    "token does not match": _l("The token does not fit: the two sides have different ones."),
}
NOT_PROVEN: Final = _l("It did not prove that it comes from there.")


def lacking(account: Account) -> str:
    """What must still be told to the account before ads can go there, in words; "" if nothing."""
    if account.kind == "olx" and not account.get("access_token"):
        return _("No ad can go to OLX yet: type the integration token, or the id and secret of the "
                 "application and sign in there.")  # fmt: skip
    has_password = account.get("stock_password") or account.get("password")
    if account.kind == "webmotors" and not (account.get("email") and has_password):
        return _("No ad can go to Webmotors yet: type the e-mail and the password of the stock "
                 "user.")  # fmt: skip
    return ""
