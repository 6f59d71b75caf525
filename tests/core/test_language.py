"""The reader's language: what the library says, and templates that follow it."""

import contextvars

from flask import render_template_string
from flask_babel import force_locale, get_locale

from core.language import locale_name, reader_locale


def test_outside_of_an_application_there_is_none():
    assert contextvars.Context().run(reader_locale) is None


def test_it_is_what_the_library_says(app):
    with app.test_request_context("/"):
        assert reader_locale() == get_locale()
        assert locale_name() == "pt_BR"
        with force_locale("en"):
            assert reader_locale() == get_locale()
            assert locale_name() == "en"
        assert locale_name() == "pt_BR"


def test_a_template_speaks_the_language_of_the_moment(app):
    text = (
        "{{ _('Price') }} {{ _('Price') }} {{ ngettext('%(num)s vehicle', '%(num)s vehicles', 2) }}"
    )
    with app.test_request_context("/"):
        assert render_template_string(text) == "Preço Preço 2 veículos"
        with force_locale("en"):
            assert render_template_string(text) == "Price Price 2 vehicles"
        assert render_template_string(text) == "Preço Preço 2 veículos"
