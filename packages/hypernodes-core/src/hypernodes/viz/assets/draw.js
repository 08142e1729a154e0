// A scene as SVG: frames, arrows, boxes.  Colours are in the style sheet.

const SVG = "http://www.w3.org/2000/svg";

function make(name, attributes = {}, parent = null) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (parent) parent.append(element);
  return element;
}

const measuring = document.createElement("canvas").getContext("2d");

function textWidth(text, size) {
  measuring.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  return measuring.measureText(text).width;
}

// Draws the whole scene anew; returns {box id: its element}.
function drawScene(world, scene, drawing, orient) {
  world.replaceChildren();
  const elements = new Map();
  const frames = make("g", {}, world);
  const arrows = make("g", { "aria-hidden": "true" }, world);
  const front = make("g", {}, world);
  for (const box of scene.boxes) {
    const place = scene.places[box.id];
    const isOpen = box.kind === "group" && drawing.opened.has(box.id);
    elements.set(box.id, isOpen ? drawFrame(frames, front, box, place, drawing) : drawBox(front, box, place, drawing));
  }
  scene.arrows.forEach((arrow) => drawArrow(arrows, arrow, orient, drawing));
  return elements;
}

function drawBox(parent, box, place, drawing) {
  const kind = box.kind === "group" ? "nested" : box.kind;
  const group = make("g", { class: `node ${kind}`, tabindex: "-1", role: "button" }, parent);
  group.setAttribute("transform", `translate(${place.x} ${place.y})`);
  group.setAttribute("aria-label", describeBox(box));
  group.innerHTML = box.svg;
  outline(group, place, drawing.radius + 3);
  group.dataset.id = box.id;
  return group;
}

// The frame lies behind the arrows and the heading in front of them.
function drawFrame(frames, front, box, place, drawing) {
  const group = make("g", { class: "cluster", tabindex: "-1", role: "button", "aria-expanded": "true" }, frames);
  group.setAttribute("transform", `translate(${place.x} ${place.y})`);
  group.setAttribute("aria-label", describeBox(box));
  for (const shift of box.is_mapped ? [6, 3, 0] : [0]) {
    const size = { x: shift, y: -shift, width: place.width, height: place.height, rx: drawing.radius + 3 };
    make("rect", { class: "group-box", ...size }, group);
  }
  outline(group, place, drawing.radius + 5);
  group.dataset.id = box.id;
  const heading = make("g", { class: "heading", transform: `translate(${place.x + 14} ${place.y + 7})` }, front);
  heading.innerHTML = box.heading;
  heading.style.pointerEvents = "none";
  return group;
}

function outline(group, place, radius) {
  make("rect", { class: "frame", x: -3, y: -3, width: place.width + 6, height: place.height + 6, rx: radius }, group);
}

function drawArrow(parent, arrow, orient, drawing) {
  const isTurned = orient === "LR" || orient === "RL";
  const group = make("g", { class: arrow.is_mapped ? "edge mapped" : "edge" }, parent);
  group.dataset.source = arrow.source;
  group.dataset.target = arrow.target;
  const points = arrow.points.map(({ x, y }) => ({ x, y }));
  const tip = { ...points[points.length - 1] };
  const sign = orient === "BT" || orient === "RL" ? -1 : 1;
  const end = points[points.length - 1];
  if (isTurned) end.x -= 7 * sign;
  else end.y -= 7 * sign;
  make("path", { class: "wire", d: curveThrough(points, isTurned) }, group);
  const head = isTurned
    ? [[tip.x, tip.y], [tip.x - 8 * sign, tip.y - 3.2], [tip.x - 8 * sign, tip.y + 3.2]]
    : [[tip.x, tip.y], [tip.x - 3.2, tip.y - 8 * sign], [tip.x + 3.2, tip.y - 8 * sign]];
  make("polygon", { class: "head", points: head.join(" ") }, group);
  for (const label of arrow.labels) {
    const size = drawing.label_size;
    const kind = label.is_inside ? "label inside" : "label";
    const text = make("text", { class: kind, x: label.x, y: label.y + size * 0.36, "font-size": size }, group);
    text.setAttribute("text-anchor", "middle");
    text.textContent = label.text;
  }
}

function describeBox(box) {
  const values = box.fields.map((field) => (field.type ? `${field.name}: ${field.type}` : field.name));
  if (!box.is_node) return `${box.state || ""} ${box.kind} ${values.join(", ")}`.trim();
  const kinds = { group: "nested pipeline", dual: "function for one and for many" };
  const parts = [`${kinds[box.kind] || "function"} ${box.label}`];
  if (values.length) parts.push(`gives ${values.join(", ")}`);
  return [...parts, ...box.remarks].join(", ");
}
