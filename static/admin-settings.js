// Settings: copying secret addresses.
(() => {
  "use strict";
  const said = document.querySelector("[data-copy-said]");
  document.querySelectorAll("[data-copy-from]").forEach((field) => {
    field.addEventListener("focus", () => field.select());
    const button = field.parentElement.querySelector("[data-copy]");
    if (!navigator.clipboard || !button) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(field.value).then(
        () => { if (said) said.textContent = window.vitrineStaff.words.copied; },
        () => { field.select(); },
      );
    });
  });
})();

// Identity: choosing a colour by eye beside typing it.
(() => {
  "use strict";
  const box = document.querySelector("[data-color]");
  if (!box) return;
  const text = box.querySelector("[name=brand_color]");
  const pick = box.querySelector("[data-color-pick]");
  pick.parentElement.hidden = false;
  pick.addEventListener("input", () => { text.value = pick.value; text.dispatchEvent(new Event("input", { bubbles: true })); });
  text.addEventListener("input", () => { if (/^#[0-9a-f]{6}$/i.test(text.value.trim())) pick.value = text.value.trim(); });
})();
