import path from 'node:path';

/** Everything that a run writes, under one folder per target. */
export interface TargetPaths {
  readonly root: string;
  readonly staging: string;
  readonly warehouse: string;
  readonly exports: string;
  readonly artifacts: string;
  readonly logs: string;
  readonly backups: string;
  /** Files of a publication that has not ended yet. */
  readonly publishing: string;
}

/** The file name of a warehouse; the files next to it refer to this name only. */
export const warehouseName = 'warehouse.duckdb';

/** The lock of `run --locked`, unless the option names another. */
export const sourcesLock = (root: string): string => path.join(root, 'sources.lock');

export const targetPaths = (dataDir: string, target: string): TargetPaths => {
  const root = path.resolve(dataDir, target);
  return {
    root,
    staging: path.join(root, 'staging'),
    warehouse: path.join(root, warehouseName),
    exports: path.join(root, 'exports'),
    artifacts: path.join(root, 'artifacts'),
    logs: path.join(root, 'logs'),
    backups: path.join(root, 'backups'),
    publishing: path.join(root, 'publishing'),
  };
};

/**
 * The path of a database's write-ahead log. DuckDB takes a `?` for the start of a URL's parameters and puts its suffix
 * before it, so the log of `/a?b/w.duckdb` is `/a.wal?b/w.duckdb`.
 */
export const walOf = (file: string, suffix = '.wal'): string => file.replace(/\?|$/, (end) => `${suffix}${end}`);
