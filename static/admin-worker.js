// Shows what is pushed while no page of /admin/ is open. It keeps nothing and answers no requests.
const DESK = "/admin/atendimento/";
const pages = () => self.clients.matchAll({ type: "window", includeUncontrolled: true });
const pathOf = (page) => new URL(page.url).pathname;

const read = (event) => { try { return event.data.json(); } catch { return {}; } };

const show = async (told) => {
  // Who looks at the desk just now sees it there; a browser wants something shown all the same.
  const isSeen = (await pages()).some((page) => page.focused && pathOf(page) === DESK);
  const tag = told.tag || "vitrine";
  await self.registration.showNotification(told.title || "Vitrine", {
    body: told.body || "",
    tag,
    renotify: !isSeen,
    silent: isSeen,
    timestamp: told.at || Date.now(),
    icon: "/static/icon-192.png",
    lang: "pt-BR",
    data: { path: told.path || DESK },
  });
};

const open = async (path) => {
  const target = new URL(path, self.location.origin);
  if (target.origin !== self.location.origin || !target.pathname.startsWith("/admin/")) return;
  const present = await pages();
  const same = present.find((page) => pathOf(page) === target.pathname);
  if (same) { await same.focus(); return; }
  // The desk's list may be left for a lead; a page on which somebody may be typing is not.
  const desk = present.find((page) => pathOf(page) === DESK);
  try {
    if (desk) { await (await desk.focus()).navigate(target.href); return; }
  } catch { /* a page that this worker does not control yet */ }
  await self.clients.openWindow(target.href);
};

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("push", (event) => event.waitUntil(show(read(event))));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.path || DESK));
});
