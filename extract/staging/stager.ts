import { machineFault } from '../../engine/index.ts';
import { createClient } from '../archive/client.ts';
import { createBudget } from '../concurrency.ts';
import { createStage } from './stage-archive.ts';
import { openThreads, type Stager, type StagerOptions } from './threads.ts';

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
        throw machineFault(error);
      }
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
