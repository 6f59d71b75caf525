// A page that changes by itself: what others do appears without a reload, and nothing that
// somebody types, reads or is about to press moves away. Without this file the page is as it was.
(() => {
  "use strict";
  const live = document.querySelector("[data-live]");
  if (!live || !window.EventSource) return;
  const regions = () => [...document.querySelectorAll("[data-live-url]")];
  const token = document.querySelector("meta[name=csrf-token]")?.content ?? "";
  const POLL_MS = 8000, SILENT_MS = 40000, STREAM_AGAIN_MS = 60000, GRACE_MS = 4000;
  let version = live.dataset.liveVersion ?? "";
  let source = null, pollTimer = 0, silence = 0, failures = 0, refusedAt = 0, isOver = false;

  // ---- what is said about it
  const state = live.querySelector("[data-live-state]");
  const news = live.querySelector("[data-live-news]");
  let trouble = 0;
  const say = (words) => { if (state && state.textContent !== words) { state.textContent = words; state.hidden = !words; } };
  const calm = () => { clearTimeout(trouble); trouble = 0; failures = 0; say(""); };
  // A short break is nobody's concern.
  const worry = () => { trouble ||= setTimeout(() => say(live.dataset.liveLost), GRACE_MS); };
  const signedOut = () => { isOver = true; stop(); clearTimeout(trouble); say(live.dataset.liveOver); };

  // ---- hearing of it: a stream, or asking now and then
  const stop = () => {
    source?.close();
    source = null;
    clearTimeout(pollTimer);
    clearTimeout(silence);
  };
  const listen = () => {
    stop();
    if (document.hidden || isOver) return;
    if (Date.now() - refusedAt < STREAM_AGAIN_MS) { poll(); return; }
    source = new EventSource(`${live.dataset.live}?since=${encodeURIComponent(version)}`);
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => { refusedAt = Date.now(); listen(); }, SILENT_MS);  // or held back on the way
    };
    alive();
    source.onopen = () => { calm(); alive(); };
    source.addEventListener("beat", alive);
    source.addEventListener("moved", (event) => { alive(); moved(String(JSON.parse(event.data).version)); });
    source.onerror = () => {
      worry();
      if (source.readyState === EventSource.CLOSED) refusedAt = Date.now();
      else if (++failures < 3) return;  // the browser tries again by itself
      stop();
      poll();
    };
  };
  const poll = async () => {
    clearTimeout(pollTimer);
    if (document.hidden || isOver) return;
    const answer = await ask(live.dataset.livePoll, { "If-None-Match": `"${version}"` });
    if (isOver || source) return;
    if (answer?.status === 404) { signedOut(); return; }
    if (answer?.ok) moved(String((await answer.json().catch(() => ({ version }))).version));
    if (answer?.ok || answer?.status === 304) calm(); else worry();
    const mayStream = answer && Date.now() - refusedAt >= STREAM_AGAIN_MS;
    pollTimer = setTimeout(mayStream ? listen : poll, mayStream ? 500 : POLL_MS * (0.7 + 0.5 * Math.random()));
  };
  const ask = async (address, headers = {}) => {
    const answer = await fetch(address, { cache: "no-store", headers: { "X-Live": "1", ...headers }, signal: AbortSignal.timeout(20000) }).catch(() => null);
    if (answer?.redirected && new URL(answer.url).pathname.includes("/login")) { signedOut(); return null; }
    return answer;
  };
  const moved = (to) => {
    if (to === version) return;
    version = to;
    for (const region of regions()) stale.add(region.id);
    refresh();
  };

  // ---- showing it: never oftener than the server answers with ease
  const stale = new Set();
  let isBusy = false, notBefore = 0, timer = 0;
  const later = (ms) => { clearTimeout(timer); timer = setTimeout(refresh, Math.max(ms, notBefore - Date.now())); };
  const refresh = async () => {
    if (!stale.size || isBusy || document.hidden || isOver) return;
    const due = regions().filter((region) => stale.has(region.id) && !isHeld(region));
    if (!due.length || Date.now() < notBefore) { later(300); return; }
    isBusy = true;
    for (const region of due) stale.delete(region.id);
    const started = Date.now();
    const pages = new Map(due.map((region) => [region.dataset.liveUrl, null]));
    await Promise.all([...pages.keys()].map(async (address) => pages.set(address, await fetchPage(address).catch(() => null))));
    notBefore = Date.now() + Math.max(400, (Date.now() - started) * 4);
    isBusy = false;
    if (isOver) return;
    const before = itemIds();
    keepingPlace(() => {
      for (const region of due) {
        const fresh = pages.get(region.dataset.liveUrl)?.getElementById(region.id);
        // Meanwhile somebody may have begun to type there: it is asked for again.
        if (fresh && !isHeld(region)) morph(region, fresh); else stale.add(region.id);
      }
    });
    announce([...itemIds()].filter((id) => /^\d+$/.test(id) && !before.has(id)).length);
    document.dispatchEvent(new CustomEvent("live:swapped"));
    if (stale.size) later([...pages.values()].includes(null) ? 3000 : 300);
  };
  const fetchPage = async (address) => {
    const answer = await ask(address);
    if (!answer?.ok) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");  // runs no script
    for (const field of page.querySelectorAll("input[name=csrf_token]")) field.setAttribute("value", token);
    return page;
  };
  const itemIds = () => new Set(regions().flatMap((region) => [...region.querySelectorAll("[data-live-item]")].map((item) => item.dataset.liveItem)));
  const announce = (count) => {
    if (!count || !news) return;
    news.textContent = (count === 1 ? live.dataset.liveOne : live.dataset.liveMany).replace("{n}", count);
  };

  // ---- not now: a finger is down, text is chosen, a form is half filled in
  let isPressed = false;
  addEventListener("pointerdown", () => { isPressed = true; }, true);
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, () => setTimeout(() => { isPressed = false; }, 50), true);
  addEventListener("input", (event) => { const form = event.target.form; if (form?.closest("[data-live-url]")) form.dataset.liveTyped = "1"; }, true);
  for (const name of ["submit", "reset"]) addEventListener(name, (event) => { delete event.target.dataset.liveTyped; }, true);
  const isHeld = (region) => {
    const chosen = getSelection();
    const isChosen = chosen && !chosen.isCollapsed && region.contains(chosen.anchorNode);
    return isPressed || isChosen || region.querySelector("form[data-live-typed], dialog[open], :popover-open");
  };

  // What one looks at stays where it is, whatever comes above it; the focus stays on what has it.
  const keepingPlace = (change) => {
    const focused = document.activeElement;
    const inside = (element) => element && regions().some((region) => region !== element && region.contains(element));
    const seen = inside(focused) ? focused : regions().flatMap((region) => [...region.querySelectorAll("[data-live-item]")]).find((item) => item.getBoundingClientRect().bottom > 0);
    const top = scrollY > 0 ? seen?.getBoundingClientRect().top : undefined;
    const focusedId = inside(focused) ? focused.id : "";
    change();
    if (seen?.isConnected && top !== undefined) scrollBy({ top: seen.getBoundingClientRect().top - top, behavior: "instant" });
    if (focused?.isConnected && inside(focused) && document.activeElement !== focused) focused.focus({ preventScroll: true });
    else if (focusedId && document.activeElement?.id !== focusedId) document.getElementById(focusedId)?.focus({ preventScroll: true });
  };

  // Makes `old` say what `fresh` says and keeps every element that is the same or has the same key.
  const keyOf = (node) => node?.id || node?.dataset?.liveItem || "";
  const morph = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeName !== fresh.nodeName || old.nodeType !== Node.ELEMENT_NODE) { old.replaceWith(fresh); return; }
    for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    const kept = new Map([...old.children].filter(keyOf).map((child) => [keyOf(child), child]));
    const wanted = new Set([...fresh.children].map(keyOf).filter((key) => kept.has(key)));
    let next = old.firstChild;
    const drop = () => { const gone = next; next = next.nextSibling; gone.remove(); };
    for (const child of [...fresh.childNodes]) {
      while (keyOf(next) && !wanted.has(keyOf(next))) drop();
      const key = keyOf(child);
      const same = key ? kept.get(key) : next && !keyOf(next) && next.nodeName === child.nodeName ? next : null;
      if (!same) { old.insertBefore(child, next); continue; }
      if (same === next) next = next.nextSibling; else old.insertBefore(same, next);
      morph(same, child);
    }
    while (next) drop();
  };

  // ---- a page nobody sees hears nothing and catches up when it is shown
  document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); else { listen(); refresh(); } });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
  addEventListener("online", listen);
  listen();
})();
