/** How long a reader waits for a warehouse that a run holds, in ms: a build publishes in less. */
export const queriesWaitMs = 5_000;

/** DuckDB's memory, as DuckDB writes it. It leaves half of 2 GB to everything else; what does not fit spills to disk. */
export const defaultMemoryLimit = '1GB';
