// "All of them" ticks every car; without this file each is ticked by hand.
(() => {
  "use strict";
  for (const every of document.querySelectorAll("[data-check-all]")) {
    const boxes = [...every.form.querySelectorAll(`input[name=${every.dataset.checkAll}]`)];
    every.addEventListener("change", () => { for (const box of boxes) box.checked = every.checked; });
  }
})();
