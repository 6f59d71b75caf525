// Solves the small puzzle that a form carries where the dealer asks for one (ALTCHA, version 1).
// Loaded when the first field gets the focus. A form without an answer is sent all the same.
"use strict";
(() => {
  const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const solve = async ({ algorithm, challenge, salt, signature, maxnumber }) => {
    const started = performance.now(), encoder = new TextEncoder(), together = 250;
    for (let first = 0; first <= maxnumber; first += together) {
      const numbers = Array.from({ length: together }, (_, place) => first + place);
      const digests = await Promise.all(numbers.map((number) => crypto.subtle.digest(algorithm, encoder.encode(salt + number))));
      const at = digests.findIndex((digest) => hex(digest) === challenge);
      if (at >= 0) {
        const took = Math.round(performance.now() - started);
        return btoa(JSON.stringify({ algorithm, challenge, number: first + at, salt, signature, took }));
      }
    }
    return "";
  };
  // Without a secure context there is no crypto.subtle, and the form goes without an answer.
  if (!crypto.subtle) return;
  document.querySelectorAll("form[data-proof]").forEach(async (form) => {
    form.elements.prova.value = await solve(JSON.parse(form.dataset.proof));
  });
})();
