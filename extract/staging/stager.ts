import { diskError } from '../../engine/index.ts';
import { type ClientOptions, type ClientStats, createClient } from '../archive/client.ts';
import { createBudget } from '../budget.ts';
import { createStage, type StageOutcome, type StageSettings, type WantedArchive } from './stage-archive.ts';
import { openThreads } from './threads.ts';

/** Stages archives, on this thread or on others. */
export interface Stager extends AsyncDisposable {
  /** As `stageArchive`; throws what stops the run: an abort, DISK_FULL, a thread that broke. */
  stage(wanted: WantedArchive): Promise<StageOutcome>;
  /** How many archives to ask for at once: enough that no connection waits for the next. */
  readonly lanes: number;
  readonly stats: ClientStats;
}

/** All that a thread needs to know to stage archives. */
export interface StagerSettings {
  readonly stage: StageSettings;
  /** Of one thread. */
  readonly client: Omit<ClientOptions, 'signal'>;
}

export interface StagerOptions extends StagerSettings {
  /** Threads; 0 stages on this one. */
  readonly workers: number;
  /** Bytes of archives that are under way at once. */
  readonly bytesInFlight: number;
  readonly signal: AbortSignal;
}

/** A zip that goes through a file is in memory piece by piece. */
const weightOfLarge = 1024 * 1024;

export function openStager(options: StagerOptions): Stager {
  const { stage, bytesInFlight, signal } = options;
  const stager = options.workers > 0 ? openThreads(options) : stageHere(options);
  const budget = createBudget(bytesInFlight, signal);
  return {
    lanes: stager.lanes,
    stats: stager.stats,
    async stage(wanted) {
      const bytes = wanted.object.size_bytes;
      using _ = await budget.take(bytes > stage.largestInMemory ? weightOfLarge : bytes);
      return await stager.stage(wanted);
    },
    [Symbol.asyncDispose]: () => stager[Symbol.asyncDispose](),
  };
}

function stageHere({ stage, client: clientOptions, signal }: StagerOptions): Stager {
  const client = createClient({ ...clientOptions, signal });
  const stageArchive = createStage(stage, client, signal);
  return {
    lanes: clientOptions.connections,
    stats: client.stats,
    async stage(wanted) {
      try {
        return await stageArchive(wanted);
      } catch (error) {
        throw diskError(error);
      }
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
