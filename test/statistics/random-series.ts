/** Series made from a seed, for tests: equal seeds give equal series. */

/** Uniform in [0, 1), by mulberry32. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Standard normal variates, by Box and Muller. */
export function normals(seed: number): () => number {
  const next = uniform(seed);
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

export function randomWalk(length: number, seed: number, start = 100): Float64Array {
  const normal = normals(seed);
  let level = start;
  return Float64Array.from({ length }, () => (level += normal()));
}

/** phi = 0 is noise, near 1 almost a walk. */
export function autoregressive(length: number, seed: number, phi: number, sigma = 1): Float64Array {
  const normal = normals(seed);
  let value = 0;
  return Float64Array.from({ length }, () => (value = phi * value + sigma * normal()));
}
