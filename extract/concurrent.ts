/**
 * Visits every item, at most `lanes` at a time, in order of arrival. The first visit that throws stops the rest
 * from starting; its error is thrown once those under way have ended.
 */
export async function forEachConcurrent<T>(
  items: Iterable<T>,
  lanes: number,
  visit: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const errors: unknown[] = [];
  async function lane(): Promise<void> {
    for (;;) {
      const next = errors.length > 0 ? undefined : iterator.next();
      if (next === undefined || next.done) return;
      try {
        await visit(next.value);
      } catch (error) {
        errors.push(error);
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane));
  if (errors.length > 0) throw errors[0];
}
