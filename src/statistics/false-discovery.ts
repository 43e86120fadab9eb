/**
 * Looking at many pairs finds some that look good by chance: of 1,000 that have nothing in common, 50 pass at 5 %. These procedures bound the
 * share of chance finds among what is found.
 */

/**
 * Benjamini & Hochberg (Journal of the Royal Statistical Society B 57 (1995) 289-300), or with `isDependent` Benjamini & Yekutieli (Annals of Statistics 29 (2001)
 * 1165-1188), which holds under any dependence, such as pairs that share a series. `rate`: the share to be held, 0 to 1. A p that is not a number
 * is never found. Returns for each p whether it stands.
 */
export function discoveries(pValues: readonly number[], rate: number, isDependent = false): boolean[] {
  const count = pValues.length;
  const harmonic = isDependent
    ? Array.from({ length: count }, (_, at) => 1 / (at + 1)).reduce((a, b) => a + b, 0)
    : 1;
  const sorted = pValues.filter((p) => p >= 0).sort((a, b) => a - b);
  let threshold = -1;
  sorted.forEach((p, at) => {
    if (p <= ((at + 1) * rate) / (count * harmonic)) threshold = p;
  });
  return pValues.map((p) => p <= threshold);
}
