// Switches notices on in this browser and says truthfully how things stand. Without this file the
// page tells that it needs it; wishes, pause and the list of devices work all the same.
(() => {
  "use strict";
  const panel = document.querySelector("[data-push]");
  if (!panel) return;
  const { post } = window.vitrineStaff;
  const button = panel.querySelector("[data-push-on]");
  const problem = panel.querySelector("[data-push-problem]");
  const say = (words) => { problem.hidden = !words; problem.textContent = words; };
  const show = (state) => {
    for (const one of panel.querySelectorAll("[data-push-state]")) one.hidden = one.dataset.pushState !== state;
    button.hidden = state !== "off";
  };

  // An iPhone shows notices of what was put on its home screen, and of nothing else.
  const isApple = /iPhone|iPad/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);
  const isInstalled = matchMedia("(display-mode: standalone)").matches || navigator.standalone === true;
  const isAble = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  if (!isAble) { show(isApple && !isInstalled ? "install" : "unsupported"); return; }

  const octets = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const digest = async (words) => [...new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(words)))]
    .map((octet) => octet.toString(16).padStart(2, "0")).join("");
  const worker = async () => {
    await navigator.serviceWorker.register(panel.dataset.push, { scope: "/admin/", updateViaCache: "none" });
    return navigator.serviceWorker.ready;
  };

  const subscribed = async (key) => {
    const { pushManager } = await worker();
    const present = await pushManager.getSubscription();
    if (present && text(present.options.applicationServerKey ?? new ArrayBuffer(0)) === key) return present;
    await present?.unsubscribe();
    return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: octets(key) });
  };
  const switchOn = async () => {
    const { key } = await (await post(panel.dataset.pushKey)).json();
    const given = await subscribed(key);
    const form = new FormData();
    form.append("endpoint", given.endpoint);
    form.append("p256dh", text(given.getKey("p256dh")));
    form.append("auth", text(given.getKey("auth")));
    form.append("chave", key);
    const answer = await post(panel.dataset.pushAdd, form);
    const told = await answer.json();
    if (!answer.ok) { say(told.problem); return; }
    location.reload();
  };

  button.querySelector("button").addEventListener("click", async ({ currentTarget }) => {
    say("");
    currentTarget.disabled = true;
    try {
      const permission = await Notification.requestPermission();
      if (permission === "granted") await switchOn(); else if (permission === "denied") show("denied");
    } catch {
      say(panel.dataset.pushFailed);  // no push service to be reached, a private window, offline
    }
    currentTarget.disabled = false;
  });

  const look = async () => {
    if (Notification.permission === "denied") { show("denied"); return; }
    const known = await navigator.serviceWorker.getRegistration("/admin/");
    const given = await known?.pushManager.getSubscription();
    const mark = given ? await digest(given.endpoint) : "";
    const mine = [...document.querySelectorAll("[data-device]")].find((one) => one.dataset.device === mark);
    const isOn = Boolean(mine) && Notification.permission === "granted";
    show(isOn ? "on" : "off");
    if (!isOn) return;
    mine.querySelector("[data-device-here]").hidden = false;
    known.update().catch(() => {});
    // The site has a new key since: this browser takes it without being asked.
    if ("deviceStale" in mine.dataset) switchOn().catch(() => say(panel.dataset.pushFailed));
  };
  look().catch(() => show("off"));
})();
