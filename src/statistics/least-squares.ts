/**
 * Least squares by Householder QR (Golub & Van Loan, Matrix Computations, §5.3) in float64. One factorisation of the widest design
 * answers every design made of its first columns: RSS_k is the sum of squares of (Q'y)[k..], so that lag orders are compared
 * without fitting each anew. Columns are never squared (no X'X), which is what keeps trends of raw prices readable.
 */

/** A column whose part not explained by those before it is below this share of its length adds nothing but rounding noise. */
const DEPENDENT = 1e-11;

export class LeastSquares {
  /** Rows of the design. */
  readonly rows: number;
  /** Columns of the widest design. */
  readonly columns: number;
  private readonly reduced: readonly Float64Array[];
  private readonly diagonal: Float64Array;
  private readonly projected: Float64Array;
  private readonly norms: Float64Array;

  /**
   * Takes copies of nothing: `columns` and `y` are overwritten. All of one length, at least as many rows as columns; the caller
   * has checked that every value is finite.
   */
  constructor(columns: readonly Float64Array[], y: Float64Array) {
    this.rows = y.length;
    this.columns = columns.length;
    this.reduced = columns;
    this.projected = y;
    this.diagonal = new Float64Array(columns.length);
    this.norms = Float64Array.from(columns, lengthOf);
    for (let k = 0; k < columns.length; k++) this.eliminate(k);
  }

  /** The first column that depends on those before it (or is 0 throughout); null when there is none. */
  dependentColumn(): number | null {
    for (let k = 0; k < this.columns; k++)
      if (!(Math.abs(this.diagonal[k]!) > DEPENDENT * this.norms[k]!)) return k;
    return null;
  }

  /** Sum of squared residuals of the design made of the first `k` columns. */
  rss(k: number = this.columns): number {
    return sumOfSquares(this.projected, k);
  }

  /** t statistic of the last of the first `k` columns; no other column's is as cheap. */
  lastT(k: number = this.columns): number {
    const sigma = Math.sqrt(this.rss(k) / (this.rows - k));
    return (this.projected[k - 1]! * Math.sign(this.diagonal[k - 1]!)) / sigma;
  }

  /** Coefficients of the first `k` columns. */
  coefficients(k: number = this.columns): Float64Array {
    return this.solve(this.projected, k);
  }

  /** Standard errors of the coefficients of the first `k` columns: sigma times the row lengths of R^-1. */
  standardErrors(k: number = this.columns): Float64Array {
    const sigma = Math.sqrt(this.rss(k) / (this.rows - k));
    const squares = new Float64Array(k);
    for (let column = 0; column < k; column++) {
      const unit = new Float64Array(k);
      unit[column] = 1;
      const inverse = this.solve(unit, k);
      for (let row = 0; row < k; row++) squares[row]! += inverse[row]! ** 2;
    }
    return squares.map((square) => sigma * Math.sqrt(square));
  }

  /** Entry of the triangular factor, row <= column. */
  r(row: number, column: number): number {
    return row === column ? this.diagonal[row]! : this.reduced[column]![row]!;
  }

  /** R^-1 times the first `k` values of `right`. */
  solve(right: Float64Array, k: number = this.columns): Float64Array {
    const solution = new Float64Array(k);
    for (let row = k - 1; row >= 0; row--) {
      let rest = right[row]!;
      for (let column = row + 1; column < k; column++)
        rest -= this.reduced[column]![row]! * solution[column]!;
      solution[row] = rest / this.diagonal[row]!;
    }
    return solution;
  }

  /** Applies Q' to a further column of the same length, in place. */
  project(other: Float64Array): Float64Array {
    for (let k = 0; k < this.columns; k++) reflect(this.reduced[k]!, other, k);
    return other;
  }

  /** Column `at` of the orthonormal basis of the columns' space. */
  basis(at: number): Float64Array {
    const unit = new Float64Array(this.rows);
    unit[at] = 1;
    for (let k = this.columns - 1; k >= 0; k--) reflect(this.reduced[k]!, unit, k);
    return unit;
  }

  /** Reflects column k onto its axis, and everything right of it with it; the reflector stays in the column, scaled to length √2. */
  private eliminate(k: number): void {
    const column = this.reduced[k]!;
    const length = Math.sqrt(sumOfSquares(column, k));
    const pivot = column[k]!;
    const target = pivot > 0 ? -length : length;
    this.diagonal[k] = target;
    if (length === 0) return;
    column[k] = pivot - target;
    // |v|² = 2 length (length + |pivot|): scaled to 2, a reflection is y − v (v'y).
    const scale = 1 / Math.sqrt(length * (length + Math.abs(pivot)));
    for (let i = k; i < this.rows; i++) column[i]! *= scale;
    for (let j = k + 1; j < this.columns; j++) reflect(column, this.reduced[j]!, k);
    reflect(column, this.projected, k);
  }
}

/** Four sums side by side: one alone would wait for each of its additions. */
function reflect(reflector: Float64Array, column: Float64Array, from: number): void {
  const rows = column.length;
  let [a, b, c, d] = [0, 0, 0, 0];
  let i = from;
  for (; i + 3 < rows; i += 4) {
    a += reflector[i]! * column[i]!;
    b += reflector[i + 1]! * column[i + 1]!;
    c += reflector[i + 2]! * column[i + 2]!;
    d += reflector[i + 3]! * column[i + 3]!;
  }
  for (; i < rows; i++) a += reflector[i]! * column[i]!;
  const product = a + b + (c + d);
  for (i = from; i < rows; i++) column[i]! -= product * reflector[i]!;
}

function sumOfSquares(values: Float64Array, from: number): number {
  let sum = 0;
  for (let i = from; i < values.length; i++) sum += values[i]! * values[i]!;
  return sum;
}

const lengthOf = (column: Float64Array): number => Math.sqrt(sumOfSquares(column, 0));
