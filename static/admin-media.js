// Finding a picture in a picker. Without this file the newest pictures are there to choose from.
(() => {
  "use strict";
  for (const picker of document.querySelectorAll("[data-media-picker]")) {
    const find = picker.querySelector("[data-media-find]");
    const place = picker.querySelector("[data-media-choices]");
    const name = picker.dataset.mediaPicker;
    if (!find.hidden) continue; // a page with two pickers runs this file twice
    let timer = 0;
    find.hidden = false;
    find.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
    find.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(async () => {
        const asked = find.value;
        const answer = await fetch(`/admin/midia/escolher?${new URLSearchParams({ campo: name, q: asked })}`).catch(() => null);
        if (!answer?.ok || asked !== find.value) return;
        const found = document.createElement("template");
        found.innerHTML = await answer.text();
        // What is chosen, and "no picture", stay.
        for (const choice of [...place.children]) {
          const button = choice.querySelector("input");
          if (!button || (!button.checked && button.value)) choice.remove();
        }
        const kept = new Set([...place.querySelectorAll("input")].map((button) => button.value));
        for (const choice of [...found.content.children]) {
          if (!kept.has(choice.querySelector("input")?.value)) place.append(choice);
        }
      }, 200);
    });
  }
})();
