// Passkeys: asks the server what to ask, the device for its answer, then sends the form. Without this
// file, or in a browser without passkeys, the forms stay hidden and password and code do it.
(() => {
  "use strict";
  if (!window.PublicKeyCredential) return;
  const { post } = window.vitrineStaff;
  const octets = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const named = (list = []) => list.map((one) => ({ ...one, id: octets(one.id) }));

  const ask = (options) => {
    const challenge = octets(options.challenge);
    if (!options.user) {
      return navigator.credentials.get({ publicKey: { ...options, challenge, allowCredentials: named(options.allowCredentials) } });
    }
    const user = { ...options.user, id: octets(options.user.id) };
    return navigator.credentials.create({ publicKey: { ...options, challenge, user, excludeCredentials: named(options.excludeCredentials) } });
  };

  const written = ({ id, rawId, type, response }) => {
    const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
    const given = parts.filter((part) => response[part]).map((part) => [part, text(response[part])]);
    return JSON.stringify({ id, rawId: text(rawId), type, response: Object.fromEntries(given) });
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const answer = form.elements.credential;
    const problem = form.querySelector("[data-passkey-problem]");
    const say = (words) => { problem.hidden = !words; problem.textContent = words; };
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      if (answer.value) return;
      event.preventDefault();
      say("");
      const button = form.querySelector("button");
      button.disabled = true;
      try {
        const asked = await post(form.dataset.passkey, new FormData(form));
        const told = await asked.json();
        if (told.problem) { say(told.problem); return; }
        answer.value = written(await ask(told.options));
      } catch {
        say(problem.dataset.failed);  // refused, interrupted, not on this device, offline
        return;
      } finally {
        button.disabled = false;
      }
      form.requestSubmit();
    });
  }
  for (const none of document.querySelectorAll("[data-passkey-none]")) none.hidden = true;
})();
