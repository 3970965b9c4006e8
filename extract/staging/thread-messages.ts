import type { ClientOptions, ClientStats } from '../archive/client.ts';
import type { StageOutcome, StageSettings, WantedArchive } from './stage-archive.ts';

/** All that a thread needs to know to stage archives. */
export interface StagerSettings {
  readonly stage: StageSettings;
  /** Of one thread. */
  readonly client: Omit<ClientOptions, 'signal'>;
}

/** What a staging thread is told. */
export type Order =
  | { readonly kind: 'stage'; readonly jobs: readonly Job[] }
  /** Break off what is under way; every job is still answered. */
  | { readonly kind: 'abort' }
  /** Nothing more will be asked. */
  | { readonly kind: 'close' };

export interface Job {
  readonly id: number;
  readonly wanted: WantedArchive;
}

/** What it answers: jobs in the order in which they ended, and its figures so far. */
export interface Report {
  readonly done: readonly Done[];
  readonly stats: ClientStats;
}

export type Done = { readonly id: number } & (
  | { readonly outcome: StageOutcome }
  /** The run stops. What an error of the system says beside its message is lost on the way from thread to thread. */
  | { readonly error: Error; readonly system: Pick<NodeJS.ErrnoException, 'code' | 'path'> }
);
