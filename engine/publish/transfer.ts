/** Files in flight at once: enough to hide a store's latency, few enough for its limits. */
const lanes = 8;

/** Transfers every item, a few at a time. After one has failed, no other begins; its error is thrown at the end. */
export async function transferAll<T>(items: Iterable<T>, transfer: (item: T) => Promise<void>): Promise<void> {
  const iterator = Iterator.from(items);
  const errors: unknown[] = [];
  async function lane(): Promise<void> {
    for (let next = iterator.next(); next.done !== true && errors.length === 0; next = iterator.next()) {
      await transfer(next.value).catch((error: unknown) => void errors.push(error));
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane));
  if (errors.length > 0) throw errors[0];
}
