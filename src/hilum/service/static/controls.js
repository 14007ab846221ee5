// Window and view as sliders, typed values and buttons.

const byId = (id) => document.getElementById(id);

// The film's own windows come first; films that bring fewer than four get windows that their values give.
function presetsOf(film) {
  const presets = film.windows.map((window, number) => [number ? "film's" : "detector's", ...window]);
  const counts = new Float64Array(65536);
  for (const value of film.values) counts[value] += 1;
  const at = (share) => {
    let sum = 0, value = film.low;
    while (value < film.high && (sum += counts[value]) < share * film.values.length) value += 1;
    return value;
  };
  for (const [name, low, high] of [["all values", film.low, film.high], ["middle 98%", at(0.01), at(0.99)]]) {
    presets.push([name, (low + high + 1) / 2, Math.max(2, high - low + 1)]);
  }
  const near = (film.high - film.low) / 50;
  const same = ([, centre, width], other) => Math.abs(centre - other[1]) < near && Math.abs(width - other[2]) < near;
  return presets.filter((each, number) => !presets.slice(0, number).some((before) => same(before, each))).slice(0, 4);
}

export function wireWindow(viewer) {
  const { film } = viewer;
  const fields = { centre: [byId("centre"), byId("centre-value")], width: [byId("width"), byId("width-value")] };
  fields.centre[0].min = film.low;
  fields.centre[0].max = film.high + 1;
  fields.width[0].min = 1;
  fields.width[0].max = Math.ceil(Math.max(2, film.high - film.low) * 1.5);
  for (const [name, pair] of Object.entries(fields)) {
    for (const input of pair) {
      input.addEventListener("input", () => {
        const value = Number(input.value);
        if (input.value === "" || !Number.isFinite(value)) return;
        viewer.setWindow(name === "centre" ? value : viewer.centre, name === "width" ? value : viewer.width);
      });
    }
  }
  viewer.onChange = () => {
    for (const [name, pair] of Object.entries(fields)) {
      const value = Math.round(viewer[name] * 10) / 10;
      for (const input of pair) if (document.activeElement !== input) input.value = value;
    }
    const centre = Math.round(viewer.centre), width = Math.round(viewer.width), zoom = Math.round(100 * viewer.zoom);
    byId("readout-window").textContent = `C ${centre}  W ${width}  ${zoom}%`;
    byId("readout-value").textContent = viewer.pointed;
    if (byId("measured").textContent !== viewer.measured) byId("measured").textContent = viewer.measured;
    byId("invert").setAttribute("aria-pressed", String(viewer.inverted));
    byId("ruler").setAttribute("aria-pressed", String(viewer.ruling));
  };
  viewer.presets = presetsOf(film);
  viewer.presets.forEach(([name, centre, width], number) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${number + 1} ${name}`;
    button.title = `C ${Math.round(centre)} W ${Math.round(width)}`;
    button.addEventListener("click", () => viewer.setWindow(centre, width));
    byId("presets").append(button);
  });
  viewer.onChange();
}

export function wireButtons(viewer) {
  const done = {
    fit: () => viewer.fit(),
    actual: () => viewer.zoomBy(1 / viewer.zoom),
    closer: () => viewer.zoomBy(1.25),
    farther: () => viewer.zoomBy(0.8),
    invert: () => viewer.invert(),
    ruler: () => viewer.toggleRuler(),
    reset: () => viewer.reset(),
  };
  for (const [id, act] of Object.entries(done)) byId(id).addEventListener("click", act);
  for (const button of document.querySelectorAll("[data-move]")) {
    const [x, y] = button.dataset.move.split(" ").map(Number);
    button.addEventListener("click", () => viewer.pan((x * viewer.canvas.width) / 10, (y * viewer.canvas.height) / 10));
  }
}
