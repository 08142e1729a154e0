// The page: what is open, what is chosen, and where the window looks.

const drawing = JSON.parse(document.getElementById("data").textContent);
drawing.by_id = new Map(drawing.boxes.map((box) => [box.id, box]));
drawing.opened = new Set(drawing.start_open);

const stage = document.getElementById("stage");
const world = document.getElementById("world");
const panel = document.getElementById("details");
const status = document.getElementById("status");
const view = { x: 0, y: 0, scale: 1 };
let scene = null;
let elements = new Map();
let current = null;
let chosen = null;

// -- drawing ---------------------------------------------------------------------

function redraw() {
  scene = arrange(drawing, drawing.opened, drawing.orient);
  elements = drawScene(world, scene, drawing, drawing.orient);
  for (const box of scene.boxes) {
    if (box.kind === "group" && !drawing.opened.has(box.id)) {
      elements.get(box.id).setAttribute("aria-expanded", "false");
    }
  }
  colour();
  setCurrent(elements.has(current) ? current : scene.boxes.length ? scene.boxes[0].id : null);
  if (chosen && !elements.has(chosen)) choose(null);
  else markChosen();
}

// Opens or closes a pipeline; the box that was clicked stays where it is.
function toggle(id) {
  const box = drawing.by_id.get(id);
  if (!box || box.kind !== "group") return;
  const before = scene.places[id];
  const isOpen = drawing.opened.has(id);
  if (isOpen) drawing.opened.delete(id);
  else drawing.opened.add(id);
  redraw();
  const after = scene.places[id];
  view.x += (before.x - after.x) * view.scale;
  view.y += (before.y - after.y) * view.scale;
  look();
  setCurrent(id);
  status.textContent = `${box.label} ${isOpen ? "closed" : "opened"}`;
}

function setAll(isOpen) {
  drawing.opened.clear();
  for (const box of drawing.boxes) if (isOpen && box.kind === "group") drawing.opened.add(box.id);
  redraw();
  fit();
}

// Opens everything around a box, so that it can be seen.
function reveal(id) {
  let isHidden = false;
  for (let group = drawing.by_id.get(id).group; group !== null; group = drawing.by_id.get(group).group) {
    isHidden = isHidden || !drawing.opened.has(group);
    drawing.opened.add(group);
  }
  if (isHidden) redraw();
}

// -- looking ---------------------------------------------------------------------

function look() {
  world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
  stage.classList.toggle("far", view.scale < 0.4);
  stage.classList.toggle("farther", view.scale < 0.15);
}

function fit() {
  const { width, height } = stage.getBoundingClientRect();
  const room = Math.min((width - 48) / Math.max(scene.width, 1), (height - 48) / Math.max(scene.height, 1));
  view.scale = Math.max(0.02, Math.min(room, 1.25));
  view.x = (width - scene.width * view.scale) / 2;
  view.y = (height - scene.height * view.scale) / 2;
  look();
}

// At first a large picture is shown from where it begins, large enough to read.
function begin() {
  fit();
  if (view.scale >= 0.45 || !scene.boxes.length) return;
  const { width, height } = stage.getBoundingClientRect();
  view.scale = 0.6;
  const isTurned = drawing.orient === "LR" || drawing.orient === "RL";
  const isFlipped = drawing.orient === "BT" || drawing.orient === "RL";
  const middles = scene.boxes.map(({ id }) => {
    const place = scene.places[id];
    const [x, y] = [place.x + place.width / 2, place.y + place.height / 2];
    return isTurned ? [y, x] : [x, y];
  });
  const earlier = (one, other) => (one[1] < other[1] !== isFlipped ? one : other);
  const [across, along] = middles.reduce(earlier);
  const margin = 90;
  const edge = { TB: margin, LR: margin, BT: height - margin, RL: width - margin }[drawing.orient];
  view.x = isTurned ? edge - along * view.scale : width / 2 - across * view.scale;
  view.y = isTurned ? height / 2 - across * view.scale : edge - along * view.scale;
  look();
}

function zoom(factor, x, y) {
  const scale = Math.max(0.02, Math.min(view.scale * factor, 6));
  const { width, height } = stage.getBoundingClientRect();
  const [atX, atY] = x === undefined ? [width / 2, height / 2] : [x, y];
  view.x = atX - ((atX - view.x) * scale) / view.scale;
  view.y = atY - ((atY - view.y) * scale) / view.scale;
  view.scale = scale;
  look();
}

