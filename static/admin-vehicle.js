// One car's form: the preview beside it, options found by typing, folds opened by links. Without
// this file the form saves all the same and the preview opens in a tab of its own.
(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = one("[data-preview-form]");
  if (!form) return;
  const grid = one("[data-vehicle]");
  const frame = one("[data-preview]");
  const tabs = one("[data-tabs]");

  // ---- a link to a field inside a fold opens the fold
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target.scrollIntoView({ block: "start" });
    if (target.matches("input, select, textarea")) target.focus({ preventScroll: true });
  };
  addEventListener("hashchange", reveal);
  reveal();
  for (const wrong of all("[aria-invalid=true]", form)) {
    for (let fold = wrong.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  }

  // ---- preview: the typed page, drawn by the server, nothing saved
  let drawn = "";
  let timer = 0;
  const isShown = () => frame.offsetParent !== null;
  const typed = () => {
    const data = new FormData(form);
    return new URLSearchParams([...data].filter(([, value]) => typeof value === "string"));
  };
  const draw = async () => {
    if (!isShown()) return;
    const body = typed();
    const text = body.toString();
    if (text === drawn) return;
    drawn = text;
    const answer = await window.vitrineStaff.post(form.dataset.previewForm, body).catch(() => null);
    if (!answer?.ok || drawn !== text) return;
    const top = frame.contentWindow?.scrollY ?? 0;
    frame.addEventListener("load", () => frame.contentWindow?.scrollTo(0, top), { once: true });
    frame.srcdoc = await answer.text();
  };
  const soon = () => { clearTimeout(timer); timer = setTimeout(draw, 600); };
  form.addEventListener("input", soon);
  addEventListener("resize", soon);
  draw();

  const show = (name) => {
    grid.dataset.shows = name;
    for (const tab of all("[data-tab]", tabs)) {
      if (tab.dataset.tab === name) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    draw();
  };
  tabs.hidden = false;
  tabs.addEventListener("click", (event) => {
    const tab = event.target.closest("[data-tab]");
    if (!tab) return;
    event.preventDefault();
    show(tab.dataset.tab);
  });
  const open = one("[data-preview-open]", form);
  open.addEventListener("click", (event) => {
    event.preventDefault();
    show("preview");
    scrollTo(0, 0);
  });

  // ---- the ready text
  const use = one("[data-use-example]", form);
  if (use) {
    use.hidden = false;
    use.addEventListener("click", () => {
      const field = one("#f-legal_text");
      field.value = [field.value.trim(), one("[data-example]", form).value].filter(Boolean).join("\n\n");
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
    });
  }

  // ---- options by name
  const search = one("[data-options-search]");
  const options = one("[data-options]");
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  search.hidden = false;
  one("input", search).addEventListener("input", (event) => {
    event.stopPropagation();
    const wanted = fold(event.target.value.trim());
    let count = 0;
    for (const group of all("details", options)) {
      let any = false;
      for (const chip of all(".chip", group)) {
        chip.hidden = !!wanted && !fold(chip.textContent).includes(wanted);
        if (!chip.hidden) { any = true; count += 1; }
      }
      group.hidden = !any;
      if (wanted && any) group.open = true;
    }
    one("[data-options-count]").textContent = wanted ? String(count) : "";
  });
  one("input", search).addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
})();
