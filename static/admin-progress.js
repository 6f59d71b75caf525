// Long work: the page follows it and shows its result when it is over.
(() => {
  "use strict";
  const place = document.querySelector("[data-progress]");
  if (!place) return;
  const words = place.querySelector("[data-progress-words]");
  const bar = place.querySelector("progress");
  let wait = 700;
  const look = async () => {
    const answer = await fetch(place.dataset.progress, { headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.ok) {
      const said = await answer.json();
      if (!said.busy) { location.reload(); return; }
      if (said.total) {
        bar.max = said.total; bar.value = said.done;
        words.textContent = words.dataset.progressWords.replace("{done}", said.done.toLocaleString("pt-BR")).replace("{total}", said.total.toLocaleString("pt-BR"));
      }
    }
    wait = Math.min(5000, wait * 1.3);
    setTimeout(look, wait);
  };
  setTimeout(look, wait);
})();
