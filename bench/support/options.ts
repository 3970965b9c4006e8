export interface BenchOptions {
  /** Share of the full number of files, rows or symbols. */
  readonly scale: number;
  readonly rounds: number;
  /** Delay in ms before the servers answer. */
  readonly latencyMs: number;
  /** Folder for archives, which are kept. */
  readonly directory: string;
  /** Folder for the output of runs, removed at the end. */
  readonly work: string;
  readonly wants: (part: string) => boolean;
  /** The Python peers of S4, if they take part. */
  readonly python?: PythonPeers | undefined;
  /** True if a peer takes part. */
  readonly wantsPeer: (name: string) => boolean;
}

export interface PythonPeers {
  /** The interpreter of an environment with duckdb, dbt-core and dbt-duckdb. */
  readonly python: string;
  /** Folder with `make_template.py`, `add_day.py`, `by-hand.py` and a dbt project. */
  readonly peers: string;
}

/** A line of the final table. */
export interface Figure {
  /** Id of the bar in the design, or of the part. */
  readonly bar: string;
  readonly what: string;
  readonly ours: string;
  readonly peer: string;
  /** Ours divided by the peer's, or the figure that the demand refers to. */
  readonly ratio: string;
  readonly demand: string;
  readonly holds?: boolean;
}

export const scaled = (count: number, { scale }: Pick<BenchOptions, 'scale'>): number =>
  Math.max(1, Math.round(count * scale));
