// What is visible while some nested pipelines are open, cut into levels.
// The twin of _fold.py and _levels.py: what is said there about names holds here.

// Returns {visible box id: the opened groups around it} and the arrows between them.
function foldDrawing(drawing, opened) {
  const around = new Map();
  for (const box of drawing.boxes) {
    around.set(box.id, box.group === null ? [] : [...around.get(box.group), box.group]);
  }
  const isOpen = (group) => opened.has(group);
  const boxes = drawing.boxes.filter((box) => around.get(box.id).every(isOpen));
  const joined = new Map();
  for (const wire of drawing.wires) {
    const arrow = foldWire(wire, around, isOpen);
    if (!arrow) continue;
    const key = JSON.stringify([arrow.source, arrow.target]);
    if (!joined.has(key)) joined.set(key, { ...arrow, wires: new Map() });
    joined.get(key).wires.set(JSON.stringify([arrow.names, arrow.mapped]), arrow);
  }
  const arrows = [...joined.values()].map((each) => ({
    source: each.source,
    target: each.target,
    wires: [...each.wires.values()],
  }));
  return { boxes, arrows, around };
}

function foldWire(wire, around, isOpen) {
  const left = around.get(wire.source);
  const right = around.get(wire.target);
  const shared = countShared(left, right);
  const start = left.findIndex((group) => !isOpen(group));
  const end = right.findIndex((group) => !isOpen(group));
  const source = start < 0 ? wire.source : left[start];
  const target = end < 0 ? wire.target : right[end];
  if (source === target) return null;
  const hidden = start < 0 ? 0 : left.length - start;
  const exits = left.length - shared;
  // where the target is closed, the name that the value has inside is kept
  const last = end < 0 ? wire.names.length - 1 : exits + end + 1 - shared;
  return {
    source,
    target,
    names: wire.names.slice(hidden, last + 1),
    mapped: wire.mapped.slice(hidden, last),
  };
}

function countShared(one, other) {
  let count = 0;
  while (count < one.length && count < other.length && one[count] === other[count]) count++;
  return count;
}

// The text of some names: each change once, "each" where items are taken out.
function wireText(names, mapped) {
  const kept = names.filter((name, index) => index === 0 || name !== names[index - 1]);
  return (mapped.some(Boolean) ? "each " : "") + kept.join(" -> ");
}

// Returns {group or null: {items, ports, pieces}}: arrows cut where they cross borders.
function splitLevels(folded, opened) {
  const levels = new Map([[null, newLevel()]]);
  for (const box of folded.boxes) {
    if (opened.has(box.id)) levels.set(box.id, newLevel());
  }
  for (const box of folded.boxes) levels.get(box.group).boxes.push(box);
  const labels = new Map(folded.boxes.map((box) => [box.id, box]));
  for (const [number, arrow] of folded.arrows.entries()) {
    cutArrow(number, arrow, folded, levels, labels.get(arrow.source));
  }
  return levels;
}

function newLevel() {
  return { boxes: [], ports: [], pieces: [] };
}

function cutArrow(number, arrow, folded, levels, sourceBox) {
  const left = folded.around.get(arrow.source);
  const isGroup = levels.has(arrow.target);
  const inside = folded.around.get(arrow.target);
  const right = isGroup ? [...inside, arrow.target] : inside;
  const shared = countShared(left, right);
  const cut = { number, crossed: 0, here: { item: arrow.source, port: null } };
  const cross = (group, side) => {
    const port = `${side}:${number}`;
    levels.get(group).ports.push({ id: port, side, text: textAtBorder(arrow.wires, cut.crossed) });
    return port;
  };
  for (const group of left.slice(shared).reverse()) {
    const port = cross(group, "out");
    levels.get(group).pieces.push(newPiece(cut, { item: port, port: null }));
    cut.crossed++;
    cut.here = { item: group, port };
  }
  let level = shared ? left[shared - 1] : null;
  for (const group of right.slice(shared)) {
    const port = cross(group, "in");
    levels.get(level).pieces.push(newPiece(cut, { item: group, port }));
    cut.crossed++;
    cut.here = { item: port, port: null };
    level = group;
  }
  if (isGroup) return;
  const piece = newPiece(cut, { item: arrow.target, port: null });
  piece.text = textAtEnd(arrow.wires, cut.crossed, sourceBox);
  levels.get(level).pieces.push(piece);
}

function newPiece(cut, target) {
  return { arrow: cut.number, order: cut.crossed, source: cut.here, target, text: "" };
}

function textAtBorder(wires, crossed) {
  const changed = wires.filter(
    (wire) => wire.names[crossed] !== wire.names[crossed + 1] || wire.mapped[crossed],
  );
  const texts = changed.map((wire) =>
    wireText(wire.names.slice(crossed, crossed + 2), wire.mapped.slice(crossed, crossed + 1)),
  );
  return texts.join(", ");
}

// What is left to say behind the last border: how a closed pipeline renames a
// value, and which of several outputs an arrow carries.
function textAtEnd(wires, crossed, sourceBox) {
  const texts = [];
  const isOneOfMany = crossed === 0 && sourceBox.is_node && sourceBox.fields.length > 1;
  for (const wire of wires) {
    const names = wire.names.slice(crossed);
    const mapped = wire.mapped.slice(crossed);
    if (mapped.some(Boolean) || new Set(names).size > 1 || isOneOfMany) {
      texts.push(wireText(names, mapped));
    }
  }
  return texts.join(", ");
}
