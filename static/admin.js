// The staff door works without this file; it asks before, searches sooner and guards what is typed.
(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const words = one("template[data-words]")?.dataset ?? {};
  const token = one("meta[name=csrf-token]")?.content ?? "";

  // ---- asking before: a form with data-confirm; without this file the server asks
  const dialog = one("[data-confirm-dialog]");
  let asked = null;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    const text = button?.dataset.confirm || form.dataset.confirm;
    if (!text || form.dataset.confirmed || !dialog) return;
    event.preventDefault();
    asked = { form, button };
    one("[data-confirm-words]", dialog).textContent = text;
    one("[data-confirm-yes]", dialog).disabled = false;
    dialog.showModal();
  }, true);
  if (dialog) {
    one("[data-confirm-no]", dialog).addEventListener("click", () => dialog.close());
    one("[data-confirm-yes]", dialog).addEventListener("click", (event) => {
      // It stays a moment: the second click of a double one must not fall on what lies behind it.
      event.target.disabled = true;
      setTimeout(() => dialog.close(), 600);
      const { form, button } = asked;
      const yes = document.createElement("input");
      yes.type = "hidden"; yes.name = "confirmado"; yes.value = "1";
      form.append(yes);
      form.dataset.confirmed = "1";
      form.requestSubmit(button ?? undefined);
    });
  }

  // ---- a form that was sent is sent once
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method === "get") return;
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 10000);
  });

  // ---- what is typed is not lost by a slip
  const guarded = one("form[data-guard]");
  if (guarded) {
    const state = one("[data-save-state]");
    let dirty = guarded.hasAttribute("data-dirty");
    const mark = () => { dirty = true; if (state) state.textContent = words.unsaved; };
    guarded.addEventListener("input", mark);
    guarded.addEventListener("submit", () => { dirty = false; });
    addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
  }

  // ---- several at once
  for (const bulk of all("[data-bulk]")) {
    const form = bulk.closest("form");
    const boxes = () => all("input[name=ids]", form);
    const show = () => {
      const count = boxes().filter((box) => box.checked).length;
      bulk.hidden = count === 0;
      one("[data-bulk-count]", bulk).textContent = (words.chosen ?? "{n}").replace("{n}", count);
      const every = one("[data-bulk-all]", form);
      const button = one("[data-bulk-every]", bulk);
      if (button) button.hidden = count === boxes().length;
      if (every) { every.checked = count > 0 && count === boxes().length; every.indeterminate = count > 0 && !every.checked; }
    };
    form.addEventListener("change", (event) => {
      if (event.target.matches("[data-bulk-all]")) for (const box of boxes()) box.checked = event.target.checked;
      show();
    });
    one("[data-bulk-every]", bulk)?.addEventListener("click", () => { for (const box of boxes()) box.checked = true; show(); });
    show();
  }

  // ---- search from anywhere
  const palette = one("[data-palette]");
  const openPalette = () => { palette.showModal(); one("input", palette).select(); };
  if (palette) {
    const found = one("[data-palette-found]", palette);
    const input = one("input", palette);
    let timer = 0;
    let latest = "";
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(async () => {
        latest = input.value;
        const answer = await fetch(`/admin/busca/?parte=1&q=${encodeURIComponent(input.value)}`).catch(() => null);
        if (answer?.ok && latest === input.value) found.innerHTML = await answer.text();
      }, 120);
    });
    palette.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      const stops = [input, ...all("a", found)];
      const next = stops[stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) { event.preventDefault(); next.focus(); }
    });
    palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
    one("[data-palette-open]")?.addEventListener("click", (event) => { event.preventDefault(); openPalette(); });
  }

  // ---- keys
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if ((event.key === "/" && !typing) || (event.key === "k" && (event.ctrlKey || event.metaKey))) {
      if (palette) { event.preventDefault(); openPalette(); }
    }
    if (event.key === "s" && (event.ctrlKey || event.metaKey) && guarded) { event.preventDefault(); guarded.requestSubmit(); }
  });

  one("[data-focus]")?.focus();
  // A row of tabs that scrolls shows the one that is open; the page itself stays where it is.
  for (const here of all(".tabs [aria-current]")) {
    const row = here.closest("ul");
    row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
  }
  for (const field of all("select[data-go]")) field.addEventListener("change", () => field.form.requestSubmit());

  // For the scripts of single screens: a post that carries the session's token.
  window.vitrineStaff = {
    token, words,
    post: (address, body) => fetch(address, { method: "POST", body, headers: { "X-CSRF-Token": token, Accept: "application/json" } }),
  };
})();
