// The pages work without this: it prints on a button, and sends a filter as soon as one of its lists changes.
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-sends-itself]");
  if (form && event.target.matches("select")) form.requestSubmit();
});
// A mark of the timeline leads to its finding: open it, also where it stands closed.
function openNamed() {
  const named = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = named && named.querySelector(":scope > details");
  if (details) {
    details.open = true;
    details.querySelector("summary").focus({ preventScroll: true });
  }
}
addEventListener("hashchange", openNamed);
openNamed();
// htmx notes the address of the page for a history that is not used here: an address may name a patient.
addEventListener("load", () => sessionStorage.removeItem("htmx-current-path-for-history"));
