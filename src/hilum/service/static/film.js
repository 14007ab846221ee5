// The page of one film. The answer is in the page as it came; here are the film, its window, its heat map and the keys.
import { wireBeside } from "./beside.js";
import { wireButtons, wireWindow } from "./controls.js";
import { wireHeat } from "./heat.js";
import { wireKeys } from "./keys.js";
import { showNames } from "./names.js";
import { Viewer, loadPixels } from "./viewer.js";

const byId = (id) => document.getElementById(id);
const room = byId("room");

showNames();
byId("print").addEventListener("click", () => window.print());
if (room.dataset.pixels) start();

async function start() {
  const status = byId("viewer-status");
  let film;
  try {
    film = await loadPixels(room.dataset.pixels);
  } catch (error) {
    status.textContent = error.message;
    byId("viewer").removeAttribute("aria-busy");
    return;
  }
  const viewer = new Viewer(byId("canvas"), film);
  wireWindow(viewer);
  wireButtons(viewer);
  const heat = byId("heat") ? wireHeat(viewer, room.dataset.heatmap) : null;
  const beside = wireBeside();
  wireKeys(viewer, beside, heat);
  status.textContent = "";
  byId("viewer").removeAttribute("aria-busy");
}
