// Places in layers, one level of nesting at a time; the twin of _layers.py, in pixels.
//
// Everything is laid out from top to bottom.  Other directions turn sizes
// before and places after, so that nothing below knows about them.

const NODE_GAP = 26;
const RANK_GAP = 30;
const ORDER_SWEEPS = 10;
const PLACE_SWEEPS = 16;

// items: [{width, height, pin}], nets: [{source, offset, targets: [{item, offset}]}].
// Returns {width, height, places: [{x, y}], paths: [[{x, y}, ...] per target] per net}.
function layOutLevel(items, nets) {
  const layers = rankItems(items, nets);
  const segments = routeNets(layers, nets);
  orderRanks(layers, segments);
  placeRanks(layers, segments);
  return readLayout(layers, segments, items, nets);
}

function rankItems(items, nets) {
  const targets = items.map(() => []);
  const waiting = items.map(() => 0);
  for (const net of nets) {
    for (const target of net.targets) {
      targets[net.source].push(target.item);
      waiting[target.item]++;
    }
  }
  const hasFirst = items.some((item) => item.pin === "in");
  const ranks = items.map((item) => (hasFirst && item.pin !== "in" ? 1 : 0));
  const sources = items.map((_, index) => index).filter((index) => !waiting[index]);
  const ready = [...sources];
  for (let next = 0; next < ready.length; next++) {
    for (const target of targets[ready[next]]) {
      ranks[target] = Math.max(ranks[target], ranks[ready[next]] + 1);
      if (--waiting[target] === 0) ready.push(target);
    }
  }
  for (const index of sources) {
    if (items[index].pin !== "in" && targets[index].length) {
      ranks[index] = Math.min(...targets[index].map((target) => ranks[target])) - 1;
    }
  }
  let bottom = 0;
  items.forEach((item, index) => {
    if (item.pin !== "out") bottom = Math.max(bottom, ranks[index] + 1);
  });
  items.forEach((item, index) => {
    if (item.pin === "out") ranks[index] = bottom;
  });
  const used = [...new Set(ranks)].sort((a, b) => a - b);
  const place = new Map(used.map((rank, index) => [rank, index]));
  const layers = { rankOf: ranks.map((rank) => place.get(rank)), ranks: used.map(() => []) };
  layers.widths = items.map((item) => item.width);
  layers.heights = items.map((item) => item.height);
  layers.rankOf.forEach((rank, index) => layers.ranks[rank].push(index));
  return layers;
}

// Cuts nets into segments; on each rank that a net passes it gets one place.
function routeNets(layers, nets) {
  const segments = [];
  nets.forEach((net, number) => {
    let upper = net.source;
    let upperAt = net.offset;
    const bottom = Math.max(...net.targets.map((target) => layers.rankOf[target.item]));
    for (let rank = layers.rankOf[net.source] + 1; rank <= bottom; rank++) {
      net.targets.forEach((target, index) => {
        if (layers.rankOf[target.item] === rank) {
          const lower = target.item;
          segments.push({ net: number, index, upper, upperAt, lower, lowerAt: target.offset });
        }
      });
      if (rank < bottom) {
        const passing = layers.widths.length;
        layers.widths.push(4);
        layers.heights.push(0);
        layers.rankOf.push(rank);
        layers.ranks[rank].push(passing);
        segments.push({ net: number, index: -1, upper, upperAt, lower: passing, lowerAt: 2 });
        upper = passing;
        upperAt = 2;
      }
    }
  });
  return segments;
}

function orderRanks(layers, segments) {
  const above = layers.widths.map(() => []);
  const below = layers.widths.map(() => []);
  for (const each of segments) {
    const upperShare = each.upperAt / Math.max(layers.widths[each.upper], 1);
    const lowerShare = each.lowerAt / Math.max(layers.widths[each.lower], 1);
    above[each.lower].push([each.upper, upperShare]);
    below[each.upper].push([each.lower, lowerShare]);
    each.shares = [upperShare, lowerShare];
  }
  const place = new Array(layers.widths.length);
  const number = (rank) => rank.forEach((item, index) => (place[item] = index));
  layers.ranks.forEach(number);
  let best = layers.ranks.map((rank) => [...rank]);
  let fewest = countCrossings(layers, segments, place);
  for (let sweep = 0; sweep < ORDER_SWEEPS && fewest > 0; sweep++) {
    const isDown = sweep % 2 === 0;
    const near = isDown ? above : below;
    for (const rank of (isDown ? layers.ranks : [...layers.ranks].reverse()).slice(1)) {
      const middle = new Map(
        rank.map((item) => {
          const ends = near[item].map(([other, share]) => place[other] + share);
          return [item, ends.length ? ends.reduce((a, b) => a + b) / ends.length : place[item]];
        }),
      );
      rank.sort((one, other) => middle.get(one) - middle.get(other) || place[one] - place[other]);
      number(rank);
    }
    const crossings = countCrossings(layers, segments, place);
    if (crossings < fewest) {
      fewest = crossings;
      best = layers.ranks.map((rank) => [...rank]);
    }
  }
  layers.ranks = best;
}

