// The builder: what is typed is kept as a draft, the preview follows, problems are told at once.
// Every button of the form works without this file.
(() => {
  "use strict";
  const form = document.querySelector("[data-builder]");
  if (!form) return;
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const { post, words } = window.vitrineStaff;
  const state = one("[data-builder-state]");
  const frame = one("[data-preview]");
  const address = frame?.getAttribute("src") ?? "";
  let variant = "";
  let timer = 0;
  let isSending = false;
  let isWaiting = false;
  let isLeaving = false;

  // ---- the preview keeps its place
  const redraw = () => {
    if (!frame || !frame.offsetParent) return;
    let top = 0;
    try { top = frame.contentWindow.scrollY; } catch { /* an error page of the browser */ }
    frame.addEventListener("load", () => {
      try { frame.contentWindow.scrollTo({ top, behavior: "instant" }); } catch { /* the same */ }
    }, { once: true });
    frame.src = variant ? `${address}&v=${variant}` : address;
  };
  for (const button of all("[data-preview-variant]")) {
    button.addEventListener("click", () => {
      variant = button.dataset.previewVariant;
      for (const each of all("[data-preview-variant]")) each.setAttribute("aria-pressed", String(each === button));
      redraw();
    });
  }

  // ---- keeping
  const show = (told) => {
    state.textContent = told.state;
    for (const place of all("[data-problems]", form)) {
      const key = place.dataset.problems;
      place.innerHTML = key === "page" ? told.page : told.blocks[key] ?? "";
    }
    one("[data-advice]", form).innerHTML = told.advice;
    for (const [key, count] of Object.entries(told.counts)) {
      const place = one(`[data-count="${key}"]`, form);
      if (place) place.textContent = count;
    }
    if (told.is_drawable) redraw();
  };
  const keep = async () => {
    if (isLeaving) return;
    if (isSending) { isWaiting = true; return; }
    isSending = true;
    const body = new FormData(form);
    body.set("do", "keep");
    const answer = await post(form.action, body).catch(() => null);
    isSending = false;
    if (answer?.ok) show(await answer.json());
    else state.textContent = words.failed;
    if (isWaiting) { isWaiting = false; keep(); }
  };
  const soon = () => { clearTimeout(timer); timer = setTimeout(keep, 700); };
  form.addEventListener("input", (event) => {
    if (event.target.name === "note" || event.target.type === "search") return;
    state.textContent = words.unsaved;
    soon();
  });
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    isLeaving = true;
    clearTimeout(timer);
  });
  addEventListener("pageshow", () => { isLeaving = false; });

  // ---- a suggestion, one tap away
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-suggestion]");
    if (!button) return;
    const field = form.elements[button.dataset.for];
    if (!field) return;
    event.preventDefault();
    field.value = button.dataset.suggestion;
    field.focus();
    keep();
  });

  // ---- cars, found while typing
  for (const field of all("[data-find-car]", form)) {
    const list = one("[data-cars]", field.closest(".stock-hand"));
    field.addEventListener("input", () => {
      clearTimeout(field.timer);
      field.timer = setTimeout(async () => {
        const query = new URLSearchParams({ q: field.value, campo: field.dataset.findCar, um: field.dataset.one ?? "" });
        const answer = await fetch(`/admin/paginas/carros?${query}`).catch(() => null);
        if (!answer?.ok) return;
        for (const label of all("label", list)) if (!one("input", label).checked) label.remove();
        for (const hint of all(".hint", list)) hint.remove();
        const found = document.createElement("template");
        found.innerHTML = await answer.text();
        const here = new Set(all("input", list).map((input) => input.value));
        for (const label of [...found.content.children]) {
          if (!here.has(one("input", label)?.value)) list.append(label);
        }
      }, 250);
    });
  }

  // ---- dragging a block by its handle
  const blocks = one("[data-blocks]", form);
  let dragged = null;
  for (const handle of all("[data-drag]", form)) {
    handle.hidden = false;
    handle.addEventListener("pointerdown", (event) => {
      dragged = handle.closest("[data-block]");
      dragged.classList.add("is-dragged");
      handle.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    handle.addEventListener("pointermove", (event) => {
      if (!dragged) return;
      const others = all("[data-block]", blocks).filter((block) => block !== dragged);
      const next = others.find((block) => {
        const box = block.getBoundingClientRect();
        return event.clientY < box.top + box.height / 2;
      });
      if (next !== dragged.nextElementSibling) blocks.insertBefore(dragged, next ?? null);
    });
    const drop = () => {
      if (!dragged) return;
      dragged.classList.remove("is-dragged");
      dragged = null;
      keep();
    };
    handle.addEventListener("pointerup", drop);
    handle.addEventListener("pointercancel", drop);
  }
})();
