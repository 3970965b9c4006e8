// MD5 (RFC 1321) of many messages, eight at a time. Each step depends on the one before it, so that a single message
// leaves most of a core idle, and eight take little longer than one.

const LANES: usize = 8;
const BLOCK: usize = 64;
const IDLE: u32 = u32.MAX_VALUE;

/** The four words of the state, one after the other, each for all lanes. */
const states: usize = memory.data(16 * 8, 16);
/** The 16 words of a block, each as two vectors: for lanes 0 to 3 and for lanes 4 to 7. */
const words: usize = memory.data(16 * 4 * 8, 16);
/** For each lane, as u32: its message, the position of its next block, and the number of blocks left. */
const messages: usize = memory.data(4 * 8);
const positions: usize = memory.data(4 * 8);
const blocksLeft: usize = memory.data(4 * 8);

const initial: usize = memory.data<u32>([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]);
const constants: usize = memory.data<u32>([
  0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 0x698098d8,
  0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340,
  0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87,
  0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c,
  0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039,
  0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92,
  0xffeff47d, 0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
  0xeb86d391,
]);

/** Turns four words of each of four lanes into four vectors, one per word, which are stored two vectors apart. */
function transpose(a: usize, b: usize, c: usize, d: usize, to: usize): void {
  const low = v128.shuffle<i32>(v128.load(a), v128.load(b), 0, 4, 1, 5);
  const high = v128.shuffle<i32>(v128.load(a), v128.load(b), 2, 6, 3, 7);
  const low2 = v128.shuffle<i32>(v128.load(c), v128.load(d), 0, 4, 1, 5);
  const high2 = v128.shuffle<i32>(v128.load(c), v128.load(d), 2, 6, 3, 7);
  v128.store(to, v128.shuffle<i32>(low, low2, 0, 1, 4, 5));
  v128.store(to, v128.shuffle<i32>(low, low2, 2, 3, 6, 7), 32);
  v128.store(to, v128.shuffle<i32>(high, high2, 0, 1, 4, 5), 64);
  v128.store(to, v128.shuffle<i32>(high, high2, 2, 3, 6, 7), 96);
}

/** One of the 64 steps, in four lanes. `mixed` is the result of the round's function on the other three words. */
function step(a: v128, b: v128, mixed: v128, word: usize, constant: usize, shift: i32): v128 {
  const sum = i32x4.add(i32x4.add(a, i32x4.add(v128.load(word), v128.load32_splat(constant))), mixed);
  return i32x4.add(b, v128.or(i32x4.shl(sum, shift), i32x4.shr_u(sum, 32 - shift)));
}

// The functions of the four rounds, as RFC 1321 names them.
function f(b: v128, c: v128, d: v128): v128 {
  return v128.xor(d, v128.and(b, v128.xor(c, d)));
}

function g(b: v128, c: v128, d: v128): v128 {
  return v128.or(v128.andnot(c, d), v128.and(b, d));
}

function h(b: v128, c: v128, d: v128): v128 {
  return v128.xor(b, v128.xor(c, d));
}

function i(b: v128, c: v128, d: v128): v128 {
  return v128.xor(c, v128.or(b, v128.not(d)));
}

function position(lane: usize): usize {
  return load<u32>(positions + (lane << 2));
}

