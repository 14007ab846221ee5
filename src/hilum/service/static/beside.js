// An earlier film of the same patient, beside the one that is read.
import { Viewer, loadPixels } from "./viewer.js";

const byId = (id) => document.getElementById(id);

export function wireBeside() {
  const pane = byId("beside"), status = byId("beside-status");
  const buttons = [...document.querySelectorAll(".beside-button")];
  let viewer = null, shown = null;

  async function show(button) {
    shown = button === shown ? null : button;
    for (const each of buttons) each.setAttribute("aria-pressed", String(each === shown));
    pane.hidden = shown === null;
    if (shown === null) return;
    const { when, pixels } = shown.dataset;
    byId("beside-when").textContent = `Earlier: ${when}`;
    status.textContent = "Loading the earlier film …";
    viewer?.blank();
    try {
      const film = await loadPixels(pixels);
      if (shown !== button) return;
      if (viewer) viewer.show(film); else viewer = new Viewer(byId("beside-canvas"), film);
      status.textContent = "";
    } catch (error) {
      status.textContent = error.message;
    }
  }

  for (const button of buttons) button.addEventListener("click", () => show(button));
  return { viewer: () => (shown ? viewer : null) };
}
