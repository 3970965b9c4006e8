export type Pool = 'network' | 'warehouse';

export interface Task {
  readonly id: string;
  readonly needs: readonly string[];
  /** Tasks that must have ended before this one starts, well or not. */
  readonly after?: readonly string[];
  readonly pool: Pool;
}

export interface ScheduleOptions {
  /** Number of tasks that run at once, in all pools. */
  readonly threads: number;
  readonly limits: Readonly<Record<Pool, number>>;
  /** Once a task fails, does not start any others. */
  readonly failFast: boolean;
  readonly signal: AbortSignal;
}

/**
 * Runs each task once everything that it needs has succeeded. `execute` returns true if the tasks that depend on it may
 * run; `skip` is called for each task that may not, with the reason. Tasks start in the order given.
 */
export async function schedule<T extends Task>(
  tasks: readonly T[],
  options: ScheduleOptions,
  execute: (task: T) => Promise<boolean>,
  skip: (task: T, reason: string) => void,
): Promise<void> {
  const waiting = new Map(tasks.map((task) => [task.id, task]));
  const running = new Map<string, Promise<void>>();
  const failed = new Set<string>();
  const inPool = (pool: Pool) => tasks.filter((task) => task.pool === pool && running.has(task.id)).length;

  const reasonToSkip = (task: T): string | undefined => {
    if (options.signal.aborted) return 'the run was interrupted';
    const culprit = task.needs.find((id) => failed.has(id));
    if (culprit !== undefined) return `${culprit} did not succeed`;
    if (options.failFast && failed.size > 0) return `--fail-fast: ${[...failed][0]} did not succeed`;
    return undefined;
  };

  while (waiting.size > 0 || running.size > 0) {
    for (const task of [...waiting.values()]) {
      const reason = reasonToSkip(task);
      if (reason !== undefined) {
        waiting.delete(task.id);
        failed.add(task.id);
        skip(task, reason);
        continue;
      }
      const blocked = [...task.needs, ...(task.after ?? [])].some((id) => waiting.has(id) || running.has(id));
      if (blocked || running.size >= options.threads || inPool(task.pool) >= options.limits[task.pool]) continue;
      waiting.delete(task.id);
      const run = execute(task).then((succeeded) => {
        running.delete(task.id);
        if (!succeeded) failed.add(task.id);
      });
      running.set(task.id, run);
    }
    if (running.size > 0) await Promise.race(running.values());
  }
}