// Inversions between neighbouring ranks, counted by a binary indexed tree.
function countCrossings(layers, segments, place) {
  const byRank = new Map();
  for (const each of segments) {
    const rank = layers.rankOf[each.upper];
    if (!byRank.has(rank)) byRank.set(rank, []);
    byRank.get(rank).push([place[each.upper] + each.shares[0], place[each.lower] + each.shares[1]]);
  }
  let found = 0;
  for (const ends of byRank.values()) {
    ends.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
    const lows = [...new Set(ends.map((end) => end[1]))].sort((a, b) => a - b);
    const order = new Map(lows.map((low, index) => [low, index + 1]));
    const tree = new Array(lows.length + 1).fill(0);
    ends.forEach((end, seen) => {
      let notAbove = 0;
      for (let i = order.get(end[1]); i; i -= i & -i) notAbove += tree[i];
      found += seen - notAbove;
      for (let i = order.get(end[1]); i <= lows.length; i += i & -i) tree[i]++;
    });
  }
  return found;
}

// Moves everything sideways to the middle of its neighbours, order and gaps kept.
function placeRanks(layers, segments) {
  const { ranks, widths } = layers;
  const lefts = new Array(widths.length).fill(0);
  for (const rank of ranks) {
    let left = 0;
    for (const item of rank) {
      lefts[item] = left;
      left += widths[item] + NODE_GAP;
    }
  }
  const upward = widths.map(() => []);
  const downward = widths.map(() => []);
  for (const each of segments) {
    upward[each.lower].push(each);
    downward[each.upper].push(each);
  }
  const isPassing = (item) => widths[item] === 4;
  const wish = (item, parts) => {
    if (!parts.length) return [lefts[item], 0.1];
    let wanted = 0;
    let weight = 0;
    for (const part of parts) {
      const [other, theirs, mine] =
        part.lower === item ? [part.upper, part.upperAt, part.lowerAt] : [part.lower, part.lowerAt, part.upperAt];
      const pull = isPassing(other) && isPassing(item) ? 6 : 1;
      wanted += pull * (lefts[other] + theirs - mine);
      weight += pull;
    }
    return [wanted / weight, weight];
  };
  for (let sweep = 0; sweep < PLACE_SWEEPS; sweep++) {
    const isDown = sweep % 2 === 0;
    for (const rank of isDown ? ranks : [...ranks].reverse()) {
      settle(rank, rank.map((item) => wish(item, isDown ? upward[item] : downward[item])), widths, lefts);
    }
  }
  straighten(layers, segments, lefts);
  const least = Math.min(...lefts, Infinity);
  layers.lefts = lefts.map((left) => left - (least === Infinity ? 0 : least));
}

// A net that passes several ranks does so in one line, as far as there is room for it.
function straighten(layers, segments, lefts) {
  const room = new Map();
  for (const rank of layers.ranks) {
    rank.forEach((item, index) => {
      const [before, after] = [rank[index - 1], rank[index + 1]];
      const least = index ? lefts[before] + layers.widths[before] + NODE_GAP : -Infinity;
      const most = index + 1 < rank.length ? lefts[after] - NODE_GAP - layers.widths[item] : Infinity;
      room.set(item, [least, Math.max(least, most)]);
    });
  }
  for (const chain of passingChains(layers, segments)) {
    let [least, most] = [-Infinity, Infinity];
    let line = [];
    const draw = () => line.forEach((item) => (lefts[item] = Math.min(Math.max(lefts[line[0]], least), most)));
    for (const item of chain) {
      const [low, high] = room.get(item);
      if (Math.max(least, low) > Math.min(most, high)) {
        draw();
        [least, most, line] = [-Infinity, Infinity, []];
      }
      [least, most] = [Math.max(least, low), Math.min(most, high)];
      line.push(item);
    }
    draw();
  }
}

