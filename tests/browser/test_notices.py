"""Notices in a real browser: the page says how things stand, and the worker shows what is pushed.

Only the push service itself is stood in for, at the browser's edge: asking it would leave the
machine. What it would bring is handed to the worker by the browser's own tools.
"""

import json

import pytest
from playwright.sync_api import BrowserContext, CDPSession, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

PASSWORD = "vitrine-de-demonstracao"
HERE = "/admin/conta/avisos/"
# The push service's part. A point on P-256 and a secret, as a browser gives them (RFC 8291 § 5).
POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
SERVICE = """
const plain = (text) => atob(text.replace(/-/g, "+").replace(/_/g, "/"));
const octets = (text) => Uint8Array.from(plain(text), (char) => char.charCodeAt(0));
const given = (endpoint) => ({
  endpoint,
  options: { applicationServerKey: octets(localStorage.pushKey).buffer },
  getKey: (name) => octets(name === "auth" ? "BTBZMqHH6r4Tts7J_aSIgg" : "POINT").buffer,
  unsubscribe: async () => { localStorage.removeItem("pushed"); return true; },
});
PushManager.prototype.getSubscription = async () =>
  (localStorage.pushed ? given(localStorage.pushed) : null);
PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
  localStorage.pushKey = btoa(String.fromCharCode(...new Uint8Array(applicationServerKey)));
  localStorage.pushed = "https://push.example.com/browser-" + Math.random();
  return given(localStorage.pushed);
};
""".replace("POINT", POINT)


def sign_in(page: Page) -> None:
    page.goto("/admin/login")
    page.fill("[name=email]", "atendente2@demo.example")
    page.fill("[name=password]", PASSWORD)
    page.click("main form:not([data-passkey]) button[type=submit]")
    page.wait_for_url("**/admin/")
    page.goto(HERE)


def answer_requests(page: Page, permission: str) -> None:
    """The person's answer to the browser's question: nobody is there to give it."""
    page.add_init_script(
        f"Object.defineProperty(Notification, 'permission', {{ get: () => '{permission}' }});"
        f"Notification.requestPermission = async () => '{permission}';"
    )


def deliver(tools: CDPSession, origin: str, number: str, told: dict[str, object]) -> None:
    facts = {"origin": origin, "registrationId": number, "data": json.dumps(told)}
    tools.send("ServiceWorker.deliverPushMessage", facts)


def pushed(
    page: Page, tools: CDPSession, origin: str, number: str, told: dict[str, object]
) -> list[dict[str, str]]:
    """What stands on the screen after the push.

    The browser forgets a notification it is asked about in the instant it draws it, so the
    question waits, and a push that was forgotten is made again, as a push service would.
    """
    for _ in range(10):
        deliver(tools, origin, number, told)
        page.wait_for_timeout(300)
        standing = shown(page)
        if any(one["body"] == told["body"] for one in standing):
            return standing
    return shown(page)


def shown(page: Page) -> list[dict[str, str]]:
    return page.evaluate(
        """async () => {
          const known = await navigator.serviceWorker.getRegistration("/admin/");
          const all = await known.getNotifications();
          return all.map(({ title, body, tag, data }) => ({ title, body, tag, path: data.path }));
        }"""
    )


def test_switched_on_shown_and_switched_off(desk: Page, site: str):
    page, context = desk, desk.context
    context.grant_permissions(["notifications"])
    page.add_init_script(SERVICE)
    sign_in(page)
    expect(page.locator("[data-push-state=off]")).to_be_visible()
    page.get_by_role("button", name="Ligar os avisos aqui").click()
    expect(page.locator("[data-push-state=on]")).to_be_visible()
    expect(page.locator("[data-device]")).to_contain_text("Este navegador")

    tools, number = _worker(context, page)
    told = {"title": "Há um lead na fila", "body": "Onix 2022 · Vendas", "tag": "lead:1"}
    path = "/admin/atendimento/1/"
    assert [one["body"] for one in pushed(page, tools, site, number, {**told, "path": path})] == [
        told["body"]
    ]
    newer = {**told, "body": "Onix · mais nova", "path": path}
    assert pushed(page, tools, site, number, newer) == [newer]  # it took the older one's place

    page.get_by_role("button", name="Remover").click()
    expect(page.locator("[data-push-state=off]")).to_be_visible()
    assert page.locator("[data-device]").count() == 0


def _worker(context: BrowserContext, page: Page) -> tuple[CDPSession, str]:
    """The browser's tools and the number by which they know our worker."""
    tools, numbers = context.new_cdp_session(page), []
    tools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda news: numbers.extend(
            one["registrationId"]
            for one in news["registrations"]
            if one["scopeURL"].endswith("/admin/") and not one["isDeleted"]
        ),
    )
    tools.send("ServiceWorker.enable")
    page.wait_for_function("navigator.serviceWorker.ready.then(() => true)")
    while not numbers:
        page.wait_for_timeout(50)
    return tools, numbers[-1]


def test_what_is_blocked_or_impossible_is_said(desk: Page):
    answer_requests(desk, "denied")
    sign_in(desk)
    expect(desk.locator("[data-push-state=denied]")).to_contain_text("permissões do site")
    expect(desk.get_by_role("button", name="Ligar os avisos aqui")).to_be_hidden()
    desk.add_init_script("delete window.PushManager;")
    desk.reload()
    expect(desk.locator("[data-push-state=unsupported]")).to_be_visible()
    desk.add_init_script(
        "Object.defineProperty(navigator, 'userAgent', { get: () => 'iPhone Safari' });"
    )
    desk.reload()
    expect(desk.locator("[data-push-state=install]")).to_contain_text("Tela de Início")


def test_wishes_and_pause_need_no_script(phone: Page):
    sign_in(phone)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    if not phone.has_script:
        expect(phone.locator("[data-push-state=none]")).to_be_visible()
    box = phone.get_by_label("Um lead espera na minha fila: Aviso")
    was = box.is_checked()
    box.set_checked(not was)
    phone.get_by_role("button", name="Salvar").click()
    expect(phone.get_by_label("Um lead espera na minha fila: Aviso")).to_be_checked(checked=not was)
    phone.get_by_label("Sem avisos até").fill("06:00")
    phone.get_by_role("button", name="Pausar").click()
    expect(phone.locator("#main")).to_contain_text("Seus avisos estão em pausa")
    phone.get_by_role("button", name="Voltar agora").click()
    expect(phone.get_by_label("Sem avisos até")).to_be_visible()
