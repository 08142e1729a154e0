// Mouse, touch, wheel, keys and search, and the first picture.

// -- pointing ----------------------------------------------------------------------

const pointers = new Map();
let travelled = 0;

stage.addEventListener("pointerdown", (event) => {
  if (event.button > 0) return;
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  travelled = 0;
});

stage.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const apart = spread();
  const [dx, dy] = [event.clientX - before.x, event.clientY - before.y];
  travelled += Math.abs(dx) + Math.abs(dy);
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (travelled > 4) {
    stage.classList.add("dragging");
    stage.setPointerCapture(event.pointerId);
  }
  if (pointers.size === 2) {
    const bounds = stage.getBoundingClientRect();
    zoom(spread() / apart, middle("x") - bounds.left, middle("y") - bounds.top);
  } else if (travelled > 4) {
    view.x += dx;
    view.y += dy;
    look();
  }
});

for (const name of ["pointerup", "pointercancel"]) {
  stage.addEventListener(name, (event) => {
    pointers.delete(event.pointerId);
    stage.classList.remove("dragging");
  });
}

function spread() {
  const [one, other] = [...pointers.values()];
  return other ? Math.hypot(one.x - other.x, one.y - other.y) : 1;
}

function middle(axis) {
  const values = [...pointers.values()].map((each) => each[axis]);
  return values.reduce((a, b) => a + b) / values.length;
}

stage.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    const bounds = stage.getBoundingClientRect();
    const factor = Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015));
    zoom(factor, event.clientX - bounds.left, event.clientY - bounds.top);
  },
  { passive: false },
);

stage.addEventListener("click", (event) => {
  if (travelled > 4) return;
  const box = event.target.closest("[data-id]");
  if (!box) {
    choose(null);
    return;
  }
  setCurrent(box.dataset.id);
  choose(box.dataset.id);
});

stage.addEventListener("dblclick", (event) => {
  const box = event.target.closest("[data-id]");
  if (box) toggle(box.dataset.id);
});

// -- keys ----------------------------------------------------------------------------

const DIRECTIONS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

stage.addEventListener("keydown", (event) => {
  if (!current || !elements.has(current)) return;
  if (event.key in DIRECTIONS) {
    const next = neighbour(current, DIRECTIONS[event.key]);
    if (next) focusBox(next);
  } else if (event.key === "Enter") {
    choose(current);
  } else if (event.key === " ") {
    toggle(current);
    elements.get(current)?.focus({ preventScroll: true });
  } else {
    return;
  }
  event.preventDefault();
});

// The nearest box in a direction: straight ahead counts for more than aside.
function neighbour(id, [dx, dy]) {
  const from = middleOf(id);
  let best = null;
  let least = Infinity;
  for (const box of scene.boxes) {
    const to = middleOf(box.id);
    const ahead = (to.x - from.x) * dx + (to.y - from.y) * dy;
    const aside = Math.abs((to.x - from.x) * dy) + Math.abs((to.y - from.y) * dx);
    if (box.id === id || ahead < 8 || aside > 3 * ahead) continue;
    const cost = ahead + 2 * aside;
    if (cost < least) [best, least] = [box.id, cost];
  }
  return best;
}

function middleOf(id) {
  const { x, y, width } = scene.places[id];
  return { x: x + width / 2, y: y + 12 };
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select")) return;
  const actions = { "/": () => search.focus(), "+": () => zoom(1.25), "-": () => zoom(0.8), 0: fit };
  if (event.key === "Escape") choose(null);
  else if (event.key in actions) {
    event.preventDefault();
    actions[event.key]();
  }
});

// -- search --------------------------------------------------------------------------

const search = document.getElementById("search");
const found = document.getElementById("found");
let matches = [];
let picked = 0;

const haystacks = drawing.boxes.map((box) => [
  box,
  [box.label, box.path, ...box.fields.map((field) => `${field.name} ${field.type}`)].join(" ").toLowerCase(),
]);

function find() {
  const text = search.value.trim().toLowerCase();
  const begins = (box) => (box.label || box.fields[0]?.name || "").toLowerCase().startsWith(text);
  matches = text ? haystacks.filter(([, hay]) => hay.includes(text)).map(([box]) => box) : [];
  matches.sort((one, other) => begins(other) - begins(one));
  picked = 0;
  const ids = new Set(matches.map((box) => box.id));
  for (const [id, each] of elements) each.classList.toggle("dim", Boolean(text) && !ids.has(id));
  listMatches(text);
  if (text) status.textContent = `${matches.length} found`;
}

function listMatches(text) {
  found.replaceChildren(
    ...matches.slice(0, 50).map((box, index) => {
      const item = element("li", box.label || box.fields.map((field) => field.name).join(", "), { role: "option" });
      item.id = `found-${index}`;
      item.setAttribute("aria-selected", String(index === picked));
      item.append(element("small", box.is_node ? foundIn(box) : kindOf(box)));
      item.addEventListener("mousedown", (event) => {
        event.preventDefault();
        goTo(box.id);
      });
      return item;
    }),
  );
  if (text && !matches.length) found.append(element("li", "Nothing found"));
  found.hidden = !text;
  search.setAttribute("aria-expanded", String(Boolean(text)));
  search.setAttribute("aria-activedescendant", matches.length ? `found-${picked}` : "");
}

function foundIn(box) {
  const where = box.path.split("/").slice(0, -1).join("/");
  return [box.fields.map((field) => field.name).join(", "), where].filter(Boolean).join(" · ");
}

function goTo(id) {
  reveal(id);
  clearSearch();
  setCurrent(id);
  choose(id);
  centre(id);
  elements.get(id)?.focus({ preventScroll: true });
}

function clearSearch() {
  search.value = "";
  find();
}

search.addEventListener("input", find);
search.addEventListener("blur", () => (found.hidden = true));
search.addEventListener("focus", find);
search.addEventListener("keydown", (event) => {
  const shown = Math.min(matches.length, 50);
  if (event.key === "Escape") {
    clearSearch();
    stage.focus();
  } else if (event.key === "Enter" && matches.length) {
    goTo(matches[picked].id);
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && shown) {
    picked = (picked + (event.key === "ArrowDown" ? 1 : shown - 1)) % shown;
    listMatches(search.value.trim());
    found.children[picked].scrollIntoView({ block: "nearest" });
  } else {
    return;
  }
  event.preventDefault();
});

// -- tools ---------------------------------------------------------------------------

function onClick(id, action) {
  document.getElementById(id).addEventListener("click", action);
}

const hasGroups = drawing.boxes.some((box) => box.kind === "group");
for (const id of ["open-all", "close-all"]) document.getElementById(id).hidden = !hasGroups;
onClick("open-all", () => setAll(true));
onClick("close-all", () => setAll(false));
onClick("zoom-in", () => zoom(1.25));
onClick("zoom-out", () => zoom(0.8));
onClick("zoom-fit", fit);

function isDark() {
  return getComputedStyle(document.documentElement).getPropertyValue("--is-dark").trim() === "1";
}

function nameMode() {
  document.getElementById("mode").textContent = isDark() ? "Light" : "Dark";
}

onClick("mode", () => {
  document.documentElement.dataset.mode = isDark() ? "light" : "dark";
  nameMode();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameMode);
nameMode();
document.getElementById("heat-tool").hidden = !drawing.run;
document.getElementById("heat").addEventListener("change", colour);

redraw();
begin();
