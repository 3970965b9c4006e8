/** The time that a reader waits for a warehouse that a run holds, in ms; a build publishes in less time. */
export const queriesWaitMs = 5_000;

/** DuckDB's memory limit, in DuckDB's notation. It leaves half of 2 GB to everything else; excess spills to disk. */
export const defaultMemoryLimit = '1GB';
