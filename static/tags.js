// Sent only where the dealer's settings name a measuring tag. Asks first; before a yes nothing of
// another company is loaded, and no fact told to one ever says who the visitor is.
"use strict";
(() => {
  const box = document.querySelector("[data-consent]");
  if (!box) return;
  const ids = box.dataset;
  const kinds = ["ga4", "ads", "meta", "tiktok"].filter((kind) => ids[kind]);
  const NAME = "consentimento_cookies", HALF_A_YEAR = 15552000;
  // A yes names whom it was for: a company that is added later is asked for anew.
  const known = () => (document.cookie.match(`(?:^|; )${NAME}=([a-z0-9.]+)`) || [])[1] || "";
  const isYes = () => known().startsWith("sim") && kinds.every((kind) => known().split(".").includes(kind));
  const keep = (answer) => {
    const value = answer === "sim" ? ["sim", ...kinds].join(".") : "nao";
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${NAME}=${value}; Path=/; Max-Age=${HALF_A_YEAR}; SameSite=Lax${secure}`;
  };
  const forget = () => {
    document.cookie.split("; ").map((pair) => pair.split("=")[0])
      .filter((name) => /^(_ga|_gcl|_gac|_fbp|_fbc|_ttp|_tt_)/.test(name))
      .forEach((name) => ["", `; Domain=.${location.hostname.replace(/^www\./, "")}`].forEach((domain) => {
        document.cookie = `${name}=; Path=/; Max-Age=0${domain}`;
      }));
  };

  // ---- addresses without keys: a thank-you page's own id is nobody else's business ----
  const CAMPAIGN = /^(utm_\w+|gclid|gbraid|wbraid|fbclid|ttclid)$/;
  const clean = (address) => {
    if (!address) return "";
    const url = new URL(address, location);
    const query = new URLSearchParams([...url.searchParams].filter(([name]) => CAMPAIGN.test(name)));
    const ours = url.origin === location.origin;
    return ours ? url.origin + url.pathname.replace(/\/[0-9a-f-]{32,36}(?=\/|$)/g, "") + (`${query}` && `?${query}`) : url.origin;
  };

  // ---- loaders ----
  let told = null;
  const script = (src) => {
    const element = document.createElement("script");
    element.async = true;
    element.src = src;
    document.head.append(element);
  };
  const google = () => {
    window.dataLayer = window.dataLayer || [];
    window.gtag = function gtag() { window.dataLayer.push(arguments); };
    const adsAnswer = ids.ads ? "granted" : "denied";
    window.gtag("consent", "default", {
      ad_storage: "denied", ad_user_data: "denied", ad_personalization: "denied", analytics_storage: "denied",
      functionality_storage: "denied", personalization_storage: "denied", security_storage: "granted", wait_for_update: 500,
    });
    window.gtag("consent", "update", {
      ad_storage: adsAnswer, ad_user_data: adsAnswer, ad_personalization: adsAnswer, analytics_storage: "granted",
    });
    window.gtag("js", new Date());
    window.gtag("set", { page_location: clean(location.href), page_referrer: clean(document.referrer) });
    [ids.ga4, ids.ads].filter(Boolean).forEach((id) => window.gtag("config", id));
    script(`https://www.googletagmanager.com/gtag/js?id=${ids.ga4 || ids.ads}`);
    return (name, { car, ...facts }) => window.gtag("event", name, facts);
  };
  const meta = () => {
    const NAMES = { view_item: "ViewContent", generate_lead: "Lead", whatsapp_click: "Contact", phone_click: "Contact" };
    const fbq = function () { fbq.callMethod ? fbq.callMethod(...arguments) : fbq.queue.push(arguments); };
    Object.assign(fbq, { push: fbq, loaded: true, version: "2.0", queue: [] });
    window.fbq = window._fbq = fbq;
    fbq("set", "autoConfig", false, ids.meta); // it would read buttons and fields by itself
    fbq("init", ids.meta);
    fbq("track", "PageView");
    script("https://connect.facebook.net/pt_BR/fbevents.js");
    return (name, { items = [], value, currency, car }) => NAMES[name] && fbq("track", NAMES[name], {
      value, currency, ...car, content_type: "vehicle", content_ids: items.map((item) => item.item_id),
    });
  };
  const tiktok = () => {
    const NAMES = { view_item: "ViewContent", generate_lead: "SubmitForm", whatsapp_click: "Contact", phone_click: "Contact" };
    const ttq = window.ttq = window.ttq || [];
    window.TiktokAnalyticsObject = "ttq";
    const later = (target, method) => { target[method] = (...values) => { target.push([method, ...values]); }; };
    ttq.methods = ["page", "track", "identify", "instances", "debug", "on", "off", "once", "ready", "alias", "group", "enableCookie", "disableCookie"];
    ttq.setAndDefer = later;
    ttq.methods.forEach((method) => later(ttq, method));
    ttq.instance = (id) => { const one = ttq._i[id] || []; ttq.methods.forEach((method) => later(one, method)); return one; };
    const url = "https://analytics.tiktok.com/i18n/pixel/events.js";
    ttq._i = { [ids.tiktok]: Object.assign([], { _u: url }) };
    ttq._t = { [ids.tiktok]: +new Date() };
    ttq._o = { [ids.tiktok]: {} };
    ttq.page();
    script(`${url}?sdkid=${ids.tiktok}&lib=ttq`);
    return (name, { items = [], value, currency }) => NAMES[name] && ttq.track(NAMES[name], {
      value, currency, contents: items.map((item) => ({ content_id: item.item_id, content_name: item.item_name, content_type: "product" })),
    });
  };
  const hideKey = () => {
    // Meta's and TikTok's scripts read the address bar themselves.
    const shown = clean(location.href), real = location.href;
    if ((!ids.meta && !ids.tiktok) || new URL(shown).pathname + new URL(shown).search === location.pathname + location.search) return;
    const policy = document.createElement("meta");
    Object.assign(policy, { name: "referrer", content: "strict-origin" });
    document.head.append(policy);
    history.replaceState(history.state, "", shown);
    setTimeout(() => history.replaceState(history.state, "", real), 5000);
  };
  const load = () => {
    if (told) return;
    hideKey();
    told = [];
    if (ids.ga4 || ids.ads) told.push(google());
    if (ids.meta) told.push(meta());
    if (ids.tiktok) told.push(tiktok());
    document.querySelectorAll("[data-page-event]").forEach(tellPage);
  };

  // ---- what happened ----
  const tell = (name, facts) => told && told.forEach((one) => one(name, facts));
  const tellPage = ({ dataset: { pageEvent, facts, once } }) => {
    if (once) {
      const before = (sessionStorage.getItem("contado") || "").split(" ");
      if (before.includes(once)) return;
      sessionStorage.setItem("contado", [...before.slice(-20), once].join(" "));
    }
    tell(pageEvent, JSON.parse(facts));
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='/w/'], a[href^='/ligar/']");
    if (link) {
      const [, door, where] = link.pathname.split("/");
      tell(door === "w" ? "whatsapp_click" : "phone_click", { link: where });
    }
    const answer = event.target.closest("[data-consent-answer]");
    if (answer) choose(answer.dataset.consentAnswer);
    if (event.target.closest("[data-consent-open]")) {
      event.preventDefault();
      box.hidden = false;
      box.querySelector("button").focus();
    }
  });
  const begun = new WeakSet();
  document.addEventListener("input", ({ target: { form } }) => {
    if (!form || begun.has(form) || !form.elements.submission_id) return;
    begun.add(form);
    tell("form_start", { form: new URL(clean(form.action)).pathname });
  });

  const choose = (answer) => {
    const before = isYes();
    keep(answer);
    box.hidden = true;
    if (answer === "sim") load();
    else if (before) {
      if (window.gtag) window.gtag("consent", "update", { ad_storage: "denied", ad_user_data: "denied", ad_personalization: "denied", analytics_storage: "denied" });
      forget();
      location.reload(); // what was loaded leaves
    }
  };
  const begin = () => {
    if (isYes()) load();
    else box.hidden = known() === "nao";
  };
  // A page drawn ahead of a tap tells nobody anything before it is seen.
  if (document.prerendering) document.addEventListener("prerenderingchange", begin, { once: true });
  else begin();
})();
