/**
 * Visits every item in order, at most `lanes` at a time. After a visit has thrown, no further visit starts; its error
 * is thrown once the visits in progress have ended.
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

/** A limited amount that is shared on a first-come, first-served basis. */
export interface Budget {
  /**
   * Waits until the amount is available. An amount that exceeds the total waits until nothing else is taken.
   * Throws if the signal is aborted.
   */
  take(amount: number): Promise<Disposable>;
}

export function createBudget(total: number, signal: AbortSignal): Budget {
  const waiting: { readonly amount: number; readonly grant: () => void }[] = [];
  let taken = 0;

  function serve(): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (taken > 0 && taken + next.amount > total && !signal.aborted) return;
      waiting.shift();
      taken += next.amount;
      next.grant();
    }
  }
  signal.addEventListener('abort', serve, { once: true });

  return {
    async take(amount) {
      if (waiting.length > 0 || (taken > 0 && taken + amount > total)) {
        await new Promise<void>((grant) => {
          waiting.push({ amount, grant });
          serve();
        });
      } else {
        taken += amount;
      }
      signal.throwIfAborted();
      return {
        [Symbol.dispose]() {
          taken -= amount;
          serve();
        },
      };
    },
  };
}