/** Processes this many blocks of every lane. */
function run(blocks: u32): void {
  let a = v128.load(states);
  let a2 = v128.load(states, 16);
  let b = v128.load(states, 32);
  let b2 = v128.load(states, 48);
  let c = v128.load(states, 64);
  let c2 = v128.load(states, 80);
  let d = v128.load(states, 96);
  let d2 = v128.load(states, 112);
  const end = <usize>blocks * BLOCK;
  for (let block: usize = 0; block < end; block += BLOCK) {
    for (let at: usize = 0; at < BLOCK; at += 16) {
      const from = block + at;
      const to = words + (at << 3);
      transpose(position(0) + from, position(1) + from, position(2) + from, position(3) + from, to);
      transpose(position(4) + from, position(5) + from, position(6) + from, position(7) + from, to + 16);
    }
    // Step n uses word n in the first round, then 5n + 1, 3n + 5 and 7n, modulo 16. If n is a multiple of 4, these are
    // n, n + 1, 5 - n and -n.
    for (let at: usize = 0; at < 16; at += 4) {
      const constant = constants + (at << 2);
      const word1 = words + (at << 5);
      a = step(a, b, f(b, c, d), word1, constant, 7);
      a2 = step(a2, b2, f(b2, c2, d2), word1 + 16, constant, 7);
      const word2 = words + ((at + 1) << 5);
      d = step(d, a, f(a, b, c), word2, constant + 4, 12);
      d2 = step(d2, a2, f(a2, b2, c2), word2 + 16, constant + 4, 12);
      const word3 = words + ((at + 2) << 5);
      c = step(c, d, f(d, a, b), word3, constant + 8, 17);
      c2 = step(c2, d2, f(d2, a2, b2), word3 + 16, constant + 8, 17);
      const word4 = words + ((at + 3) << 5);
      b = step(b, c, f(c, d, a), word4, constant + 12, 22);
      b2 = step(b2, c2, f(c2, d2, a2), word4 + 16, constant + 12, 22);
    }
    for (let at: usize = 0; at < 16; at += 4) {
      const constant = constants + 64 + (at << 2);
      const word1 = words + (((at + 1) & 15) << 5);
      a = step(a, b, g(b, c, d), word1, constant, 5);
      a2 = step(a2, b2, g(b2, c2, d2), word1 + 16, constant, 5);
      const word2 = words + (((at + 6) & 15) << 5);
      d = step(d, a, g(a, b, c), word2, constant + 4, 9);
      d2 = step(d2, a2, g(a2, b2, c2), word2 + 16, constant + 4, 9);
      const word3 = words + (((at + 11) & 15) << 5);
      c = step(c, d, g(d, a, b), word3, constant + 8, 14);
      c2 = step(c2, d2, g(d2, a2, b2), word3 + 16, constant + 8, 14);
      const word4 = words + (at << 5);
      b = step(b, c, g(c, d, a), word4, constant + 12, 20);
      b2 = step(b2, c2, g(c2, d2, a2), word4 + 16, constant + 12, 20);
    }
    for (let at: usize = 0; at < 16; at += 4) {
      const constant = constants + 128 + (at << 2);
      const word1 = words + (((5 - at) & 15) << 5);
      a = step(a, b, h(b, c, d), word1, constant, 4);
      a2 = step(a2, b2, h(b2, c2, d2), word1 + 16, constant, 4);
      const word2 = words + (((8 - at) & 15) << 5);
      d = step(d, a, h(a, b, c), word2, constant + 4, 11);
      d2 = step(d2, a2, h(a2, b2, c2), word2 + 16, constant + 4, 11);
      const word3 = words + (((11 - at) & 15) << 5);
      c = step(c, d, h(d, a, b), word3, constant + 8, 16);
      c2 = step(c2, d2, h(d2, a2, b2), word3 + 16, constant + 8, 16);
      const word4 = words + (((14 - at) & 15) << 5);
      b = step(b, c, h(c, d, a), word4, constant + 12, 23);
      b2 = step(b2, c2, h(c2, d2, a2), word4 + 16, constant + 12, 23);
    }
    for (let at: usize = 0; at < 16; at += 4) {
      const constant = constants + 192 + (at << 2);
      const word1 = words + (((0 - at) & 15) << 5);
      a = step(a, b, i(b, c, d), word1, constant, 6);
      a2 = step(a2, b2, i(b2, c2, d2), word1 + 16, constant, 6);
      const word2 = words + (((7 - at) & 15) << 5);
      d = step(d, a, i(a, b, c), word2, constant + 4, 10);
      d2 = step(d2, a2, i(a2, b2, c2), word2 + 16, constant + 4, 10);
      const word3 = words + (((14 - at) & 15) << 5);
      c = step(c, d, i(d, a, b), word3, constant + 8, 15);
      c2 = step(c2, d2, i(d2, a2, b2), word3 + 16, constant + 8, 15);
      const word4 = words + (((5 - at) & 15) << 5);
      b = step(b, c, i(c, d, a), word4, constant + 12, 21);
      b2 = step(b2, c2, i(c2, d2, a2), word4 + 16, constant + 12, 21);
    }
    a = i32x4.add(a, v128.load(states));
    a2 = i32x4.add(a2, v128.load(states, 16));
    b = i32x4.add(b, v128.load(states, 32));
    b2 = i32x4.add(b2, v128.load(states, 48));
    c = i32x4.add(c, v128.load(states, 64));
    c2 = i32x4.add(c2, v128.load(states, 80));
    d = i32x4.add(d, v128.load(states, 96));
    d2 = i32x4.add(d2, v128.load(states, 112));
    v128.store(states, a);
    v128.store(states, a2, 16);
    v128.store(states, b, 32);
    v128.store(states, b2, 48);
    v128.store(states, c, 64);
    v128.store(states, c2, 80);
    v128.store(states, d, 96);
    v128.store(states, d2, 112);
  }
}

