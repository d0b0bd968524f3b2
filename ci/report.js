// SPDX-License-Identifier: Apache-2.0
for (const field of document.querySelectorAll("[data-filter]")) {
  const rows = document.querySelectorAll("#" + field.dataset.filter + " tbody tr");
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}
for (const line of document.querySelectorAll("code.copy")) {
  line.addEventListener("click", () => {
    navigator.clipboard?.writeText(line.textContent);
    line.classList.add("done");
    setTimeout(() => line.classList.remove("done"), 1200);
  });
}