function centre(id) {
  const place = scene.places[id];
  const { width, height } = stage.getBoundingClientRect();
  view.scale = Math.max(view.scale, 0.8);
  view.x = width / 2 - (place.x + place.width / 2) * view.scale;
  view.y = height / 2 - (place.y + Math.min(place.height, height) / 2) * view.scale;
  look();
}

function bringIntoView(id) {
  const place = scene.places[id];
  const { width, height } = stage.getBoundingClientRect();
  const left = view.x + place.x * view.scale;
  const top = view.y + place.y * view.scale;
  if (left < 0 || top < 0 || left + place.width * view.scale > width || top + place.height * view.scale > height) {
    centre(id);
  }
}

// -- choosing --------------------------------------------------------------------

// One box at a time can be reached with Tab; arrow keys move on from it.
function setCurrent(id) {
  elements.get(current)?.setAttribute("tabindex", "-1");
  current = id;
  elements.get(current)?.setAttribute("tabindex", "0");
}

function focusBox(id) {
  setCurrent(id);
  bringIntoView(id);
  elements.get(id)?.focus({ preventScroll: true });
}

function choose(id) {
  chosen = id;
  if (id === null) {
    panel.hidden = true;
  } else {
    const box = drawing.by_id.get(id);
    showDetails(panel, box, drawing.details, measuredOf(box), () => {
      choose(null);
      elements.get(id)?.focus({ preventScroll: true });
    });
    status.textContent = describeBox(box);
  }
  markChosen();
}

function markChosen() {
  for (const [id, each] of elements) each.classList.toggle("chosen", id === chosen);
  for (const edge of world.querySelectorAll(".edge")) {
    edge.classList.toggle("near", edge.dataset.source === chosen || edge.dataset.target === chosen);
  }
}

// -- what a run measured -----------------------------------------------------------

// A pipeline that was not measured itself is what is in it together.
function measuredOf(box) {
  if (!drawing.run || !box.is_node) return null;
  if (drawing.run[box.path]) return drawing.run[box.path];
  const inside = Object.entries(drawing.run).filter(([path]) => path.startsWith(`${box.path}/`));
  if (!inside.length) return null;
  const sum = (key) => inside.reduce((total, [, each]) => total + (each[key] || 0), 0);
  return { runs: sum("runs"), hits: sum("hits"), errors: sum("errors"), seconds: sum("seconds"), reasons: [] };
}

const HEATS = {
  seconds: { colour: "#e8590c", value: (each) => each.seconds || 0, text: (each) => formatSeconds(each.seconds) },
  hits: {
    colour: "#2b8a3e",
    value: (each) => each.hits / Math.max(each.hits + each.runs, 1),
    text: (each) => `${Math.round((100 * each.hits) / Math.max(each.hits + each.runs, 1))} %`,
    most: 1,
  },
  errors: { colour: "#e03131", value: (each) => each.errors, text: (each) => String(each.errors) },
};

function colour() {
  const heat = HEATS[document.getElementById("heat").value];
  const boxes = scene.boxes.filter((box) => box.is_node && !drawing.opened.has(box.id));
  const measured = new Map(boxes.map((box) => [box.id, measuredOf(box)]));
  const values = [...measured.values()].filter(Boolean).map((each) => (heat ? heat.value(each) : 0));
  const most = heat?.most || Math.max(...values, 1e-12);
  for (const box of boxes) {
    const node = elements.get(box.id);
    node.querySelector(".badge")?.remove();
    const found = measured.get(box.id);
    node.classList.toggle("cold", Boolean(heat && !found));
    node.classList.toggle("heated", Boolean(heat && found));
    if (!heat || !found) continue;
    node.style.setProperty("--heat-colour", heat.colour);
    node.style.setProperty("--heat", `${Math.round((60 * heat.value(found)) / most)}%`);
    addBadge(node, heat.text(found), scene.places[box.id].width);
  }
}

function addBadge(node, text, right) {
  const width = textWidth(text, 10) + 12;
  const badge = make("g", { class: "badge", transform: `translate(${right - width + 6} -8)` }, node);
  make("rect", { width, height: 16, rx: 8 }, badge);
  const label = make("text", { x: width / 2, y: 11.5, "font-size": 10, "text-anchor": "middle" }, badge);
  label.textContent = text;
}
