"""`/admin/atendimento/<lead>/email`: a mail to the person, written and sent from the desk."""

from collections.abc import Sequence

from flask import abort, request
from flask_babel import gettext as _
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin.desk.desk import DESK
from admin.door import StaffView, answer, at, done, may, staff
from admin.leads import own_lead
from core.db import db, writing
from core.text import row_number
from dealership.roles import Permission
from leads.desk_mail import NotMailable, Written, prepare, send
from leads.message_templates import MessageTemplate
from leads.stop_list import Channel, Purpose, Stopped, note_stopped


class DeskMail(StaffView):
    """The mail form of a lead's screen."""

    in_menu = False

    @at("/<int:lead_id>/email", Permission.WORK_LEADS, methods=("POST",))
    def send(self, lead_id: int) -> Response | tuple[str, int]:
        """Send what was typed: 303 to the lead, or 422 with the form as it was typed. The same
        form again sends nothing more."""
        lead, here = own_lead(lead_id), f"{DESK}{lead_id}/"
        if lead.owner_id != staff().id and not may(Permission.MANAGE_STAFF, lead.store_id):
            abort(403)
        written = Written(
            subject=request.form.get("assunto", ""),
            text=request.form.get("texto", ""),
            token=request.form.get("id", ""),
            purpose=_purpose(),
        )
        try:
            letter = prepare(lead, written, staff())
            with writing():
                send(lead, letter, staff(), written.purpose)
        except Stopped as error:
            with writing():
                note_stopped(Channel.MAIL, written.purpose, error.verdict)
            return answer(error, here)
        except NotMailable as error:
            page = self.render("admin/desk_mail.html", lead=lead, written=written, problem=error)
            return str(page), 422
        done(_("The mail is on its way. Once their server takes it, it counts as your answer."))
        return redirect(here, code=303)


def _purpose() -> Purpose:
    """What the text that the mail began with is for; an answer without one."""
    row_id = row_number(request.form.get("modelo", ""))
    row = db.session.get(MessageTemplate, row_id) if row_id else None
    is_offer = row is not None and row.purpose == Purpose.MARKETING
    return Purpose.MARKETING if is_offer else Purpose.ANSWER


def views() -> Sequence[StaffView]:
    """The view of this module."""
    return [DeskMail(name="E-mail", url="/admin/atendimento", endpoint="staff_desk_mail")]
