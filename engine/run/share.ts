/**
 * One instance of a thing for the whole run: made by the first who asks, disposed with the run, last made first. Who asks
 * later than that gets nothing that nobody would let go.
 */
export function createShare(): AsyncDisposable & {
  get<T extends AsyncDisposable>(name: string, create: () => Promise<T>): Promise<T>;
} {
  const made = new Map<string, Promise<AsyncDisposable>>();
  let isOver = false;
  return {
    get<T extends AsyncDisposable>(name: string, create: () => Promise<T>): Promise<T> {
      if (isOver) return Promise.reject(new Error(`${name} is asked for, but the run has ended`));
      const known = made.get(name) as Promise<T> | undefined;
      if (known !== undefined) return known;
      const creating = create();
      made.set(name, creating);
      return creating;
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      for (const pending of [...made.values()].reverse()) {
        const thing = await pending.catch(() => undefined); // whoever asked for it was told
        await thing?.[Symbol.asyncDispose]();
      }
    },
  };
}
