export interface BenchOptions {
  /** Share of the full number of files, rows or symbols. */
  readonly scale: number;
  readonly rounds: number;
  /** ms before the servers answer. */
  readonly latencyMs: number;
  /** Where archives are made and kept. */
  readonly directory: string;
  /** Where runs write; it goes in the end. */
  readonly work: string;
  readonly wants: (part: string) => boolean;
  /** Whether a program of others runs beside ours. */
  readonly wantsPeer: (name: string) => boolean;
}

/** A line of the closing table. */
export interface Figure {
  /** Id of the bar in the design, or of the part. */
  readonly bar: string;
  readonly what: string;
  readonly ours: string;
  readonly peer: string;
  /** Ours by the peer's, or whatever the demand is about. */
  readonly ratio: string;
  readonly demand: string;
  readonly holds?: boolean;
}

export const scaled = (count: number, { scale }: Pick<BenchOptions, 'scale'>): number =>
  Math.max(1, Math.round(count * scale));
