// Everything here only improves pages that already work without it.
// Choices live in two first-party cookies that the server also reads: no account, no third party.
"use strict";
(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const words = $("[data-words]").dataset;
  const say = (text, n) => text.replace("{n}", n);

  // ---- cookies: lists of public ids parted by dots ----
  const LIMITS = { favoritos: 60, comparar: 4, vistos: 12 };
  const read = (name) => {
    const found = document.cookie.match(`(?:^|; )${name}=([a-z0-9.]*)`);
    return found && found[1] ? found[1].split(".") : [];
  };
  const write = (name, ids) => {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${name}=${ids.slice(0, LIMITS[name]).join(".")}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  };

  // ---- toast ----
  const toast = $("[data-toast]");
  let toastTimer;
  const tell = (text) => {
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { toast.hidden = true; }, 3500);
  };

  // ---- where the visit came from: on this device only, sent with a form (see leads/attribution.py) ----
  const store = (area, key, value) => {
    try { // storage may be full or forbidden
      if (value === undefined) return JSON.parse(area().getItem(key));
      value === null ? area().removeItem(key) : area().setItem(key, JSON.stringify(value));
    } catch { /* nothing is kept then */ }
    return null;
  };
  const here = () => localStorage, tab = () => sessionStorage;
  const QUARTER = 90 * 864e5, NAMES = { utm_source: "source", utm_medium: "medium", utm_campaign: "campaign", utm_content: "content", utm_term: "term", gclid: "gclid", gbraid: "gbraid", wbraid: "wbraid", fbclid: "fbclid", vendedor: "seller" };
  const visit = () => {
    const fresh = (touch) => (touch && Date.now() - Date.parse(touch.at) < QUARTER ? touch : null);
    const kept = store(here, "origem") || {};
    const touch = {};
    new URLSearchParams(location.search).forEach((value, name) => { if (NAMES[name] && value) touch[NAMES[name]] = value.slice(0, 200); });
    let from = "";
    try { from = new URL(document.referrer).hostname; } catch { /* came from nowhere */ }
    if (from && from !== location.hostname) touch.referrer = from;
    const came = Object.keys(touch).length ? { ...touch, landing: location.pathname, at: new Date().toISOString() } : null;
    const touches = { first: fresh(kept.first) || came, last: came || fresh(kept.last) };
    store(here, "origem", touches.last ? touches : null);
    return touches;
  };
  // A page drawn ahead of a tap is no visit before somebody sees it.
  const onceSeen = (act) => (document.prerendering ? document.addEventListener("prerenderingchange", act, { once: true }) : act());
  let touches = null;
  onceSeen(() => { touches = visit(); });

  // ---- forms that write to us: sent once, nothing typed is lost ----
  const DRAFT = "rascunho:";
  const typed = (form) => [...form.elements].filter((field) => field.name && field.matches("input[type=text], input[type=tel], input[type=email], textarea") && !field.closest(".trap"));
  const keepsDraft = (form) => form && form.matches("[data-lead-form]");
  const draftOf = (form) => DRAFT + form.getAttribute("action");
  if (/\/obrigado(\/|$)/.test(location.pathname)) {
    try { Object.keys(sessionStorage).filter((key) => key.startsWith(DRAFT)).forEach((key) => sessionStorage.removeItem(key)); } catch { /* none kept */ }
  }
  $$("[data-lead-form]").forEach((form) => {
    const draft = store(tab, draftOf(form)) || {};
    typed(form).forEach((field) => { if (!field.value && draft[field.name]) field.value = draft[field.name]; });
    const wrong = $("[data-form-errors]", form) && $("[aria-invalid=true]", form);
    if (wrong) wrong.focus();
  });
  document.addEventListener("input", ({ target: { form } }) => {
    if (keepsDraft(form)) store(tab, draftOf(form), Object.fromEntries(typed(form).map((field) => [field.name, field.value])));
  });
  const rest = (form, isResting) => $$("button[type=submit]", form).forEach((button) => { button.disabled = isResting; });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.elements.submission_id || event.defaultPrevented) return;
    const note = $("[data-unsent]", form);
    if (note) note.remove();
    if (navigator.onLine === false) {
      event.preventDefault();
      const text = Object.assign(document.createElement("p"), { className: "error-text", textContent: words.unsent });
      text.dataset.unsent = "";
      text.setAttribute("role", "alert");
      $("button[type=submit]", form).before(text);
      return;
    }
    if (form.elements.origem && touches && touches.last) form.elements.origem.value = JSON.stringify(touches);
    setTimeout(() => rest(form, true)); // only now, so that the button's own value is sent
    setTimeout(() => rest(form, false), 10000);
  });
  addEventListener("pageshow", (event) => { if (event.persisted) $$("form").forEach((form) => rest(form, false)); });

  // A puzzle for browsers, where the dealer asks for one: its solver comes with the first focus.
  document.addEventListener("focusin", function solve(event) {
    const form = event.target.form;
    if (!form || !form.dataset.proofScript) return;
    document.removeEventListener("focusin", solve);
    document.head.append(Object.assign(document.createElement("script"), { src: form.dataset.proofScript }));
  });

  // ---- hearts and comparison ----
  const bar = $("[data-compare-bar]");
  const paint = () => {
    if (!bar) return; // a landing page has one action only
    const saved = read("favoritos"), chosen = read("comparar");
    // Most stand as they should: what is written anew is measured anew.
    const press = (button, isOn) => { if (button.getAttribute("aria-pressed") !== `${isOn}`) button.setAttribute("aria-pressed", isOn); };
    $$("[data-favourite]").forEach((b) => press(b, saved.includes(b.value)));
    $$("[data-compare]").forEach((b) => press(b, chosen.includes(b.value)));
    $$("[data-favourite-count]").forEach((s) => { if (s.textContent !== `${saved.length || ""}`) s.textContent = saved.length || ""; });
    bar.hidden = !chosen.length || location.pathname === "/comparar";
    $("[data-compare-text]").textContent = chosen.length === 1 ? words.one : say(words.many, chosen.length);
    const link = $("[data-compare-link]");
    link.href = `/comparar?ids=${chosen.join(",")}`;
    link.hidden = chosen.length < 2;
  };
  const toggle = (name, id) => {
    const ids = read(name), has = ids.includes(id);
    if (!has && name === "comparar" && ids.length >= LIMITS.comparar) return null;
    write(name, has ? ids.filter((other) => other !== id) : [id, ...ids]);
    return !has;
  };
  document.addEventListener("click", (event) => {
    const heart = event.target.closest("[data-favourite]");
    const arrows = event.target.closest("[data-compare]");
    if (heart) {
      event.preventDefault();
      tell(toggle("favoritos", heart.value) ? words.saved : words.removed);
      paint();
    } else if (arrows) {
      event.preventDefault();
      if (toggle("comparar", arrows.value) === null) tell(words.full);
      paint();
    } else if (event.target.closest("[data-compare-clear]")) {
      write("comparar", []);
      paint();
    }
    const removal = event.target.closest("[data-compare-remove]");
    if (removal) write("comparar", read("comparar").filter((id) => id !== removal.dataset.compareRemove));
  });
  addEventListener("pageshow", paint); // also when the page comes back from the back-forward cache

  // ---- landing pages: what is left until the end that the page names in words ----
  $$("[data-countdown]").forEach((place) => {
    const { countdown, days, day, hours } = place.dataset;
    const tick = () => {
      const left = Math.max(0, Math.floor((new Date(countdown) - Date.now()) / 1000));
      const whole = Math.floor(left / 86400), two = (n) => String(n).padStart(2, "0");
      const clock = `${two(Math.floor(left / 3600))}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
      place.textContent = !left ? "" : whole > 1 ? say(days, whole) : whole ? day : say(hours, clock);
      if (left) setTimeout(tick, whole ? 60000 : 1000);
    };
    tick();
  });

  // ---- recently seen ----
  const seen = $("[data-offer-page]");
  if (seen) onceSeen(() => {
    const id = seen.dataset.offerPage;
    write("vistos", [id, ...read("vistos").filter((other) => other !== id)]);
    // What was fetched ahead was not counted when it was fetched.
    const [came] = performance.getEntriesByType("navigation");
    if (came && (came.activationStart || came.deliveryType === "navigational-prefetch")) navigator.sendBeacon(`/vistos/${id}`);
  });

  // ---- photo strips: "2/7" as the finger moves ----
  const watchStrip = (strip) => {
    const label = strip.parentElement.querySelector("[data-strip-count]");
    if (!label) return;
    let waiting = false;
    strip.addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        const at = Math.round(strip.scrollLeft / strip.clientWidth) + 1;
        label.textContent = `${at}/${label.dataset.total}`;
      });
    }, { passive: true });
  };
  $$("[data-strip]").forEach(watchStrip);

  // ---- full-screen gallery ----
  const viewer = $("[data-viewer]");
  if (viewer && viewer.showModal) {
    const strip = $("[data-viewer-strip]", viewer), count = $("[data-viewer-count]", viewer);
    const photos = $$("[data-photo] picture"), total = photos.length;
    const fill = () => strip.append(...photos.map((photo) => { // once: the same pictures, as wide as the screen
      const frame = document.createElement("div");
      frame.append(photo.cloneNode(true));
      $$("source", frame).forEach((source) => { source.sizes = "100vw"; });
      return frame;
    }));
    const at = () => Math.round(strip.scrollLeft / strip.clientWidth);
    const show = (index, smooth) => strip.scrollTo({ left: ((index + total) % total) * strip.clientWidth, behavior: smooth ? "smooth" : "instant" });
    const number = () => { count.textContent = `${at() + 1}/${total}`; };
    let opener;
    $("[data-gallery]").addEventListener("click", (event) => {
      const link = event.target.closest("[data-photo]");
      if (!link || event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      opener = link;
      if (!strip.children.length) fill();
      viewer.showModal();
      show(+link.dataset.photo, false);
      number();
      strip.focus();
    });
    strip.addEventListener("scroll", () => requestAnimationFrame(number), { passive: true });
    $("[data-viewer-close]").addEventListener("click", () => viewer.close());
    $("[data-viewer-prev]").addEventListener("click", () => show(at() - 1, true));
    $("[data-viewer-next]").addEventListener("click", () => show(at() + 1, true));
    viewer.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) { event.preventDefault(); show(at() + step, false); }
      if (event.key === "Home") show(0, false);
      if (event.key === "End") show(total - 1, false);
    });
    viewer.addEventListener("close", () => opener && opener.focus());
  }

  // ---- share ----
  const share = $("[data-share]");
  if (share) {
    share.addEventListener("click", async (event) => {
      const { shareTitle: title, shareUrl: url } = share.dataset;
      if (navigator.share) {
        event.preventDefault();
        navigator.share({ title, url }).catch(() => {});
      } else if (navigator.clipboard && matchMedia("(pointer: fine)").matches) {
        event.preventDefault();
        await navigator.clipboard.writeText(url);
        tell(words.copied);
      }
    });
  }

  // ---- pages asked for without a reload ----
  const fetchPage = async (address, signal) => {
    const answer = await fetch(address, { signal, headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.status);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };
  // The same address that a plain form would make, without empty fields.
  const addressOf = (form) => {
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== "")).toString();
    return form.getAttribute("action") + (query ? `?${query}` : "");
  };

  // ---- list: filters with live counts ----
  const list = $("[data-list]");
  if (list) {
    let request;
    const bind = () => {
      $$("[data-strip]", list).forEach(watchStrip);
      paint();
    };
    const load = async (address, push) => {
      if (request) request.abort();
      const mine = request = new AbortController();
      $("#lista").classList.add("is-loading");
      try {
        const page = await fetchPage(address, mine.signal);
        // What the visitor did while the answer was on its way counts: read it only now.
        const filters = $("#filtros");
        const openGroups = $$("details[open]", filters).map((group) => group.dataset.group);
        const closedGroups = $$("details[data-group]:not([open])", filters).map((group) => group.dataset.group);
        const isOpen = filters.classList.contains("is-open"), top = filters.scrollTop;
        const held = document.activeElement && document.activeElement.name
          ? { name: document.activeElement.name, value: document.activeElement.value } : null;
        const fresh = $("[data-list]", page);
        const more = $$(".more[open]", filters).map((d) => d.closest("[data-group]").dataset.group);
        list.replaceChildren(...fresh.childNodes);
        document.title = page.title;
        const old = $("[data-search]"), search = $("[data-search]", page);
        if (old && search && !old.contains(document.activeElement)) old.replaceWith(search);
        $("[data-list-head]").replaceWith($("[data-list-head]", page));
        const next = $("#filtros");
        $$("details[data-group]", next).forEach((group) => {
          if (openGroups.includes(group.dataset.group)) group.open = true;
          if (closedGroups.includes(group.dataset.group)) group.open = false;
          const rest = $(".more", group);
          if (rest && more.includes(group.dataset.group)) rest.open = true;
        });
        if (isOpen) next.classList.add("is-open");
        next.scrollTop = top;
        if (held) {
          const again = $$("input, select", list).find((field) => field.name === held.name && (field.type !== "checkbox" || field.value === held.value));
          if (again) again.focus({ preventScroll: true });
        }
        if (push) history.pushState({ list: true }, "", address);
        bind();
      } catch (error) {
        if (error.name !== "AbortError") location.assign(address);
      }
    };
    const applies = (element) => element.closest("[data-filters], [data-sort]");
    list.addEventListener("change", (event) => {
      const form = applies(event.target);
      if (form) load(addressOf(form), true);
    });
    list.addEventListener("submit", (event) => {
      const form = applies(event.target);
      if (!form) return;
      event.preventDefault();
      if ($("#filtros").classList.contains("is-open")) close();
      else load(addressOf(form), true);
    });
    list.addEventListener("click", (event) => {
      const chip = event.target.closest("[data-swap]");
      if (chip && !event.metaKey && !event.ctrlKey) {
        event.preventDefault();
        load(chip.getAttribute("href"), true);
      }
      if (event.target.closest("[data-filters-open]")) {
        event.preventDefault();
        $("#filtros").classList.add("is-open");
        document.body.classList.add("is-locked");
        $("[data-filters-close]").focus();
      }
      if (event.target.closest("[data-filters-close]")) {
        event.preventDefault();
        close();
      }
    });
    const close = () => {
      $("#filtros").classList.remove("is-open");
      document.body.classList.remove("is-locked");
      $("[data-filters-open]").focus();
    };
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && $("#filtros").classList.contains("is-open")) close();
    });
    addEventListener("popstate", () => load(location.pathname + location.search, false));
  }

  // ---- simulator ----
  const simulator = $("[data-simulator]");
  if (simulator) {
    const form = $("[data-simulate]", simulator), result = $("[data-result]", simulator);
    const digits = (text) => +text.replace(/,\d{1,2}$/, "").replace(/\D/g, "") || 0;
    let timer, request;
    const ask = async () => {
      if (request) request.abort();
      const mine = request = new AbortController();
      try {
        const page = await fetchPage(addressOf(form), mine.signal);
        result.replaceChildren(...$("[data-result]", page).childNodes);
        ["preco", "entrada", "prazo"].forEach((name) => { // the form below asks for what is shown
          const mine = $(`[data-lead-form] [name=${name}]`, simulator), theirs = $(`[data-lead-form] [name=${name}]`, page);
          if (mine && theirs) mine.value = theirs.value;
        });
        $$(".error-text", form).forEach((text) => text.remove());
        $$("[aria-invalid]", form).forEach((field) => field.removeAttribute("aria-invalid"));
        $$(".error-text", page).forEach((text) => {
          const field = document.getElementById(text.id.replace("e-", "f-"));
          if (!field) return;
          field.setAttribute("aria-invalid", "true");
          field.parentElement.append(text);
        });
      } catch (error) {
        if (error.name !== "AbortError") tell(words.offline);
      }
    };
    const later = (wait) => { clearTimeout(timer); timer = setTimeout(ask, wait); };
    $$("[data-slider]", form).forEach((slider) => {
      const field = document.getElementById(slider.dataset.slider);
      slider.value = digits(field.value);
      slider.addEventListener("input", () => {
        field.value = Number(slider.value).toLocaleString("pt-BR");
        later(150);
      });
      field.addEventListener("input", () => {
        slider.value = digits(field.value);
        later(500);
      });
    });
    form.addEventListener("change", (event) => { if (event.target.tagName === "SELECT") ask(); });
    form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  }
})();
