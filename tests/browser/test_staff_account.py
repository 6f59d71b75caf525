"""A passkey made on a phone and used there, with the browser's own authenticator in software."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

PASSWORD = "vitrine-de-demonstracao"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_is_made_signs_in_and_is_removed(scripted_phone: Page, site: str):
    page = scripted_phone
    here = site.replace("127.0.0.1", "localhost")  # no passkey is made for a bare number
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    number = device.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})

    page.goto(f"{here}/admin/login")
    page.fill("[name=email]", "vendedor@demo.example")
    page.fill("[name=password]", PASSWORD)
    page.click("main form:not([data-passkey]) button[type=submit]")
    page.wait_for_url("**/admin/")
    page.goto(f"{here}/admin/conta/")
    page.get_by_text("Criar uma chave de acesso neste aparelho").click()
    page.fill("#passkey-name", "Celular do pátio")
    page.fill("#passkey-current", "errada")
    page.click("form[data-passkey] button")
    expect(page.locator("[data-passkey-problem]")).to_contain_text("senha")
    page.fill("#passkey-current", PASSWORD)
    page.click("form[data-passkey] button")
    expect(page.locator("h1")).to_have_text("Seus códigos de recuperação")
    page.goto(f"{here}/admin/conta/")
    expect(page.locator(".passkeys")).to_contain_text("Celular do pátio")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.context.clear_cookies()

    # Nothing typed; then with the device refusing, the page says so and the password is there.
    page.goto(f"{here}/admin/login")
    set_verified = {"authenticatorId": number["authenticatorId"], "isUserVerified": False}
    device.send("WebAuthn.setUserVerified", set_verified)
    page.click("form[data-passkey] button")
    expect(page.locator("[data-passkey-problem]")).to_contain_text("não respondeu")
    device.send("WebAuthn.setUserVerified", set_verified | {"isUserVerified": True})
    page.click("form[data-passkey] button")
    page.wait_for_url("**/admin/")

    page.goto(f"{here}/admin/conta/")
    page.locator(".passkeys summary").click()
    page.fill(".passkeys input[name=current]", PASSWORD)
    page.click(".passkeys button.bad")
    expect(page.locator(".passkeys")).to_have_count(0)
