/**
 * Singular values and left vectors of a small square matrix by one-sided Jacobi rotations (Hestenes 1958): the rows are turned against each
 * other until all are orthogonal; then their lengths are the singular values, and the rotations together are the vectors. Small values
 * keep their relative accuracy, which a detour over the squared matrix would cost.
 */

const SWEEPS = 60;
const ORTHOGONAL = 1e-15;

/** `rows` is overwritten. Values descend; `vectors[i]` belongs to `values[i]`. */
export function leftSingular(rows: Float64Array[]): { values: number[]; vectors: Float64Array[] } {
  const size = rows.length;
  const turned = rows.map((_, at) => Float64Array.from({ length: size }, (_, i) => (i === at ? 1 : 0)));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let isDone = true;
    for (let i = 0; i < size - 1; i++)
      for (let j = i + 1; j < size; j++) if (rotate(rows, turned, i, j)) isDone = false;
    if (isDone) break;
  }
  const found = rows.map((row, at) => ({ value: Math.sqrt(product(row, row)), vector: turned[at]! }));
  found.sort((a, b) => b.value - a.value);
  return { values: found.map(({ value }) => value), vectors: found.map(({ vector }) => vector) };
}

/** Makes rows i and j orthogonal; false when they are. */
function rotate(rows: Float64Array[], turned: Float64Array[], i: number, j: number): boolean {
  const [a, b] = [rows[i]!, rows[j]!];
  const [aa, bb, ab] = [product(a, a), product(b, b), product(a, b)];
  if (Math.abs(ab) <= ORTHOGONAL * Math.sqrt(aa * bb)) return false;
  const zeta = (bb - aa) / (2 * ab);
  const tangent = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.hypot(1, zeta));
  const cosine = 1 / Math.hypot(1, tangent);
  turn(a, b, cosine, cosine * tangent);
  turn(turned[i]!, turned[j]!, cosine, cosine * tangent);
  return true;
}

function turn(a: Float64Array, b: Float64Array, cosine: number, sine: number): void {
  for (let at = 0; at < a.length; at++) {
    const [x, y] = [a[at]!, b[at]!];
    a[at] = cosine * x - sine * y;
    b[at] = sine * x + cosine * y;
  }
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += a[at]! * b[at]!;
  return sum;
}
