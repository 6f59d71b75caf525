// Prices and mileages save in their row; without this file the same forms post and come back.
(() => {
  "use strict";
  const list = document.querySelector("[data-stock-list]");
  const dialog = document.querySelector("[data-stock-dialog]");
  const staff = window.vitrineStaff;
  if (!list || !staff) return;

  const fieldsOf = (id) => [...document.querySelectorAll(`[data-value][form="r${id}"]`)];
  const saveOf = (id) => document.querySelector(`[data-save][form="r${id}"]`);
  const rowOf = (id) => document.getElementById(`carro-${id}`);
  const isDirty = (id) => fieldsOf(id).some((field) => field.value !== field.defaultValue);
  const mark = (id) => { const save = saveOf(id); if (save) save.hidden = !isDirty(id); };

  for (const row of list.querySelectorAll("[data-row]")) mark(row.dataset.row);
  list.addEventListener("input", (event) => { if (event.target.matches("[data-value]")) mark(event.target.form.dataset.rowForm); });
  list.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !event.target.matches("[data-value]")) return;
    event.target.value = event.target.defaultValue;
    mark(event.target.form.dataset.rowForm);
  });

  const say = (words, { undo, warning, mend, bad = false } = {}) => {
    document.querySelector("[data-stock-flash]")?.remove();
    const flash = document.createElement("div");
    flash.className = bad ? "flash bad stock-flash" : "flash stock-flash";
    flash.dataset.stockFlash = "";
    flash.setAttribute("role", bad ? "alert" : "status");
    const text = document.createElement("p");
    text.textContent = words;
    flash.append(text);
    if (undo) {
      const form = document.createElement("form");
      form.method = "post"; form.action = undo;
      const token = document.createElement("input");
      token.type = "hidden"; token.name = "csrf_token"; token.value = staff.token;
      const button = document.createElement("button");
      button.className = "button"; button.textContent = list.dataset.undoWords;
      form.append(token, button);
      flash.append(form);
    }
    if (warning) {
      const told = document.createElement("p"), about = document.createElement("strong"), link = document.createElement("a");
      told.className = "flash-warning";
      about.textContent = list.dataset.textWords;
      link.href = mend; link.textContent = list.dataset.mendWords;
      told.append(about, ` ${warning} `, link);
      flash.append(told);
    }
    list.before(flash);
  };

  const ask = async (answer) => {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const part = page.querySelector("[data-ask]");
    if (!part) { say(staff.words.failed, { bad: true }); return; }
    dialog.replaceChildren(part);
    part.querySelector("a.button")?.addEventListener("click", (event) => { event.preventDefault(); dialog.close(); });
    dialog.showModal();
    (dialog.querySelector("[aria-invalid]") ?? dialog.querySelector("button"))?.focus();
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const id = form.dataset.rowForm;
    if (!id || (event.submitter && !event.submitter.matches("[data-save]"))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const save = saveOf(id);
    if (save) save.disabled = true;
    const answer = await staff.post(`/admin/estoque/${id}/valores`, new FormData(form)).catch(() => null);
    if (save) save.disabled = false;
    if (!answer) { say(staff.words.failed, { bad: true }); return; }
    if (answer.headers.get("Content-Type")?.startsWith("application/json")) {
      const saved = await answer.json();
      for (const field of fieldsOf(id)) { field.value = saved[field.name]; field.defaultValue = saved[field.name]; }
      form.elements.visto.value = saved.mark;
      mark(id);
      rowOf(id)?.classList.add("stock-saved-row");
      setTimeout(() => rowOf(id)?.classList.remove("stock-saved-row"), 1500);
      say(saved.words, saved);
    } else await ask(answer);
  }, true);

  for (const more of list.querySelectorAll(".stock-more")) {
    more.addEventListener("toggle", () => {
      if (more.open) for (const other of list.querySelectorAll(".stock-more[open]")) if (other !== more) other.open = false;
    });
    more.addEventListener("keydown", (event) => { if (event.key === "Escape") { more.open = false; more.querySelector("summary").focus(); } });
  }
  document.addEventListener("click", (event) => {
    for (const more of list.querySelectorAll(".stock-more[open]")) if (!more.contains(event.target)) more.open = false;
  });
})();
