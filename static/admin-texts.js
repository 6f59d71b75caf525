// Slots at a tap, and the text as it will look while it is typed. Without this file slots are typed
// and "Show how it looks" shows the text.
(() => {
  "use strict";
  const form = document.querySelector("[data-preview-url]");
  if (!form) return;
  const text = form.querySelector("[data-template-text]");
  const shown = form.querySelector("[data-preview]");
  const token = form.querySelector("[name=csrf_token]").value;

  for (const button of form.querySelectorAll("[data-slot]")) {
    button.addEventListener("click", () => {
      text.setRangeText(`{${button.dataset.slot}}`, text.selectionStart, text.selectionEnd, "end");
      text.focus();
      text.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }

  let timer = 0, asked = 0;
  const look = async () => {
    const mine = ++asked;
    try {
      const answer = await fetch(form.dataset.previewUrl, {
        method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "X-CSRF-Token": token },
      });
      if (answer.ok && mine === asked) shown.innerHTML = await answer.text();
    } catch { /* the button still shows it */ }
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, 350);
  });
})();
