// A viewer of 12 to 16 bit pixels: the window is applied to the film's own values, never to a picture of 8 bits.

const SMOOTH_BELOW = 8;  // times their size pixels run into one another, from there on each is seen by itself
const CLICK = 4;  // screen pixels that a pointer may move in a click

export async function loadPixels(address) {
  const reply = await fetch(address, { headers: { Accept: "application/vnd.hilum.pixels" } });
  if (!reply.ok) {
    const told = await reply.json().catch(() => ({}));
    throw new Error(told.detail || "The film could not be loaded.");
  }
  const bytes = new Uint8Array(await reply.arrayBuffer());
  const end = bytes.indexOf(10);
  const about = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  const stream = new Blob([bytes.subarray(end + 1)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const raw = await new Response(stream).arrayBuffer();
  return { ...about, values: new Uint16Array(raw) };  // little-endian, as every browser's machine is
}

export class Viewer {
  constructor(canvas, film) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.table = new Uint32Array(65536);
    this.onChange = () => {};
    this.pointers = new Map();
    this.show(film);
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.listen();
  }

  show(film) {
    this.film = film;
    this.picture = new OffscreenCanvas(film.width, film.height);
    this.pixels = this.picture.getContext("2d").createImageData(film.width, film.height);
    this.words = new Uint32Array(this.pixels.data.buffer);
    this.heat = null;
    this.heatShare = 0;
    this.pointed = "";
    this.frame = null;
    this.presets = film.windows.map((window) => ["", ...window]);
    this.reset();
  }

  blank() {
    this.stale = false;
    this.picture.getContext("2d").clearRect(0, 0, this.film.width, this.film.height);
    this.draw();
  }

  reset() {
    this.inverted = false;
    this.line = null; this.ruling = false; this.drawing = false;
    [this.centre, this.width] = this.film.windows[0];
    this.fitted = true;
    this.resize();
    this.applyWindow();
  }

  setWindow(centre, width) {
    this.centre = centre;
    this.width = Math.max(1, width);
    this.applyWindow();
  }

  invert() { this.inverted = !this.inverted; this.applyWindow(); }

  applyWindow() { this.stale = true; this.draw(); }

  // PS3.3 C.11.2.1.2.1, the function LINEAR.
  paintFilm() {
    const { film, table, centre, width } = this;
    const flipped = this.inverted !== film.inverted;
    for (let value = film.low; value <= film.high; value++) {
      const share = width <= 1 ? (value > centre - 0.5 ? 1 : 0) : (value - (centre - 0.5)) / (width - 1) + 0.5;
      let grey = Math.round(255 * Math.min(1, Math.max(0, share)));
      if (flipped) grey = 255 - grey;
      table[value] = (255 << 24) | (grey << 16) | (grey << 8) | grey;
    }
    const { values } = film, { words } = this;
    for (let place = 0; place < values.length; place++) words[place] = table[values[place]];
    this.picture.getContext("2d").putImageData(this.pixels, 0, 0);
    this.stale = false;
  }

  resize() {
    const scale = window.devicePixelRatio || 1;
    const box = this.canvas.getBoundingClientRect();
    const width = Math.max(1, Math.round(box.width * scale)), height = Math.max(1, Math.round(box.height * scale));
    const changed = this.canvas.width !== width || this.canvas.height !== height;
    if (changed) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    if (this.fitted) this.fit(); else this.draw();
    if (changed) this.paint();  // its new size has emptied the canvas, and paper does not wait for a frame
  }

  // The whole film: markers at its edges stay in view.
  fit() {
    const { canvas, film } = this;
    this.fitted = true;
    this.zoom = Math.min(canvas.width / film.width, canvas.height / film.height);
    this.left = (canvas.width - film.width * this.zoom) / 2;
    this.top = (canvas.height - film.height * this.zoom) / 2;
    this.draw();
  }

  zoomBy(factor, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    const zoom = Math.min(32, Math.max(0.02, this.zoom * factor));
    this.left = x - ((x - this.left) * zoom) / this.zoom;
    this.top = y - ((y - this.top) * zoom) / this.zoom;
    this.zoom = zoom;
    this.fitted = false;
    this.draw();
  }

  pan(x, y) { this.left += x; this.top += y; this.fitted = false; this.draw(); }

  // At most once a frame, however many movements of the mouse it has.
  draw() {
    this.measure();
    this.onChange();
    this.frame ??= requestAnimationFrame(() => { this.frame = null; this.paint(); });
  }

  paint() {
    const { context, canvas, film } = this;
    if (this.stale) this.paintFilm();
    const place = [this.left, this.top, film.width * this.zoom, film.height * this.zoom];
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = this.zoom < SMOOTH_BELOW;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.picture, ...place);
    if (this.heat && this.heatShare > 0) {
      context.globalAlpha = this.heatShare;
      context.imageSmoothingEnabled = true;
      context.drawImage(this.heat, ...place);
      context.globalAlpha = 1;
    }
    if (this.line) this.paintLine();
  }

  // A line to begin with lies across the middle of what is seen; dragging draws another.
  toggleRuler() {
    this.ruling = !this.ruling;
    this.line = null; this.drawing = false;
    if (this.ruling) {
      const { canvas } = this;
      this.line = [0.4, 0.6].map((share) => this.placeIn(canvas.width * share, canvas.height / 2));
    }
    this.draw();
  }

  moveRuler(end, x, y) {
    const [column, row] = this.line[end];
    this.line[end] = [column + x, row + y];
    this.draw();
  }

  paintLine() {
    const { context, line } = this;
    const [a, b] = line.map(([x, y]) => [this.left + x * this.zoom, this.top + y * this.zoom]);
    for (const [colour, width] of [["#000", 5], ["#ffd54a", 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath(); context.moveTo(...a); context.lineTo(...b); context.stroke();
    }
  }

  measure() {
    const { line, film: { spacing } } = this;
    if (!line) { this.measured = ""; return; }
    const length = Math.hypot(line[1][0] - line[0][0], line[1][1] - line[0][1]);
    this.measured = spacing ? `${(length * spacing).toFixed(0)} mm at the detector` : `${length.toFixed(0)} pixels; their size is not known`;
  }

  // From pixels of the canvas to those of the film.
  placeIn(x, y) { return [(x - this.left) / this.zoom, (y - this.top) / this.zoom]; }

  placeOf(event) {
    const { canvas } = this, box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) * canvas.width) / box.width;
    const y = ((event.clientY - box.top) * canvas.height) / box.height;
    return { x, y, film: this.placeIn(x, y) };
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("dblclick", () => { if (!this.ruling) this.fit(); });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const place = this.placeOf(event);
      this.zoomBy(Math.exp(-event.deltaY / 400), place.x, place.y);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.lift(event));
    canvas.addEventListener("pointercancel", (event) => this.lift(event));
  }

  press(event) {
    const place = this.placeOf(event);
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, place);
    const moving = event.button === 2 || event.button === 1 || event.shiftKey;
    this.dragging = moving ? "pan" : this.ruling ? "ruler" : "window";
    if (this.dragging !== "ruler") return;
    if (this.drawing) {  // the second click
      this.line[1] = place.film;
      this.drawing = false;
      this.dragging = "";
    } else {
      this.line = [place.film, place.film];
      this.drawing = true;
    }
    this.draw();
  }

  move(event) {
    const now = this.placeOf(event), before = this.pointers.get(event.pointerId);
    this.point(now.film);
    if (this.drawing) { this.line[1] = now.film; this.draw(); return; }
    if (!before) { this.onChange(); return; }
    if (this.pointers.size === 2) this.pinch(event.pointerId, now);
    else if (this.dragging === "pan") this.pan(now.x - before.x, now.y - before.y);
    else if (this.dragging === "window") {
      const speed = (this.film.high - this.film.low) / 1000;
      this.setWindow(this.centre + (now.y - before.y) * speed, this.width + (now.x - before.x) * speed);
    }
    this.pointers.set(event.pointerId, now);
  }

  lift(event) {
    this.pointers.delete(event.pointerId);
    if (!this.drawing) return;
    const [a, b] = this.line;
    if (Math.hypot(b[0] - a[0], b[1] - a[1]) * this.zoom > CLICK) this.drawing = false;  // a drag; a click waits for its second
  }

  pinch(id, now) {
    const [other] = [...this.pointers].filter(([each]) => each !== id).map(([, place]) => place);
    const before = this.pointers.get(id);
    const apart = (a) => Math.hypot(a.x - other.x, a.y - other.y) || 1;
    this.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    this.zoomBy(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }

  point([x, y]) {
    const column = Math.floor(x), row = Math.floor(y), { film } = this;
    const inside = column >= 0 && row >= 0 && column < film.width && row < film.height;
    this.pointed = inside ? `${column}, ${row}: ${film.values[row * film.width + column]}` : "";
  }
}
