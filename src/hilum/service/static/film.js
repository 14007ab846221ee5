// The page of one film: viewer, sliders, keys, heat map. The answer itself is in the page as it came.
import { showNames } from "./names.js";
import { Viewer, loadPixels } from "./viewer.js";

const room = document.getElementById("room");
const byId = (id) => document.getElementById(id);

showNames();
for (const place of document.querySelectorAll("[data-share]")) {
  const share = `${place.dataset.share}%`;
  if (place.classList.contains("threshold")) place.style.left = share; else place.style.width = share;
}

const dialog = byId("keys-dialog");
byId("keys").addEventListener("click", () => dialog.showModal());
byId("print").addEventListener("click", () => window.print());

if (room.dataset.pixels) start();

async function start() {
  const status = byId("viewer-status");
  let film;
  try {
    film = await loadPixels(room.dataset.pixels);
  } catch (error) {
    status.textContent = error.message;
    return;
  }
  status.textContent = "";
  const viewer = new Viewer(byId("canvas"), film);
  window.hilumViewer = viewer;  // for whoever looks at the page from its console
  wireWindow(viewer, film);
  wireButtons(viewer);
  const heat = byId("heat") ? wireHeat(viewer) : null;
  wireKeys(viewer, heat);
}

function wireWindow(viewer, film) {
  const fields = { centre: [byId("centre"), byId("centre-value")], width: [byId("width"), byId("width-value")] };
  const span = Math.max(2, film.high - film.low);
  fields.centre[0].min = film.low; fields.centre[0].max = film.high + 1;
  fields.width[0].min = 1; fields.width[0].max = Math.ceil(span * 1.5);
  for (const [name, pair] of Object.entries(fields)) {
    for (const input of pair) {
      input.addEventListener("input", () => {
        const value = Number(input.value);
        if (Number.isFinite(value) && input.value !== "") viewer.setWindow(name === "centre" ? value : viewer.centre, name === "width" ? value : viewer.width);
      });
    }
  }
  viewer.onChange = () => {
    for (const [name, pair] of Object.entries(fields)) {
      const value = Math.round(viewer[name] * 10) / 10;
      for (const input of pair) if (document.activeElement !== input || Number(input.value) !== value) input.value = value;
    }
    byId("readout-window").textContent = `C ${Math.round(viewer.centre)}  W ${Math.round(viewer.width)}  ${Math.round(100 * viewer.zoom)}%${viewer.measured ? `  ${viewer.measured}` : ""}`;
    byId("readout-value").textContent = viewer.pointed;
    byId("invert").setAttribute("aria-pressed", String(viewer.inverted));
    byId("ruler").setAttribute("aria-pressed", String(viewer.ruling));
  };
  const names = ["as decoded", "2nd", "3rd", "4th"];
  film.windows.slice(0, 4).forEach(([centre, width], number) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${number + 1} ${number ? "" : names[0]} C ${Math.round(centre)} W ${Math.round(width)}`.replace(/ +/g, " ");
    button.addEventListener("click", () => viewer.setWindow(centre, width));
    byId("presets").append(button);
  });
  viewer.onChange();
}

function wireButtons(viewer) {
  byId("fit").addEventListener("click", () => viewer.fit());
  byId("actual").addEventListener("click", () => viewer.actualSize());
  byId("invert").addEventListener("click", () => viewer.invert());
  byId("ruler").addEventListener("click", () => viewer.toggleRuler());
  byId("reset").addEventListener("click", () => viewer.reset());
}

function wireHeat(viewer) {
  const fields = [byId("heat"), byId("heat-value")];
  const status = byId("viewer-status");
  let loading = null, wanted = 0;
  const show = async (share) => {
    wanted = share;
    if (share > 0 && !viewer.heat) {
      status.textContent = "Drawing the heat map …";
      loading ??= fetch(room.dataset.heatmap).then(async (reply) => {
        if (!reply.ok) throw new Error((await reply.json()).detail);
        viewer.heat = await createImageBitmap(await reply.blob());
      });
      try { await loading; status.textContent = ""; } catch (error) { status.textContent = error.message; loading = null; return; }
    }
    viewer.heatShare = wanted / 100;
    viewer.draw();
  };
  for (const field of fields) {
    field.addEventListener("input", () => {
      const share = Math.min(100, Math.max(0, Number(field.value) || 0));
      for (const other of fields) if (other !== field) other.value = share;
      show(share);
    });
  }
  return { hold: () => show(Math.max(65, Number(fields[0].value))), release: () => show(Number(fields[0].value)) };
}

function wireKeys(viewer, heat) {
  const typing = (target) => target.matches?.("input[type=number], input[type=text], select, textarea");
  let held = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || dialog.open) return;
    const sliding = event.target.matches?.("input[type=range]");
    const step = event.shiftKey ? 40 : Math.max(1, Math.round(viewer.width / 50));
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key.startsWith("Arrow")) {
      if (sliding || event.target !== viewer.canvas) return;  // elsewhere the arrows scroll the page
      const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
      if (event.shiftKey) viewer.pan(-x * step, -y * step);
      else viewer.setWindow(viewer.centre + y * step, viewer.width + x * step);
      event.preventDefault();
      return;
    }
    const done = { i: () => viewer.invert(), r: () => viewer.reset(), f: () => viewer.fit(), m: () => viewer.toggleRuler(),
      "+": () => viewer.zoomBy(1.25), "=": () => viewer.zoomBy(1.25), "-": () => viewer.zoomBy(0.8), "?": () => dialog.showModal() }[key];
    if (key === "h" && heat) { if (!held) { held = true; heat.hold(); } event.preventDefault(); return; }
    if (/^[1-4]$/.test(key)) { viewer.preset(Number(key) - 1); return; }
    if (done) { done(); event.preventDefault(); }
  });
  const release = () => { if (held) { held = false; heat.release(); } };
  document.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "h") release(); });
  window.addEventListener("blur", release);
}
