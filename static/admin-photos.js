// Photos of one car: sent in pieces, three at a time, going on after a lost connection; put in
// order by finger, mouse and keys. Without this file the page has plain forms for all of it.
(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = one("[data-photos]");
  const words = one("template[data-photo-words]")?.dataset;
  if (!form || !words) return;
  const { token } = window.vitrineStaff;
  const list = one("[data-shots]");
  const guide = one("[data-guide]");
  const sending = one("[data-queue]");
  const say = (text) => { one("[data-said]").textContent = text; };

  const AT_ONCE = 3;
  const LONGEST_WAIT_MS = 15000;
  const PIECE_WAIT_MS = 60000;

  // ---- what only a script can do is shown now
  one("[data-plain]").remove();
  one("[data-scripted]").hidden = false;
  const showScripted = (root) => { for (const part of all("[data-drag], [data-slot]", root)) part.hidden = false; };
  showScripted(document);

  // ---- sending
  const queue = [];
  let running = 0;
  let sent = 0;

  class Refused extends Error {}
  class Gone extends Error {}

  const ask = async (path, options = {}) => {
    let answer;
    try {
      answer = await fetch(path, { ...options, headers: { "X-CSRF-Token": token, Accept: "application/json", ...options.headers }, redirect: "manual", signal: AbortSignal.timeout(PIECE_WAIT_MS) });
    } catch { throw new Error("offline"); }
    const said = await answer.json().catch(() => ({}));
    if (answer.status === 422 || answer.status === 413) throw new Refused(said.error || words.large);
    if (answer.type === "opaqueredirect" || answer.status === 400) throw new Refused(window.vitrineStaff.words.failed);
    if (answer.status === 404) throw new Gone();
    if (answer.status >= 500 || answer.status === 429) throw new Error("busy");
    return { status: answer.status, ...said };
  };

  const online = () => new Promise((go) => {
    if (navigator.onLine) go(); else addEventListener("online", go, { once: true });
  });
  const pause = (ms) => new Promise((go) => { setTimeout(go, ms); addEventListener("online", go, { once: true }); });

  const begin = async (item) => {
    const said = await ask(form.dataset.photos, { method: "POST", body: new URLSearchParams({ nome: item.file.name, tamanho: item.file.size, slot: item.slot }) });
    item.id = said.id; item.piece = said.piece; item.offset = 0;
  };

  const push = async (item) => {
    const path = `${form.dataset.photos}/${item.id}`;
    while (item.offset < item.file.size) {
      const piece = item.file.slice(item.offset, item.offset + item.piece);
      const said = await ask(`${path}?de=${item.offset}`, { method: "POST", body: piece, headers: { "Content-Type": "application/octet-stream" } });
      item.offset = said.offset;
      item.bar.value = item.offset;
    }
    item.state.textContent = words.working;
    const said = await ask(`${path}/concluir`, { method: "POST" });
    if (said.status === 409) { item.offset = said.offset; return push(item); }
    return said;
  };

  const resume = async (item) => {
    if (!item.id) return begin(item);
    try {
      item.offset = (await ask(`${form.dataset.photos}/${item.id}`)).offset;
    } catch (error) {
      if (!(error instanceof Gone)) throw error;
      await begin(item);  // swept, or done without us hearing of it: the same photo counts once
    }
  };

  // Drawn, not linked: the content policy knows no blob: address. One at a time is decoded.
  const draw = async ({ file, picture }) => {
    try {
      const bitmap = await createImageBitmap(file, { resizeWidth: 112, resizeQuality: "low" });
      picture.getContext("2d").drawImage(bitmap, 0, (84 - bitmap.height) / 2);
      bitmap.close();
    } catch { picture.classList.add("is-blank"); }
  };

  const send = async (item) => {
    let tries = 0;
    draw(item);
    for (;;) {
      try {
        item.state.textContent = words.sending;
        await resume(item);
        return arrive(item, await push(item));
      } catch (error) {
        if (error instanceof Refused) return refuse(item, error.message);
        if (error instanceof Gone && tries > 3) return refuse(item, window.vitrineStaff.words.failed);
        tries += 1;
        item.state.textContent = words.lost;
        await online();
        await pause(Math.min(LONGEST_WAIT_MS, 500 * 2 ** Math.min(tries, 5)));
      }
    }
  };

  const next = () => {
    while (running < AT_ONCE && queue.length) {
      running += 1;
      send(queue.shift()).finally(() => {
        running -= 1;
        if (!running && !queue.length && sent) { say(words.arrived.replace("{n}", sent)); sent = 0; }
        next();
      });
    }
  };

  const arrive = (item, said) => {
    sent += 1;
    item.row.remove();
    sending.hidden = !sending.children.length;
    const card = document.createElement("template");
    card.innerHTML = said.card;
    const fresh = card.content.firstElementChild;
    const old = document.getElementById(fresh.id);
    if (old) old.replaceWith(fresh); else list.append(fresh);
    showScripted(fresh);
    if (said.photos >= Number(list.dataset.count)) {
      list.dataset.count = said.photos;
      guide.innerHTML = said.guide;
      one(".page-head .quiet").textContent = said.words;
      showScripted(guide);
    }
  };

  const refuse = (item, text) => {
    item.row.classList.add("is-bad");
    item.state.textContent = text;
    item.state.setAttribute("role", "alert");
    item.bar.remove();
    const button = (label, act) => {
      const made = document.createElement("button");
      made.type = "button"; made.className = "button"; made.textContent = label;
      made.addEventListener("click", act);
      return made;
    };
    const acts = document.createElement("span");
    acts.className = "page-acts";
    acts.append(
      button(words.retry, () => { item.row.remove(); add([item.file], item.slot); }),
      button(words.drop, () => { item.row.remove(); sending.hidden = !sending.children.length; }),
    );
    item.row.append(acts);
  };

  const complaint = (file) => {
    if (!file.size) return words.empty;
    if (file.size > Number(form.dataset.biggest)) return words.large;
    if (/^image\/hei[cf]$/.test(file.type) || /\.hei[cf]$/i.test(file.name)) return words.heic;
    return "";
  };

  const row = (file) => {
    const made = document.createElement("li");
    const picture = document.createElement("canvas");
    picture.width = 112; picture.height = 84;
    picture.setAttribute("aria-hidden", "true");
    const name = document.createElement("strong");
    name.textContent = file.name;
    const state = document.createElement("span");
    state.className = "small"; state.textContent = words.waiting;
    const bar = document.createElement("progress");
    bar.className = "meter"; bar.max = Math.max(1, file.size); bar.value = 0;
    bar.setAttribute("aria-label", file.name);
    const text = document.createElement("span");
    text.className = "sending-text";
    text.append(name, state, bar);
    made.append(picture, text);
    return { row: made, picture, state, bar };
  };

  const add = (files, slot) => {
    for (const file of files) {
      const item = { file, slot, id: "", offset: 0, ...row(file) };
      sending.append(item.row);
      sending.hidden = false;
      const wrong = complaint(file);
      if (wrong) refuse(item, wrong); else queue.push(item);
    }
    next();
  };

  document.addEventListener("change", (event) => {
    const input = event.target.closest("[data-photo-input]");
    if (!input) return;
    add([...input.files], input.dataset.slot ?? "");
    input.value = "";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("beforeunload", (event) => { if (running || queue.length) event.preventDefault(); });

  // ---- dropping files from a desk
  const isFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragover", (event) => { if (isFiles(event)) { event.preventDefault(); form.classList.add("is-over"); } });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) form.classList.remove("is-over"); });
  document.addEventListener("drop", (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    form.classList.remove("is-over");
    add([...event.dataTransfer.files], "");
  });

  // ---- order
  const ids = () => all("[data-photo]", list).map((shot) => shot.dataset.photo).join(",");
  let saved = ids();
  let timer = 0;
  let saving = Promise.resolve();
  const save = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { saving = saving.then(saveNow); }, 400);
  };
  const saveNow = async () => {
    const wanted = ids();
    if (wanted === saved) return;
    const answer = await window.vitrineStaff.post(form.dataset.order, new URLSearchParams({ ids: wanted })).catch(() => null);
    const said = await answer?.json().catch(() => ({}));
    if (answer?.ok) { saved = wanted; say(said.words); return; }
    say(said?.error || window.vitrineStaff.words.failed);
    if (answer?.status === 409) location.reload();
  };
  const told = (shot) => say(words.moved.replace("{n}", [...list.children].indexOf(shot) + 1));

  const shift = (shot, by, focus) => {
    const other = by < 0 ? shot.previousElementSibling : shot.nextElementSibling;
    if (!other) return;
    if (by < 0) other.before(shot); else other.after(shot);
    focus?.focus();
    told(shot);
    save();
  };

  document.addEventListener("submit", (event) => {
    const step = event.target.dataset.step;
    if (!step || !list.contains(event.target)) return;
    event.preventDefault();
    shift(event.target.closest("[data-photo]"), Number(step), event.submitter);
  }, true);

  list.addEventListener("keydown", (event) => {
    const handle = event.target.closest("[data-drag]");
    const by = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
    if (!handle || !by) return;
    event.preventDefault();
    shift(handle.closest("[data-photo]"), by, handle);
  });

  let held = null;
  list.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest("[data-drag]");
    if (!handle || event.button) return;
    event.preventDefault();
    handle.focus();
    held = { shot: handle.closest("[data-photo]"), handle };
    held.shot.classList.add("is-held");
    handle.setPointerCapture(event.pointerId);
  });
  list.addEventListener("pointermove", (event) => {
    if (!held) return;
    const edge = 70;
    if (event.clientY < edge) scrollBy(0, -12);
    if (event.clientY > innerHeight - edge) scrollBy(0, 12);
    const over = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-photo]");
    if (!over || over === held.shot || !list.contains(over)) return;
    const shots = [...list.children];
    // Moving the handle's element releases the pointer: the neighbours move around it instead.
    const from = shots.indexOf(held.shot);
    const to = shots.indexOf(over);
    if (to > from) for (const shot of shots.slice(from + 1, to + 1)) held.shot.before(shot);
    else for (const shot of shots.slice(to, from).reverse()) held.shot.after(shot);
  });
  const drop = () => {
    if (!held) return;
    held.shot.classList.remove("is-held");
    told(held.shot);
    held = null;
    save();
  };
  list.addEventListener("pointerup", drop);
  list.addEventListener("pointercancel", drop);
})();
