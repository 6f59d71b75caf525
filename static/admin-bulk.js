// A change of many cars under way: its progress follows by itself; without this file a link asks.
(() => {
  "use strict";
  const follow = async () => {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) { setTimeout(follow, 5000); return; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.querySelector("[data-working]");
    if (!next) { location.reload(); return; }
    const here = document.querySelector("[data-working]");
    here.querySelector("progress").value = next.querySelector("progress").value;
    here.querySelector("p").textContent = next.querySelector("p").textContent;
    setTimeout(follow, 2000);
  };
  if (document.querySelector("[data-working]")) setTimeout(follow, 2000);
})();
