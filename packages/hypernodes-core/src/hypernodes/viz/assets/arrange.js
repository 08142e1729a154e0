// All levels together: sizes from the inside out, places from the outside in.

const PAD = 16;
const LABEL_HEIGHT = 16;

// Returns {width, height, places: {box id: {x, y, width, height}}, arrows: [{points, labels}]}.
function arrange(drawing, opened, orient) {
  const isTurned = orient === "LR" || orient === "RL";
  const folded = foldDrawing(drawing, opened);
  const levels = splitLevels(folded, opened);
  const plans = new Map();
  for (const group of [...levels.keys()].reverse()) {
    plans.set(group, planLevel(group, levels.get(group), plans, drawing, isTurned));
  }
  const outside = plans.get(null);
  const whole = { width: outside.layout.width, height: outside.layout.height };
  const scene = { places: {}, arrows: folded.arrows.map((arrow) => ({ ...arrow, parts: [], labels: [] })) };
  placeLevel(null, 0, 0, levels, plans, scene, isTurned);
  const isFlipped = orient === "BT" || orient === "RL";
  turnScene(scene, isTurned, isFlipped ? whole.height : 0, isFlipped);
  scene.width = isTurned ? whole.height : whole.width;
  scene.height = isTurned ? whole.width : whole.height;
  scene.boxes = folded.boxes;
  return scene;
}

// Sizes along the flow are heights: the directions that are turned swap them.
function flowSize(width, height, isTurned) {
  return isTurned ? { width: height, height: width } : { width, height };
}

function planLevel(group, level, plans, drawing, isTurned) {
  const items = [];
  const index = new Map();
  const add = (id, item) => {
    index.set(id, items.length);
    items.push(item);
  };
  for (const port of level.ports) {
    const size = port.text ? labelSize(port.text, drawing) : { width: 6, height: 0 };
    add(port.id, { ...flowSize(size.width, size.height, isTurned), pin: port.side, text: port.text });
  }
  for (const box of level.boxes) {
    const plan = plans.get(box.id);
    add(box.id, plan ? { ...plan.size, isFixed: true } : flowSize(box.width, box.height, isTurned));
  }
  const nets = new Map();
  const ends = [];
  const connect = (source, port, target, targetPort) => {
    const key = JSON.stringify([source, port]);
    const at = port === null ? items[index.get(source)].width / 2 : plans.get(source).ports.get(port);
    if (!nets.has(key)) nets.set(key, { source: index.get(source), offset: at, targets: [] });
    const net = nets.get(key);
    const item = index.get(target);
    const offset = targetPort === null ? items[item].width / 2 : plans.get(target).ports.get(targetPort);
    net.targets.push({ item, offset });
    return [net, net.targets.length - 1];
  };
  for (const piece of level.pieces) {
    const { source, target } = piece;
    if (!piece.text) {
      ends.push([piece, [connect(source.item, source.port, target.item, target.port)]]);
      continue;
    }
    const label = `label:${piece.arrow}`;
    const size = labelSize(piece.text, drawing);
    add(label, { ...flowSize(size.width, size.height, isTurned), text: piece.text });
    const first = connect(source.item, source.port, label, null);
    ends.push([piece, [first, connect(label, null, target.item, target.port)], label]);
  }
  const list = [...nets.values()];
  const layout = layOutLevel(items, list);
  return { items, index, layout, list, ends, ...frameLevel(group, level, layout, index, items, drawing, isTurned) };
}

function labelSize(text, drawing) {
  return { width: textWidth(text, drawing.label_size) + 10, height: LABEL_HEIGHT };
}

