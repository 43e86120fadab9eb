/** The values of a pipeline; its first error rejects, unless an error of the server may be put in place of its value. */
export async function resultsOf(
  executed: Promise<[Error | null, unknown][] | null>,
  replace?: (error: Error) => unknown,
): Promise<unknown[]> {
  const results = (await executed) ?? [];
  return results.map(([error, value]) => {
    if (error === null) return value;
    if (replace === undefined || error.name !== 'ReplyError') throw error;
    return replace(error);
  });
}
