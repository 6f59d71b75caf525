// The search result and the share card follow what is typed; without this they show what was saved.
(() => {
  "use strict";
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = "20px Arial, Helvetica, sans-serif";
  const width = (text) => pen.measureText(text).width;

  const cutWide = (text, most) => {
    if (width(text) <= most) return text;
    const words = text.split(" ");
    while (words.length > 1 && width(`${words.join(" ")} …`) > most) words.pop();
    return `${words.join(" ")} …`;
  };
  const cutLong = (text, most) => (text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\s,.;:]*\S*$/, "")}…`);

  const follow = (box) => {
    const { titleField, descriptionField, tail = "" } = box.dataset;
    const most = { title: Number(box.dataset.mostTitle), description: Number(box.dataset.mostDescription) };
    const fields = {
      title: titleField && document.querySelector(titleField),
      description: descriptionField && document.querySelector(descriptionField),
    };
    const measure = (name, text, isOver) => {
      const meter = box.querySelector(`[data-seo-meter=${name}]`);
      const bar = meter.querySelector("progress");
      bar.value = Math.min(text.length, most[name]);
      bar.classList.toggle("low", isOver || !text.length);
      const words = meter.dataset.words.replace("{n}", text.length).replace("{most}", most[name]);
      meter.querySelector("[data-seo-count]").textContent = isOver ? `${words} · ${meter.dataset.over}` : words;
    };
    const draw = () => {
      for (const name of ["title", "description"]) {
        if (!fields[name]) continue;
        const typed = fields[name].value.replace(/\s+/g, " ").trim();
        const text = name === "title" ? typed + tail : typed;
        const shown = name === "title" ? cutWide(text, Number(box.dataset.titlePx)) : cutLong(text, most.description);
        measure(name, text, text.length > most[name] || shown !== text);
        for (const place of box.querySelectorAll(`[data-seo-${name}]`)) place.textContent = shown;
      }
    };
    for (const field of Object.values(fields)) field?.addEventListener("input", draw);
  };

  const start = (root) => { for (const box of root.querySelectorAll("[data-seo]")) follow(box); };
  start(document);
  window.vitrineSeo = { start };
})();