// The size of an opened pipeline around its level, and where its ports are.
function frameLevel(group, level, layout, index, items, drawing, isTurned) {
  if (group === null) return { size: null, ports: new Map(), inset: { across: 0, along: 0 } };
  const box = drawing.by_id.get(group);
  const heading = box.heading_height + 12;
  const before = isTurned ? { across: heading, along: PAD } : { across: PAD, along: heading };
  const least = box.heading_width + 2 * PAD;
  const width = Math.max(layout.width + before.across + PAD, isTurned ? 0 : least);
  const height = Math.max(layout.height + before.along + PAD, isTurned ? least : 0);
  const extra = isTurned ? 0 : (width - layout.width - before.across - PAD) / 2;
  const inset = { across: before.across + extra, along: before.along };
  const ports = new Map();
  for (const port of level.ports) {
    const item = index.get(port.id);
    ports.set(port.id, inset.across + layout.places[item].x + items[item].width / 2);
  }
  return { size: { width, height }, ports, inset };
}

function placeLevel(group, across, along, levels, plans, scene, isTurned) {
  const level = levels.get(group);
  const plan = plans.get(group);
  const at = (id) => {
    const place = plan.layout.places[plan.index.get(id)];
    return { x: across + place.x, y: along + place.y };
  };
  for (const box of level.boxes) {
    const item = plan.items[plan.index.get(box.id)];
    scene.places[box.id] = { ...at(box.id), width: item.width, height: item.height };
  }
  const labelled = (id, arrow) => {
    const item = plan.items[plan.index.get(id)];
    const place = at(id);
    const middle = { x: place.x + item.width / 2, y: place.y + item.height / 2 };
    if (item.text) scene.arrows[arrow].labels.push({ ...middle, text: item.text, is_inside: group !== null });
  };
  for (const port of level.ports) labelled(port.id, Number(port.id.split(":")[1]));
  for (const [piece, parts, label] of plan.ends) {
    if (label) labelled(label, piece.arrow);
    for (const [net, target] of parts) {
      const path = plan.layout.paths[plan.list.indexOf(net)][target];
      const points = path.map(({ x, y }) => ({ x: across + x, y: along + y }));
      scene.arrows[piece.arrow].parts.push({ order: piece.order, points });
    }
  }
  for (const box of level.boxes) {
    const inner = plans.get(box.id);
    if (!inner) continue;
    const place = at(box.id);
    placeLevel(box.id, place.x + inner.inset.across, place.y + inner.inset.along, levels, plans, scene, isTurned);
  }
}

// Turns places into the direction that was asked for, and joins the parts of each arrow.
function turnScene(scene, isTurned, length, isFlipped) {
  const turn = ({ x, y }) => {
    const along = isFlipped ? length - y : y;
    return isTurned ? { x: along, y: x } : { x, y: along };
  };
  for (const [id, place] of Object.entries(scene.places)) {
    const corner = turn({ x: place.x, y: isFlipped ? place.y + place.height : place.y });
    const size = flowSize(place.width, place.height, isTurned);
    scene.places[id] = { ...corner, ...size };
  }
  for (const arrow of scene.arrows) {
    // levels are placed from the outside in, but an arrow may start inside
    arrow.parts.sort((one, other) => one.order - other.order);
    const points = arrow.parts.flatMap((part) => part.points).map(turn);
    arrow.points = points.filter(
      (point, index) => !index || Math.hypot(point.x - points[index - 1].x, point.y - points[index - 1].y) > 0.5,
    );
    arrow.labels = arrow.labels.map((label) => ({ ...label, ...turn(label) }));
    arrow.is_mapped = arrow.wires.some((wire) => wire.mapped.some(Boolean));
  }
}

// A curve through all points that leaves and arrives along the flow.
function curveThrough(points, isTurned) {
  let path = `M${points[0].x} ${points[0].y}`;
  for (let index = 1; index < points.length; index++) {
    const [from, to] = [points[index - 1], points[index]];
    const isStraight = isTurned ? from.y === to.y : from.x === to.x;
    if (isStraight) {
      path += `L${to.x} ${to.y}`;
    } else if (isTurned) {
      const middle = (from.x + to.x) / 2;
      path += `C${middle} ${from.y} ${middle} ${to.y} ${to.x} ${to.y}`;
    } else {
      const middle = (from.y + to.y) / 2;
      path += `C${from.x} ${middle} ${to.x} ${middle} ${to.x} ${to.y}`;
    }
  }
  return path;
}
