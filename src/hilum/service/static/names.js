// What a film's file was called, for the person who dropped it: kept by this browser's tab alone, and never sent.
const key = (film) => `hilum-name-${film}`;

export function remember(film, name) {
  try { sessionStorage.setItem(key(film), name); } catch { /* a browser that keeps nothing */ }
}

export function showNames() {
  for (const place of document.querySelectorAll(".local-name")) {
    let name = null;
    try { name = sessionStorage.getItem(key(place.dataset.film)); } catch { return; }
    if (!name) continue;
    place.textContent = name;
    const row = place.closest("dd");
    if (row) { row.hidden = false; row.previousElementSibling.hidden = false; }
  }
}