/** Starts a message in a lane. */
function begin(lane: usize, message: u32, table: usize): void {
  store<u32>(messages + (lane << 2), message);
  store<u32>(positions + (lane << 2), load<u32>(table + ((<usize>message) << 3)));
  store<u32>(blocksLeft + (lane << 2), load<u32>(table + ((<usize>message) << 3), 4));
  for (let word: usize = 0; word < 4; word++) {
    store<u32>(states + (word << 5) + (lane << 2), load<u32>(initial + (word << 2)));
  }
}

/**
 * Computes the MD5 of `count` messages. The table contains two u32 for each: its position, and its number of 64-byte
 * blocks, padded as MD5 demands. The digests, of 16 bytes each, are written to `digests` in the same order.
 */
export function md5(table: usize, count: u32, digests: usize): void {
  let next: u32 = 0;
  for (let lane: usize = 0; lane < LANES; lane++) store<u32>(messages + (lane << 2), IDLE);
  for (;;) {
    let blocks: u32 = 0;
    let busy: usize = 0;
    for (let lane: usize = 0; lane < LANES; lane++) {
      if (load<u32>(messages + (lane << 2)) === IDLE) {
        if (next === count) continue;
        begin(lane, next++, table);
      }
      const left = load<u32>(blocksLeft + (lane << 2));
      if (blocks !== 0 && blocks <= left) continue;
      blocks = left;
      busy = lane;
    }
    if (blocks === 0) return;
    for (let lane: usize = 0; lane < LANES; lane++) {
      // It does not matter what an idle lane reads, but the memory must exist.
      if (load<u32>(messages + (lane << 2)) === IDLE) store<u32>(positions + (lane << 2), position(busy));
    }
    run(blocks);
    for (let lane: usize = 0; lane < LANES; lane++) {
      const message = load<u32>(messages + (lane << 2));
      if (message === IDLE) continue;
      const left = load<u32>(blocksLeft + (lane << 2)) - blocks;
      store<u32>(blocksLeft + (lane << 2), left);
      store<u32>(positions + (lane << 2), <u32>(position(lane) + <usize>blocks * BLOCK));
      if (left > 0) continue;
      for (let word: usize = 0; word < 4; word++) {
        const value = load<u32>(states + (word << 5) + (lane << 2));
        store<u32>(digests + ((<usize>message) << 4) + (word << 2), value);
      }
      store<u32>(messages + (lane << 2), IDLE);
    }
  }
}