function passingChains(layers, segments) {
  const chains = new Map();
  for (const each of segments) {
    if (each.index >= 0) continue;
    if (!chains.has(each.net)) chains.set(each.net, []);
    chains.get(each.net).push(each.lower);
  }
  return chains.values();
}

// Least squares under order and gaps: neighbours that would overlap form a block.
function settle(rank, wishes, widths, lefts) {
  const blocks = [];
  let start = 0;
  const starts = rank.map((item) => {
    const here = start;
    start += widths[item] + NODE_GAP;
    return here;
  });
  wishes.forEach(([wanted, weight], index) => {
    let block = { where: wanted - starts[index], weight, count: 1 };
    while (blocks.length && blocks[blocks.length - 1].where > block.where) {
      const before = blocks.pop();
      const both = before.weight + block.weight;
      const where = (before.where * before.weight + block.where * block.weight) / both;
      block = { where, weight: both, count: before.count + block.count };
    }
    blocks.push(block);
  });
  let index = 0;
  for (const block of blocks) {
    for (let i = 0; i < block.count; i++, index++) lefts[rank[index]] = block.where + starts[index];
  }
}

function readLayout(layers, segments, items, nets) {
  const { tops, bottoms, height } = stackRanks(layers, segments);
  const places = layers.lefts.map((x, index) => ({ x, y: tops[layers.rankOf[index]] }));
  const arriving = new Map(segments.map((each) => [each.lower, []]));
  const into = new Map();
  for (const each of segments) {
    arriving.get(each.lower).push(each);
    if (each.lower >= items.length) into.set(each.lower, each);
  }
  spreadEnds(arriving, layers, items);
  const paths = nets.map((net) => net.targets.map(() => []));
  for (const each of segments) {
    if (each.index < 0) continue;
    const points = [];
    for (let part = each; part; part = into.get(part.upper)) {
      points.unshift({ x: layers.lefts[part.lower] + part.lowerAt, y: tops[layers.rankOf[part.lower]] });
      const isPassing = part.upper >= items.length;
      const rank = layers.rankOf[part.upper];
      const y = isPassing ? bottoms[rank] : tops[rank] + layers.heights[part.upper];
      const x = layers.lefts[part.upper] + part.upperAt;
      // beside something tall, first down and only then sideways
      if (bottoms[rank] - y > 8) points.unshift({ x, y: bottoms[rank] });
      points.unshift({ x, y });
    }
    paths[each.net][each.index] = points;
  }
  const width = Math.max(0, ...layers.lefts.map((left, index) => left + layers.widths[index]));
  return { width, height, places: places.slice(0, items.length), paths };
}

// Ranks lie as far apart as the arrows between them have to move sideways.
function stackRanks(layers, segments) {
  const spans = layers.ranks.map(() => 0);
  for (const each of segments) {
    const from = layers.lefts[each.upper] + each.upperAt;
    const to = layers.lefts[each.lower] + each.lowerAt;
    const rank = layers.rankOf[each.upper];
    spans[rank] = Math.max(spans[rank], Math.abs(from - to));
  }
  const tops = [];
  const bottoms = [];
  let y = 0;
  layers.ranks.forEach((rank, index) => {
    tops.push(y);
    const height = Math.max(0, ...rank.map((item) => layers.heights[item]));
    bottoms.push(y + height);
    y += height + RANK_GAP + Math.min(50, spans[index] * 0.09);
  });
  return { tops, bottoms, height: bottoms.length ? bottoms[bottoms.length - 1] : 0 };
}

// Arrows that end at one box end side by side, in the order in which they come.
function spreadEnds(arriving, layers, items) {
  for (const [lower, parts] of arriving) {
    if (lower >= items.length || items[lower].pin || items[lower].isFixed || parts.length < 2) continue;
    const width = layers.widths[lower];
    const step = Math.min(24, (width - 16) / parts.length);
    parts.sort((a, b) => layers.lefts[a.upper] + a.upperAt - layers.lefts[b.upper] - b.upperAt);
    parts.forEach((part, index) => {
      part.lowerAt = width / 2 + (index - (parts.length - 1) / 2) * step;
    });
  }
}
