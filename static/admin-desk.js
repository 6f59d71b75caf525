// The desk by keyboard and thumb: keys, the ring of time, and a note that a way to a person was
// taken. Without this file everything works by tapping, and a contact counts as only said.
(() => {
  "use strict";
  const token = document.querySelector("meta[name=csrf-token]")?.content ?? "";
  const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const handle = (row) => row.querySelector("a, button");

  // ---- keys
  const step = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
    handle(next)?.focus();
    next.scrollIntoView({ block: "nearest" });
  };
  const claim = () => {
    const row = document.activeElement?.closest("[data-row]");
    (row?.querySelector("[data-claim]") ?? document.querySelector("[data-claim]"))?.click();
  };
  const open = (key) => {
    const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!target) return false;
    if (target.tagName === "DETAILS") {
      target.open = true;
      target.querySelector("input:not([type=hidden]), select, textarea")?.focus();
    } else if (target.tagName === "TEXTAREA") target.focus();
    else target.click();
    return true;
  };
  const way = (start) => {
    const link = document.querySelector(`[data-tap] a[href^="${start}"]`);
    link?.click();
    return Boolean(link);
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const done = {
      j: () => step(1), k: () => step(-1), c: claim,
      w: () => way("https://wa.me"), l: () => way("tel:"), e: () => way("mailto:") || open("e"),
    }[event.key];
    if (done ? done() !== false : /^[a-z]$/.test(event.key) && open(event.key)) event.preventDefault();
  });

  // ---- a ready text goes where it is wanted, and leaves what was typed there before it
  for (const chooser of document.querySelectorAll("select[data-fill]")) {
    const field = document.getElementById(chooser.dataset.fill);
    chooser.form.querySelector("button").hidden = true;
    chooser.addEventListener("change", () => {
      const text = chooser.selectedOptions[0].dataset.text;
      if (!text) return;
      const ready = [...chooser.options].map((one) => one.dataset.text);
      const typed = ready.includes(field.value) ? "" : field.value.trimEnd();
      field.value = typed ? `${typed}\n\n${text}` : text;
      field.focus();
    });
  }

  // ---- a way was taken: noted before the other program opens
  const CHANNELS = { "https:": "whatsapp", "tel:": "phone", "mailto:": "mail" };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-tap] a[href]");
    const channel = link && CHANNELS[new URL(link.href).protocol];
    if (!channel) return;
    const body = new URLSearchParams({ canal: channel });
    fetch(link.closest("[data-tap]").dataset.tap, {
      method: "POST", body, keepalive: true, headers: { "X-CSRF-Token": token },
    }).catch(() => {});
    document.querySelectorAll(".outcomes input[name=canal]").forEach((one) => { one.value = channel; });
  });

  // ---- the ring goes on while nobody reloads
  const format = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "always" });
  const told = (seconds) => {
    const [size, unit] = Math.abs(seconds) < 3600 ? [60, "minute"] : Math.abs(seconds) < 86400 ? [3600, "hour"] : [86400, "day"];
    return format.format(Math.trunc(seconds / size) || (seconds < 0 ? -1 : 1), unit);
  };
  const turn = () => {
    for (const ring of document.querySelectorAll(".ring[data-due]")) {
      const due = Date.parse(ring.dataset.due), began = Date.parse(ring.dataset.began);
      const gone = (Date.now() - began) / Math.max(due - began, 60000);
      ring.classList.toggle("late", gone >= 1);
      ring.classList.toggle("soon", gone >= 0.8 && gone < 1 && due - Date.now() < 3600000);
      ring.querySelector(".ring-left").setAttribute("stroke-dasharray", `${Math.max(0, Math.round(100 * (1 - gone)))} 100`);
      ring.querySelector(".ring-words").textContent = told((due - Date.now()) / 1000);
    }
  };
  setInterval(turn, 15000);
  document.addEventListener("live:swapped", turn);
})();
